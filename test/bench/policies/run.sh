#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What hooks of policies cost, as tables: run.sh [--kernel NAME] [PART]...
#   PART     backends, session, file, rate, load (default: all; under another kernel backends and session)
#   --kernel a kernel of test/vm/run.sh, in a virtual machine with one emulated processor: there only ratios mean anything
set -euo pipefail
cd "$(dirname "$0")/../../.."

kernel='' parts=()
while (($#)); do
	case $1 in
	--kernel) kernel=$2 && shift ;;
	backends | session | file | rate | load) parts+=("$1") ;;
	*) echo "what is $1? See the head of $0" >&2 && exit 2 ;;
	esac
	shift
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
make -s -C test/bench/policies/testdata BUILD="$folder"
CGO_ENABLED=0 go build -o "$folder/policies" ./test/bench/policies

if [[ -z $kernel ]]; then
	((${#parts[@]})) || parts=(backends session file load rate)
	for part in "${parts[@]}"; do "$folder/policies" -workload "$folder/workload" -part "$part"; done
else
	((${#parts[@]})) || parts=(backends session)
	for part in "${parts[@]}"; do
		./test/vm/run.sh --shell "$kernel" --with "$folder" --timeout 1800 -- ./policies -workload ./workload -rounds 3 -part "$part"
	done
fi
