# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# One bridge in this machine's network namespace, with the control plane on its address; a network namespace and a veth
# for each node (the kubelet refuses a loopback address), a tap for the VM.

# Fails before it changes anything when other networks of this machine have these addresses.
net_bridge() {
	net_is_free
	[ -e "/sys/class/net/$BRIDGE" ] || ip link add "$BRIDGE" type bridge
	ip addr replace "$CONTROL_PLANE/24" dev "$BRIDGE"
	ip link set "$BRIDGE" up
	# Every pod network that there could be, so that a node can join later without telling the others.
	net_pod_routes "" | ip -batch -
}

# net_is_free: no route of this machine, or address, is in our networks, unless it is our bridge's. A larger network that has them
# in it, such as 10.0.0.0/8, is no obstacle, but its part is out of reach until the bridge and with it our routes are gone.
net_is_free() {
	local network taken
	for network in "$NET.0/24" "$POD_NET.0.0/16"; do
		taken=$(ip -4 route show table all root "$network" | grep -v " dev $BRIDGE " || true)
		[ -z "$taken" ] || die "$network is in use here (TRACE_SEC_CLUSTER_NET and _POD_NET choose other networks): $taken"
	done
}

# net_pod_routes SELF: routes to the pods of every node but SELF
net_pod_routes() {
	local i
	for ((i = 1; i <= MAX_NODES; i++)); do
		[ "$(node_name $i)" = "$1" ] || echo "route replace $POD_NET.$i.0/24 via $(node_ip $i)"
	done
	[ "$1" = "$VM" ] || echo "route replace $POD_NET.$VM_INDEX.0/24 via $VM_IP"
}

# net_node INDEX: namespace and veth, both named ts-<node>
net_node() {
	local name ns
	name=$(node_name "$1")
	ns=ts-$name
	[ -e "/run/netns/$ns" ] || ip netns add "$ns"
	[ -e "/sys/class/net/$ns" ] || ip link add "$ns" type veth peer name eth0 netns "$ns"
	ip link set "$ns" master "$BRIDGE" up
	{
		echo "addr replace $(node_ip "$1")/24 dev eth0"
		echo "link set lo up"
		echo "link set eth0 up"
		echo "route replace default via $CONTROL_PLANE" # kubelet and CNI look for the default route
		net_pod_routes "$name"
	} | ip -n "$ns" -batch -
	# Not `ip netns exec`: it mounts a fresh /sys, without the cgroup and bpf file systems below it.
	nsenter --net="/run/netns/$ns" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

net_tap() {
	[ -e "/sys/class/net/ts-$VM" ] || ip tuntap add dev "ts-$VM" mode tap
	ip link set "ts-$VM" master "$BRIDGE" up
}

net_remove_tap() { [ ! -e "/sys/class/net/ts-$VM" ] || ip link del "ts-$VM"; }

net_remove() {
	local ns link
	# Links first: those of a namespace end in the background, some time after it is deleted.
	for link in $(net_links); do [ "$link" = "$BRIDGE" ] || ip link del "$link" 2>/dev/null || true; done
	for ns in $(net_namespaces); do ip netns del "$ns"; done
	[ ! -e "/sys/class/net/$BRIDGE" ] || ip link del "$BRIDGE"
	# `ip netns` mounts this directory over itself when it makes its first namespace, and leaves it so.
	if [ -d /run/netns ] && [ -z "$(ls /run/netns)" ] && mountpoint -q /run/netns; then umount /run/netns || true; fi
}

net_namespaces() { find /run/netns -maxdepth 1 -name 'ts-*' -printf '%f\n' 2>/dev/null || true; }
net_links() { find /sys/class/net -maxdepth 1 -name 'ts-*' -printf '%f\n'; }
