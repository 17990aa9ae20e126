#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
ME=$(basename "$0")
echo "$ME"
