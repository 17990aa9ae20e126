# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The VM node, seen from this machine: QEMU on a tap in the cluster's bridge, with a kernel and a cgroup2 tree of its own. The one
# place here where a pod can be denied something by an LSM or fmod_ret program.

vm_crashed() { grep -qs 'Kernel panic' "$STATE/log/$VM.log"; }
vm_up() { [ -n "$(cgroup_pids "$VM")" ]; }

vm_start() {
	local dir=$STATE/$VM console=$STATE/log/$VM.log
	say "starting node $VM"
	mkdir -p "$dir/tmp" "$STATE/log"
	net_tap
	vm_node_files "$dir/files/node"
	# The kernel unpacks initrds that follow each other one over the other.
	cat "$VM_DIR/initrd-$VM_KERNEL" <(cpio_archive "$dir/files") >"$dir/initrd"
	rm -f "$console" "$STATE/log/$VM-qemu.log"
	# LIBRARY_PATH for QEMU only, so env; TMPDIR is where the changes to the disk go.
	start_in_cgroup "$VM" "$STATE/log/$VM-qemu.log" \
		env LD_LIBRARY_PATH="$(vm_qemu_libraries)" TMPDIR="$dir/tmp" "$VM_DIR/qemu/usr/bin/qemu-system-x86_64" \
		-L "$VM_DIR/qemu/usr/share/qemu" -L "$VM_DIR/qemu/usr/share/seabios" \
		-nodefaults -display none -no-reboot -machine pc -accel "${TRACE_SEC_CLUSTER_VM_ACCEL:-tcg,thread=multi,tb-size=512}" -cpu max,la57=off \
		-smp "${TRACE_SEC_CLUSTER_VM_CPUS:-1}" -m "${TRACE_SEC_CLUSTER_VM_MEMORY:-2048}" -rtc base=utc,clock=host \
		-kernel "$(vm_kernel)" -initrd "$dir/initrd" -append "$(vm_kernel_command_line)" \
		-chardev file,id=console,path="$console" -serial chardev:console \
		-drive if=none,id=root,format=raw,file="$VM_DIR/root.raw",snapshot=on,cache=unsafe,aio=threads -device virtio-blk-pci,drive=root \
		-netdev tap,id=net,ifname="ts-$VM",script=no,downscript=no \
		-device virtio-net-pci,netdev=net,mac=52:54:00:0a:c7:fa,romfile= -device virtio-rng-pci
	vm_began $! "$console" || { cat "$STATE/log/$VM-qemu.log" >&2 && die "QEMU does not run"; }
}

# vm_began PID CONSOLE: until the guest has written something; not if the process ends before, or nothing comes for two minutes
vm_began() {
	local end=$((SECONDS + 120))
	until [ -s "$2" ]; do
		kill -0 "$1" 2>/dev/null && ((SECONDS < end)) || return 1
		sleep 0.1
	done
}

vm_qemu_libraries() { echo "$VM_DIR/qemu/usr/lib/x86_64-linux-gnu:$VM_DIR/qemu/lib/x86_64-linux-gnu"; }

# Less work for emulated processors: fixed addresses, no mitigations, no self-tests, no watchdogs. And bpf among the LSMs.
vm_kernel_command_line() {
	echo console=ttyS0 panic=-1 quiet mitigations=off nokaslr no5lvl preempt=none tsc=reliable clocksource=tsc no_timer_check \
		kfence.sample_interval=0 init_on_alloc=0 audit=0 nowatchdog random.trust_cpu=on cryptomgr.notests rcupdate.rcu_expedited=1 \
		lsm=lockdown,capability,landlock,yama,apparmor,bpf
}

# vm_node_files DIR: what guest-init finds in /etc/node
vm_node_files() {
	mkdir -p "$1"
	cat >"$1/env" <<-E
		NAME=$VM
		IP=$VM_IP
		CONTROL_PLANE=$CONTROL_PLANE
		NODE_CGROUP=$ROOT_CGROUP/$VM
		LOAD_PORT=$VM_LOAD_PORT
	E
	net_pod_routes "$VM" | sed 's/^/ip /' >"$1/routes"
	cni_config "$VM_INDEX" /run/cni >"$1/cni.conflist"
	{
		kubelet_config "$VM_IP" /etc/node/ca.crt
		echo "resolvConf: /etc/resolv.conf"
		# Only what asks for this node, or has no other to go to: it is slow.
		echo "registerWithTaints: [{key: trace-sec.test/vm, effect: PreferNoSchedule}]"
		echo "cgroupRoot: /$ROOT_CGROUP/$VM"
		echo "kubeletCgroups: /$ROOT_CGROUP/$VM/daemons"
	} >"$1/kubelet.yaml"
	cp "$STATE/pki/ca.crt" "$1/ca.crt"
	cp "$STATE/pki/kubelet-$VM.kubeconfig" "$1/kubelet.kubeconfig"
}

# vm_load <ARCHIVE: what comes back is what import-image.sh says in the guest
vm_load() {
	local out
	out=$(timeout 120 "$DEB/busybox-static/bin/busybox" nc -w 5 "$VM_IP" "$VM_LOAD_PORT")
	echo "$out"
	[[ $out =~ (^|$'\n')imported\ [^$'\n']*$ ]]
}

vm_stop() {
	cgroup_remove "$VM" || say "$VM: cgroup is left"
	net_remove_tap
	rm -rf --one-file-system "${STATE:?}/$VM"
}
