# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# One guest: a kernel, the guest's initramfs, and on top of it what this run brings.

# boot NAME DIR: run $DIR/payload (a tree, laid over the guest's root) in a guest. What comes back: $DIR/{stdout,stderr,console}, the
# first two of which may be pipes, and the command's exit code as $DIR/code, which is missing when the guest did not come to the end.
boot() {
	local dir=$2 kernel=$MATRIX/kernels/$1 serial ports=() name status=0
	mkdir -p "$dir/tmp"
	touch "$dir/result"
	# The kernel unpacks initramfs archives that follow each other one over the other.
	cat "$MATRIX/guest.cpio" "$kernel/modules.cpio" <(cpio_archive "$dir/payload") >"$dir/initrd"
	serial=file,id=console,path=$dir/console
	[[ -e $dir/payload/vm/run ]] || serial=stdio,id=console,signal=off
	for name in stdout stderr result; do
		ports+=(-chardev "file,id=$name,path=$dir/$name" -device "virtserialport,chardev=$name,name=$name")
	done
	# env: for QEMU only. TMPDIR is where the changes to the disk go.
	# It ends with this script, however that ends.
	setpriv --pdeathsig TERM timeout --foreground --kill-after 5 "$TIMEOUT" \
		env LD_LIBRARY_PATH="$(vm_qemu_libraries)" TMPDIR="$dir/tmp" "$VM_DIR/qemu/usr/bin/qemu-system-x86_64" \
		-L "$VM_DIR/qemu/usr/share/qemu" -L "$VM_DIR/qemu/usr/share/seabios" \
		-nodefaults -display none -no-reboot -machine pc -accel "${TRACE_SEC_VM_ACCEL:-tcg,tb-size=256}" -cpu max,la57=off \
		-smp 1 -m "${TRACE_SEC_VM_MEMORY:-1536}" -rtc base=utc,clock=host \
		-kernel "$kernel/vmlinuz" -initrd "$dir/initrd" -append "$(command_line)" \
		-chardev "$serial" -serial chardev:console \
		-drive if=none,id=ext4,format=raw,file="$MATRIX/ext4.raw",snapshot=on,cache=unsafe,aio=threads -device virtio-blk-pci,drive=ext4 \
		-device virtio-serial-pci "${ports[@]}" >&2 || status=$?
	case $status in
	0) ;;
	124) echo "the guest did not end within $TIMEOUT s" >"$dir/problem" ;;
	*) echo "QEMU ended with $status" >"$dir/problem" ;;
	esac
	sed -n 's/^exit \([0-9]*\)$/\1/p' "$dir/result" >"$dir/code"
	[[ -s $dir/code ]] || rm "$dir/code"
}

vm_qemu_libraries() { echo "$VM_DIR/qemu/usr/lib/x86_64-linux-gnu:$VM_DIR/qemu/lib/x86_64-linux-gnu"; }

# Less work for the emulated processor: no mitigations, no self-tests, no watchdogs. A kernel that says oops must not go on.
command_line() {
	local lsm=lockdown,capability,landlock,yama,apparmor${BPF_LSM:+,bpf}
	echo console=ttyS0 panic=-1 oops=panic quiet mitigations=off nokaslr no5lvl tsc=reliable clocksource=tsc no_timer_check \
		kfence.sample_interval=0 init_on_alloc=0 audit=0 nowatchdog random.trust_cpu=on cryptomgr.notests rcupdate.rcu_expedited=1 \
		"lsm=$lsm"
}
