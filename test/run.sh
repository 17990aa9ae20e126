#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All tests, as root on a Debian machine with Go, gcc, make and apt: what else is needed is installed here.
#   $KUBECONFIG set: the end-to-end tests run on that cluster, which must be able to pull the tracer's image (make IMAGE=…);
#   else on the project's own, which is started and stopped.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }
[[ $EUID == 0 ]] || { echo "the kernel tests need root: sudo -E make test" >&2; exit 1; }

step "tools"
./bpf/toolchain.sh
./test/tools.sh

step "lint"
make lint

step "build"
make build image

step "unit and kernel tests"
mapfile -t packages < <(go list ./... | grep -v /test/e2e)
go test -timeout 40m "${packages[@]}"

# The oldest kernel that we support and a usual one; `make test-kernels` has all, which takes an hour on two CPUs.
step "the kernel tests under other kernels, in virtual machines"
./test/vm/run.sh --jobs 2 --kernel 6.1,6.12

step "fuzz, a moment each: what a node sends, what reaches the terminal, what a policy says, what files and kernels hold"
while read -r package target; do
	go test "./$package" -run '^$' -fuzz "^$target\$" -fuzztime 10s -fuzzminimizetime 10x </dev/null
done <<-T
	pkg/wire FuzzDecodeFrame
	pkg/plugin/terminal FuzzSanitize
	pkg/policy FuzzParse
	pkg/tracer/hook FuzzDecode
	pkg/tracer/layout FuzzFile
	pkg/tracer/program FuzzFile
	pkg/tracer/program FuzzLocation
	pkg/tracer/symbol FuzzMappings
	test/policies/generated FuzzLoad
T

if [[ -z ${KUBECONFIG:-} ]]; then
	step "test cluster: two nodes on this machine's kernel, one virtual machine with another"
	trap ./test/cluster/down.sh EXIT
	KUBECONFIG=$(./test/cluster/up.sh --nodes 2 --vm | tee -a /dev/stderr | tail -n 1)
	export KUBECONFIG
	./test/cluster/load-image.sh bin/tracer-image.tar
fi

step "end-to-end tests"
go test -count=1 -timeout 30m ./test/e2e/...
