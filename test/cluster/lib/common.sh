# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034 # sourced; what is set here is used elsewhere
#
# Where everything is and what it is called.

CACHE=${TRACE_SEC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/trace-sec}
CACHE=$(realpath -m "$CACHE")
BIN=$CACHE/bin                 # our binaries: hyperkube and its links, oci-archive, pki
DEB=$CACHE/deb                 # unpacked Debian packages
IMAGES=$CACHE/images           # image archives that every node gets
STATE=$CACHE/cluster           # the running cluster; down.sh removes it
KUBECONFIG_FILE=$STATE/kubeconfig

ROOT_CGROUP=trace-sec-test     # below every cgroup hierarchy's root; a node's is $ROOT_CGROUP/<node>
NET=${TRACE_SEC_CLUSTER_NET:-10.199.0} # node network, a /24: bridge .1, nodes .11 and up, the VM .250
CONTROL_PLANE=$NET.1
POD_NET=${TRACE_SEC_CLUSTER_POD_NET:-10.244} # a node's pods: $POD_NET.<its index>.0/24
BRIDGE=ts-br0
MAX_NODES=50
VM=vm1
VM_INDEX=250
VM_IP=$NET.$VM_INDEX
VM_LOAD_PORT=7777              # the guest imports image archives from here

say() { echo "cluster: $*" >&2; }
die() {
	say "$*"
	exit 1
}

node_name() { echo "n$1"; }
node_ip() { echo "$NET.$((10 + $1))"; }

# kubectl as the cluster's admin, whatever KUBECONFIG says
admin() { "$BIN/kubectl" --kubeconfig "$KUBECONFIG_FILE" "$@"; }

# wait_for SECONDS WHAT COMMAND...: until the command succeeds
wait_for() {
	local seconds=$1 what=$2 end
	shift 2
	end=$((SECONDS + seconds))
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || die "$what: not within $seconds s (logs: $STATE/log)"
		sleep 0.1
	done
	say "$(printf '%3ds %s' "$SECONDS" "$what")"
}

# One up, down or load at a time. Descriptor 9 is closed in everything that outlives the script (start_in_cgroup).
lock() {
	mkdir -p "$CACHE"
	exec 9>"$CACHE/cluster.lock"
	flock -n 9 || { say "waiting for another up, down or load-image" && flock 9; }
}
