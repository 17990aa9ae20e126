#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# down.sh [--vm-only]: end the cluster, or only its VM node, and remove every trace but the cache. Fails, and says why, when
# something is left.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
. "$HERE/lib/common.sh"
. "$HERE/lib/cgroup.sh"
. "$HERE/lib/net.sh"
. "$HERE/lib/node.sh"
. "$HERE/lib/vm.sh"
. "$HERE/lib/control_plane.sh"

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

left_of_vm() {
	! vm_up || echo "processes $(cgroup_pids "$VM" | tr '\n' ' ')"
	net_links | grep -x "ts-$VM" || true
	[ ! -e "$STATE/$VM" ] || echo "state $STATE/$VM"
}

report() {
	[ -n "$1" ] || return 0
	say "left behind:"
	echo "$1" >&2
	exit 1
}

case ${1:-} in
--vm-only)
	lock
	vm_stop
	if control_plane_ready; then node_forget "$VM"; fi
	report "$(left_of_vm)"
	say "$VM is down"
	exit 0
	;;
--locked) ;; # up.sh has the lock
'') lock ;;
*) die "usage: down.sh [--vm-only]" ;;
esac
cgroup_remove "" || true
net_remove
rm -rf --one-file-system "$STATE"
report "$(left)"
say "down, nothing left"
