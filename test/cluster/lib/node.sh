# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The namespace nodes, seen from this machine. What happens inside one is node-init.sh.

node_up() { cgroup_pid "$(node_name "$1")/daemons" containerd >/dev/null; }

# node_forget NAME: so that the Ready of a dead node is not taken for that of its successor
node_forget() { admin delete node "$1" --ignore-not-found >/dev/null; }

node_start() {
	local name
	name=$(node_name "$1")
	say "starting node $name"
	mkdir -p "$STATE/$name" "$STATE/log"
	net_node "$1"
	cgroup_make "$name/daemons"
	# A PID namespace for each node, as in kind: a hostPID pod sees its own node's processes. (The first process of a
	# machine may be unreadable even to root in a sandbox, and the kubelet looks at it.)
	start_in_cgroup "$name/daemons" "$STATE/log/$name.log" nsenter --net="/run/netns/ts-$name" \
		unshare --uts --ipc --mount --propagation private --pid --fork --mount-proc \
		"$HERE/node-init.sh" "$name" "$1"
}

# in_node INDEX COMMAND...: run in a node's namespaces; `in_node 1 ctr -n k8s.io containers ls`
in_node() {
	local pid
	pid=$(cgroup_pid "$(node_name "$1")/daemons" containerd) || return 1
	shift
	nsenter -t "$pid" -m -u -i -n -p -- env PATH="$(node_path)" "$@"
}

# node_path is where a node finds its tools: containerd looks for its shim and for runc there.
node_path() { echo "$DEB/containerd/usr/bin:$DEB/runc/usr/sbin:$BIN:$PATH"; }
