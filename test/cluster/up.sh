#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# up.sh [--prepare] [--nodes N] [--vm]: a Kubernetes cluster on this machine, from nothing: N nodes (2) in namespaces of this kernel and,
# with --vm, one in a virtual machine with a kernel of its own. What is there already is kept, what is missing is added.
# --prepare: only bring into the cache what that needs.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
. "$HERE/lib/common.sh"
. "$HERE/lib/cgroup.sh"
. "$HERE/lib/net.sh"
. "$HERE/lib/install.sh"
. "$HERE/lib/images.sh"
. "$HERE/lib/control_plane.sh"
. "$HERE/lib/node.sh"
. "$HERE/lib/kubelet.sh"
. "$HERE/lib/vm-install.sh"
. "$HERE/lib/vm.sh"

usage() {
	echo "usage: up.sh [--prepare] [--nodes N] [--vm]" >&2
	exit 2
}

nodes=2 vm='' prepare=''
while [ $# -gt 0 ]; do
	case $1 in
	--nodes)
		nodes=${2:-}
		shift
		;;
	--vm) vm=1 ;;
	--prepare) prepare=1 ;;
	*) usage ;;
	esac
	shift
done
[[ $nodes =~ ^[0-9]{1,2}$ ]] || usage
((nodes <= MAX_NODES)) || die "at most $MAX_NODES nodes"
[ "$(id -u)" = 0 ] || die "needs root: it makes namespaces, cgroups and a bridge"
"$HERE/../lib/machine.sh" debian go

node_ready() {
	[ "$(admin get node "$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]
}

wanted() {
	local i
	for ((i = 1; i <= nodes; i++)); do node_name $i; done
	[ -z "$vm" ] || echo "$VM"
}

complete() {
	local i n
	control_plane_ready || return 1
	# A node that is no more stays Ready for a while, so look at its processes too.
	for ((i = 1; i <= nodes; i++)); do node_up "$i" || return 1; done
	if [ -n "$vm" ]; then vm_up || return 1; ! vm_crashed || return 1; fi
	for n in $(wanted); do node_ready "$n" || return 1; done 2>/dev/null
}

lock
if [ -z "$prepare" ] && complete; then
	say "already up"
	echo "$KUBECONFIG_FILE"
	exit 0
fi
[ -n "$prepare" ] || [ -e "$STATE" ] || [ -z "$(cgroup_pids "")" ] || die "a test cluster with another TRACE_SEC_CACHE is up: down.sh first"
install_all
[ -z "$vm" ] || vm_install
[ -z "$prepare" ] || exit 0
SECONDS=0
if ! control_plane_ready; then
	"$HERE/down.sh" --locked # what a crash or a reboot has left
	mkdir -p "$STATE/log"
	net_bridge
	for ((i = 1; i <= nodes; i++)); do node_start "$i"; done # containerd and images in the meantime
	control_plane_start
	touch "$STATE/api-server-ready"
else
	for ((i = 1; i <= nodes; i++)); do node_up "$i" || { node_forget "$(node_name "$i")" && node_start "$i"; }; done
fi
new_vm=
if [ -n "$vm" ] && vm_up && vm_crashed; then
	say "$VM has crashed, see $STATE/log/$VM.crash.log"
	mv "$STATE/log/$VM.log" "$STATE/log/$VM.crash.log"
	vm_stop
	node_forget "$VM"
fi
[ -z "$vm" ] || vm_up || { vm_start && new_vm=1; }
for n in $(wanted); do wait_for 180 "node $n Ready" node_ready "$n"; done
# Namespace nodes import what load-image.sh has brought so far before they are Ready, the VM here.
if [ -n "$new_vm" ]; then
	for archive in "$STATE"/loaded/*.tar; do
		[ ! -e "$archive" ] || vm_load <"$archive" >>"$STATE/log/load-$VM.log" 2>&1 || die "$archive: not loaded into $VM"
	done
fi
wait_for 60 "default service account" admin get serviceaccount default
echo "$KUBECONFIG_FILE"
