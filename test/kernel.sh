#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kernel.sh [GO_TEST_FLAG]...: the tests that need root, of test/root-tests: they trace with this machine's kernel.
set -euo pipefail
cd "$(dirname "$0")/.."
./test/lib/machine.sh root
. ./test/lib/go.sh
[[ " $* " != *" -race "* ]] || export CGO_ENABLED=1 # which the detector needs

# Never from Go's cache of results: they depend on the kernel and on programs that the tests call. -vet=off: make lint does that.
kernel_test() { go test -count=1 -vet=off -timeout 40m "$@"; }

code=0 whole=()
while read -r package; do
	if [[ -z $(root_tests "$package") ]]; then
		whole+=("$package")
	else
		kernel_test "$@" -run "$(root_tests "$package")" "$package" || code=1
	fi
done < <(root_packages)
kernel_test "$@" "${whole[@]}" || code=1
exit $code
