#!/bin/bash

echo "Start subsub.sh"
sleep 5
echo "Finish subsub.sh"
