#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [--full]: all tests, as root on Debian 12 with Go, gcc, make and apt; what else is needed is fetched. A table of the stages and
# what each took is at the end. --full: also what takes hours, and the table goes to test-report.txt too:
#   all fuzz targets for $FUZZ_SECONDS each (default 100), the race detector, all kernels, builds for all platforms, the cluster's own checks.
#
# $KUBECONFIG set: the end-to-end tests run on that cluster, of which two nodes must be ready. For one test it must be able to pull the
# tracer's image (make IMAGE=…), and it needs the pods' images: TRACE_SEC_WORKLOAD_IMAGE (a shell and coreutils, such as busybox) and TRACE_SEC_SCRIPTS_IMAGE
# (what test/cluster/images/debian adds to a Debian). Its nodes need the label trace-sec.test/tier: trampoline, kprobe or tracepoint, the best
# kind of hook that programs can be attached to in their kernels. Else on the project's own, which is started, unless it is up, and stopped again.
set -euo pipefail
cd "$(dirname "$0")/.."
. ./test/lib/go.sh
. ./test/lib/stages.sh
. ./test/lib/cluster.sh

full='' kernels=6.1,6.12
case ${1:-} in
--full) full=1 kernels=5.10,6.1,6.12,6.18,newest STAGES_REPORT=test-report.txt ;;
'') ;;
*) echo "usage: run.sh [--full]" >&2 && exit 2 ;;
esac
TRACE_SEC_TARGET=test${full:+-full} ./test/lib/machine.sh root debian go
own=''
[[ -n ${KUBECONFIG:-} ]] || own=1
preparation="Kubernetes, images, the virtual node's disk"
guests="kernel tests under $kernels"
# Nodes have the tracer's image for the tests of that way; the others carry it.
begin_cluster() { cluster_begin --nodes 2 --vm && cluster_load_tracer; }
finish() {
	local code=$?
	[[ -z ${cluster_started:-} ]] || stage "end of the test cluster" cluster_end
	stages_end "$code"
}
trap finish EXIT

needed tools ./test/tools.sh
# In the background is what waits for a compiler or for an emulated processor.
[[ -z $own ]] || in_background "$preparation" ./test/cluster/up.sh --prepare --vm
needed build make build image
in_background "$guests" ./test/vm/run.sh --timeout 5400 --kernel "$kernels"
stage lint ./test/lint.sh
stage "unit tests" ./test/unit.sh
stage "kernel tests" ./test/kernel.sh
stage "builds for other platforms" env TRACE_SEC_ALL_PLATFORMS=$full go test -count=1 -vet=off -timeout 40m -run '^TestBuilds' ./cmd/kubectl-trace-sec
stage fuzzing ./test/fuzz.sh ${full:+--seconds "${FUZZ_SECONDS:-100}"}
if [[ -n $full ]]; then
	stage "unit tests, race detector" ./test/unit.sh -race
	stage "kernel tests, race detector" ./test/kernel.sh -race
	stage "races, a minute each" env TRACE_SEC_RACE_SECONDS=60 go test -count=1 -vet=off ./test/policies -run '^Test(Races|ForksAreSeen)$'
fi

[[ -z $own ]] || result_of "$preparation"
if [[ -z $own ]] || succeeded "$preparation"; then stage "test cluster" begin_cluster; fi
if succeeded "test cluster"; then
	[[ -z $full || -z $own ]] || stage "what the cluster must be able to do" ./test/cluster/smoke.sh
	stage "end-to-end tests" go test -count=1 -vet=off -timeout 40m ./test/e2e/...
else
	impossible "end-to-end tests" "there is no cluster to run them on"
fi
result_of "$guests"
