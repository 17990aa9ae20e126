#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh [--seconds N] [EXECUTIONS]: every fuzz target there is, 10000 executions each, or with --seconds such rounds until N seconds are
# over. A target that needs root (test/root-tests) loads programs into the kernel, and has a tenth of that. Go's own -fuzztime 10s is not
# used: its end is sometimes reported as a failure, "context deadline exceeded" (go.dev/issue/75804).
set -euo pipefail
cd "$(dirname "$0")/.."
. ./test/lib/go.sh

seconds=0
if [[ ${1:-} == --seconds ]]; then
	seconds=${2:-}
	shift 2 || shift
fi
executions=${1:-10000}
[[ $seconds =~ ^[0-9]+$ && $executions =~ ^[1-9][0-9]*$ ]] || { echo "usage: fuzz.sh [--seconds N] [EXECUTIONS]" >&2 && exit 2; }

# targets: FOLDER NAME
targets() {
	git grep --untracked -E '^func Fuzz[A-Za-z0-9_]*\(' -- '*_test.go' |
		sed -E 's#^(.*)/[^/]*:func (Fuzz[A-Za-z0-9_]*).*#./\1 \2#' | sort
}

needs_root() { [[ -n $(root_tests "$1") && $2 =~ $(root_tests "$1") ]]; }

# fuzz FOLDER NAME: what is interesting stays in Go's cache, so a round goes on where the one before ended.
fuzz() {
	local began=$EPOCHSECONDS rounds=0 executions=$executions
	if needs_root "$1" "$2"; then
		[[ $EUID == 0 ]] || { echo "-- $1 $2: needs root" >&2 && return 1; }
		executions=$(((executions + 9) / 10))
	fi
	while ((rounds == 0 || EPOCHSECONDS - began < seconds)); do
		go test "$1" -vet=off -run '^$' -fuzz "^$2\$" -fuzztime "${executions}x" -fuzzminimizetime 10x </dev/null || return
		rounds=$((rounds + 1))
	done
	echo "-- $1 $2: $rounds rounds of $executions executions, $((EPOCHSECONDS - began)) s"
}

code=0 failed=() count=0
while read -r folder name; do
	fuzz "$folder" "$name" || { code=1 && failed+=("$folder $name"); }
	count=$((count + 1))
done < <(targets)
((count)) || { echo "fuzz.sh: there are no fuzz targets" >&2 && exit 1; }
((code == 0)) || printf 'fuzz.sh: FAILED: %s\n' "${failed[@]}" >&2
exit $code
