#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# unit.sh [GO_TEST_FLAG]...: all tests that need neither root nor a network, once modules are in Go's cache. Run by root, they run
# without root's rights and without a network all the same, which shows that they need neither.
set -euo pipefail
cd "$(dirname "$0")/.."
. ./test/lib/go.sh
[[ " $* " != *" -race "* ]] || export CGO_ENABLED=1 # which the detector needs

# shellcheck disable=SC2016 # the inner shell's
isolated=(unshare --user --map-user=1000 --map-group=1000 --net --keep-caps sh -c
	'ip link set lo up && exec setpriv --inh-caps=-all --ambient-caps=-all "$@"' sh)
if [[ $EUID != 0 ]] || ! "${isolated[@]}" true 2>/dev/null; then
	isolated=()
	[[ $EUID != 0 ]] || echo "unit.sh: no user namespaces here, so these tests run as root" >&2
fi
go mod download
export GOPROXY=off

# -vet=off: make lint does that. -short: the programs are built for this platform only.
unit_test() { "${isolated[@]}" go test -count=1 -vet=off -short -timeout 10m "${@}"; }

mapfile -t whole < <(comm -23 <(packages_with_tests | sort) <(root_packages | sort))
code=0
unit_test "$@" "${whole[@]}" || code=1
while read -r package; do
	[[ -z $(root_tests "$package") ]] || unit_test "$@" -skip "$(root_tests "$package")" "$package" || code=1
done < <(root_packages)
exit $code
