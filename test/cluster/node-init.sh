#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# node-init.sh NAME INDEX: the first process of a namespace node. lib/node.sh starts it in the node's cgroup and in network,
# mount, PID, UTS and IPC namespaces of its own; it sets up the mounts, starts containerd, loads the images, starts the kubelet.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
. "$HERE/lib/common.sh"
. "$HERE/lib/node.sh"
. "$HERE/lib/kubelet.sh"

name=$1 index=$2
work=$STATE/$name # on disk, readable from outside
fast=/run/node     # on a tmpfs: containerd syncs its databases several times for each container
mkdir -p "$work"/{log,sysctl}

mounts() {
	hostname "$name"
	mount --make-rshared / # mount propagation of hostPath volumes needs a shared tree
	mount -t tmpfs -o mode=755 tmpfs /run
	mount --make-shared /run
	mkdir -p /run/containerd /run/netns /run/lock "$fast"/{containerd,kubelet,cni,var-log}
	# The kubelet has the paths /var/log/pods and /var/log/containers built in.
	mount --bind "$fast/var-log" /var/log
	mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
	mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug || true
	mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing || true
}

# The kubelet wants these values and would write them for the whole machine: show it files that already agree.
sysctls() {
	local key value
	while read -r key value; do
		echo "$value" >"$work/sysctl/${key//\//.}"
		mount --bind "$work/sysctl/${key//\//.}" "/proc/sys/$key"
	done <<-S
		vm/overcommit_memory 1
		vm/panic_on_oom 0
		kernel/panic 10
		kernel/panic_on_oops 1
		kernel/keys/root_maxkeys 1000000
		kernel/keys/root_maxbytes 25000000
	S
}

containerd_config() {
	cat <<-T
		version = 2
		root = "$fast/containerd"
		state = "/run/containerd"
		oom_score = 0
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "localhost/pause:1"
		  disable_apparmor = true
		  # Without CAP_SYS_RESOURCE an oom_score_adj below the present one cannot be written, and every sandbox fails with
		  # "can't get final child's PID from pipe: EOF".
		  restrict_oom_score_adj = true
		  [plugins."io.containerd.grpc.v1.cri".cni]
		    bin_dir = "$DEB/containernetworking-plugins/usr/lib/cni"
		    conf_dir = "$work/cni"
		  [plugins."io.containerd.grpc.v1.cri".containerd]
		    snapshotter = "overlayfs"
		    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
		      # runc, not crun: crun 1.8 cannot do hybrid cgroups
		      runtime_type = "io.containerd.runc.v2"
		      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
		        BinaryName = "$DEB/runc/usr/sbin/runc"
		        SystemdCgroup = false
	T
}

node_kubelet_config() {
	kubelet_config "$(node_ip "$index")" "$STATE/pki/ca.crt"
	cat <<-Y
		healthzBindAddress: $(node_ip "$index")
		resolvConf: $work/resolv.conf
		cgroupRoot: /$ROOT_CGROUP/$name
		kubeletCgroups: /$ROOT_CGROUP/$name/daemons
		enforceNodeAllocatable: [pods]
		# The defaults, -999 and 1000000, need CAP_SYS_RESOURCE.
		oomScoreAdj: 0
		maxOpenFiles: 20000
	Y
}

# kernel_tier: the best kind of hook that BPF programs can be attached to here. From bpftool, since the end-to-end tests hold what the
# tracer says of it against this.
kernel_tier() {
	local features
	features=$("$DEB/bpftool/usr/sbin/bpftool" feature probe kernel) || die "bpftool cannot say what this kernel has"
	if [[ $features == *"program_type tracing is available"* ]]; then
		echo trampoline
	elif [ -e /sys/bus/event_source/devices/kprobe ]; then
		echo kprobe
	else
		echo tracepoint
	fi
}

mounts
sysctls
tier=$(kernel_tier)
mkdir -p "$work/cni"
cni_config "$index" "$fast/cni" >"$work/cni/10-pods.conflist"
containerd_config >"$work/containerd.toml"
node_kubelet_config >"$work/kubelet.yaml"
echo "nameserver $CONTROL_PLANE" >"$work/resolv.conf"

PATH=$(node_path)
export PATH
containerd --config "$work/containerd.toml" >>"$work/log/containerd.log" 2>&1 &
containerd=$!
until ctr version >/dev/null 2>&1; do sleep 0.1; done

# Before the kubelet: a pod with imagePullPolicy Never must not meet a Ready node without the images.
for archive in "$IMAGES"/*.tar "$STATE"/loaded/*.tar; do
	[ ! -e "$archive" ] || "$HERE/import-image.sh" <"$archive" || echo "cannot import $archive"
done >>"$work/log/import.log" 2>&1

# After the API server: a kubelet that cannot register at once waits up to 7 s before it tries again.
until [ -e "$STATE/api-server-ready" ]; do sleep 0.1; done
# In a loop: a test may kill it, and it comes back as it would under systemd.
while :; do
	kubelet --config "$work/kubelet.yaml" --kubeconfig "$STATE/pki/kubelet-$name.kubeconfig" \
		--root-dir "$fast/kubelet" --hostname-override "$name" --node-ip "$(node_ip "$index")" \
		--node-labels "trace-sec.test/kind=namespace,trace-sec.test/tier=$tier" || echo "the kubelet has ended with status $?"
	sleep 1
done >>"$work/log/kubelet.log" 2>&1 &
wait $containerd # and with this process everything in the node ends
