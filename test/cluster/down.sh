#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# down.sh: end the cluster and remove every trace of it but the cache. Fails, and says why, when something is left.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
. "$HERE/lib/common.sh"
. "$HERE/lib/cgroup.sh"
. "$HERE/lib/net.sh"

left() {
	local pid root
	for pid in $(cgroup_pids); do echo "process $pid $(cat "/proc/$pid/comm" 2>/dev/null)"; done
	for root in $(cgroup_roots); do
		[ ! -d "$root/$ROOT_CGROUP" ] || echo "cgroup $root/$ROOT_CGROUP"
	done
	net_namespaces | sed 's/^/network namespace /'
	net_links | sed 's/^/link /'
	awk -v d="$STATE" 'index($2, d) { print "mount " $2 }' /proc/self/mounts
	[ ! -e "$STATE" ] || echo "state $STATE"
}

[ "${1:-}" = --locked ] || lock
cgroup_remove "" || true
net_remove
rm -rf --one-file-system "$STATE"
left=$(left)
if [ -n "$left" ]; then
	say "left behind:"
	echo "$left" >&2
	exit 1
fi
say "down, nothing left"
