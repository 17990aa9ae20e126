#!/bin/bash

echo "Start sub.sh"
sleep 5
/subsub.sh
sleep 5
echo "Finish sub.sh"
