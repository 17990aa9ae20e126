#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures, and prints tables: what tracing costs beside no tracer and beside bpftrace, the tracer's memory, what policies cost
# here and under other kernels, and how long the start and the end take on a cluster ($KUBECONFIG, or the project's own, which
# is started, unless it is up, and stopped again), and how both grow with the number of nodes.
set -euo pipefail
cd "$(dirname "$0")/../.."
. ./test/lib/cluster.sh

if ! command -v bpftrace >/dev/null; then
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends bpftrace >/dev/null
fi
# bpftrace looks for tracefs below /sys/kernel/debug: mounted for it alone.
unshare --mount sh -c 'mount -t debugfs debugfs /sys/kernel/debug && exec "$@"' sh go run ./test/bench/processcost

# What the plugin and the tracer's output spend on an event, stage by stage and on the whole way, in ns and allocations.
go test -run '^$' -bench . -benchtime 200000x ./pkg/wire ./pkg/event/appendjson ./pkg/event/readjson ./pkg/plugin/pods \
	./pkg/plugin/processes ./pkg/plugin/render ./pkg/plugin/replay ./pkg/plugin/trace | grep -E '^(pkg|Benchmark)'

./test/bench/policies/run.sh
for kernel in 6.1 6.12; do ./test/bench/policies/run.sh --kernel "$kernel"; done

trap cluster_end EXIT
cluster_begin --nodes 2
cluster_load_tracer
go run ./test/bench/session
go run ./test/bench/stream
# Nodes that are scripted, on the same API server.
go run ./test/scale --nodes 10,100,500 --failing 100
