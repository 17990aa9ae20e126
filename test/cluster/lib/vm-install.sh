# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the VM node needs in the cache: QEMU, a Debian cloud kernel, an initrd with its modules, and a root image.

VM_DIR=$CACHE/vm-node
# shellcheck source=/dev/null
CODENAME=$(. /etc/os-release && echo "$VERSION_CODENAME")
VM_KERNEL=${TRACE_SEC_CLUSTER_VM_KERNEL:-6.12} # a version or the start of one

vm_install() {
	mkdir -p "$VM_DIR"
	need mke2fs e2fsprogs
	need xz xz-utils
	vm_install_qemu
	vm_install_kernel
	vm_build_initrd
	vm_build_root
}

# other_suites NAME SUITE...: set `apt` to the options for an apt with suites of our own choice, from the mirror that this machine
# uses, and its lists in the cache
other_suites() {
	local dir=$VM_DIR/apt-$1 mirrors suite of mirror
	shift
	# shellcheck disable=SC2016 # apt's variables
	mirrors=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Identifier: Packages')
	mkdir -p "$dir"/{lists,archives}/partial
	for suite; do
		of=$CODENAME
		[[ $suite != *-security ]] || of+=-security # they have a mirror of their own
		mirror=$(sed -n "s/^$of //p" <<<"$mirrors" | head -1)
		[ -n "$mirror" ] || die "no Debian mirror for $of in this machine's apt configuration"
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
	done >"$dir/sources.list"
	apt=(-qq -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/nonexistent
		-o Dir::State::lists="$dir/lists" -o Dir::Cache::archives="$dir/archives"
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Debug::NoLocking=1 -o APT::Sandbox::User=root)
	apt-get "${apt[@]}" update || die "cannot read Debian's package lists"
}

# QEMU and the libraries that this machine lacks, unpacked side by side in $VM_DIR/qemu. From backports: the guest's memory is
# corrupted within minutes under the emulation of Debian 12's own QEMU 7.2, with one processor as well as with two.
vm_install_qemu() (
	[ ! -d "$VM_DIR/qemu" ] || exit 0
	mkdir -p "$VM_DIR"
	exec 7>"$VM_DIR/qemu.lock" # the kernel matrix and the cluster may want it at the same time
	flock 7
	[ -d "$VM_DIR/qemu" ] || vm_unpack_qemu
)

vm_unpack_qemu() {
	local deb tmp apt
	say "unpacking QEMU"
	other_suites qemu "$CODENAME" "$CODENAME-updates" "$CODENAME-backports"
	tmp=$(mktemp -d "$VM_DIR/.qemu.XXXX")
	mkdir -p "$tmp/archives/partial"
	# --reinstall: also when this machine has it
	apt-get "${apt[@]}" install -y --no-install-recommends --reinstall --download-only -t "$CODENAME-backports" \
		-o Dir::Cache::archives="$tmp/archives" qemu-system-x86 qemu-system-common qemu-system-data seabios >/dev/null ||
		die "cannot download QEMU"
	for deb in "$tmp"/archives/*.deb; do dpkg -x "$deb" "$tmp/root"; done
	mv "$tmp/root" "$VM_DIR/qemu"
	rm -r "$tmp"
}

# Newer than this Debian's own: from backports and the next release
vm_install_kernel() {
	local apt package tmp
	[ ! -e "$VM_DIR/kernel-$VM_KERNEL/boot" ] || return 0
	other_suites kernel "$CODENAME" "$CODENAME-backports" trixie trixie-backports
	package=$(apt-cache "${apt[@]}" pkgnames "linux-image-$VM_KERNEL." | grep -E '^linux-image-[0-9.]+\+[^-]*-cloud-amd64$' |
		sort -V | tail -1)
	[ -n "$package" ] || die "Debian has no cloud kernel $VM_KERNEL"
	say "unpacking Debian's $package"
	tmp=$(mktemp -d "$VM_DIR/.kernel.XXXX")
	(cd "$tmp" && apt-get "${apt[@]}" download "$package") || die "cannot download $package"
	dpkg -x "$tmp"/*.deb "$tmp/root"
	mv "$tmp/root" "$VM_DIR/kernel-$VM_KERNEL"
	rm -r "$tmp"
}

vm_kernel() { echo "$VM_DIR/kernel-$VM_KERNEL"/boot/vmlinuz-*; }

# The initrd has the modules that lead to the root file system, and the few that nodes need later.
vm_build_initrd() {
	local release out tmp module file i=10
	release=$(basename "$(vm_kernel)")
	release=${release#vmlinuz-}
	out=$VM_DIR/initrd-$VM_KERNEL
	[ ! "$out" -nt "$HERE/vm/initrd-init" ] || return 0
	tmp=$(mktemp -d "$VM_DIR/.initrd.XXXX")
	mkdir -p "$tmp"/{bin,modules}
	cp "$DEB/busybox-static/bin/busybox" "$tmp/bin/"
	cp "$HERE/vm/initrd-init" "$tmp/init"
	chmod 0755 "$tmp" "$tmp/init"
	# Loaded in this order. Uncompressed: busybox's insmod cannot do xz.
	for module in net/core/failover drivers/net/net_failover drivers/net/virtio_net drivers/block/virtio_blk \
		net/llc/llc net/802/stp net/bridge/bridge drivers/net/veth fs/overlayfs/overlay drivers/char/hw_random/virtio-rng \
		arch/x86/crypto/crc32c-intel; do
		file=$(find "$VM_DIR/kernel-$VM_KERNEL" -path "*/$release/kernel/$module.ko*")
		case $file in
		*.xz) xz -dc "$file" >"$tmp/modules/$i-${module##*/}.ko" ;;
		*.ko) cp "$file" "$tmp/modules/$i-${module##*/}.ko" ;;
		'') ;; # built in
		*) die "don't know how to unpack $file" ;;
		esac
		i=$((i + 1))
	done
	cpio_archive "$tmp" >"$out"
	rm -r "$tmp"
}

cpio_archive() { (cd "$1" && find . | "$DEB/busybox-static/bin/busybox" cpio -o -H newc 2>/dev/null); }

# The root image belongs to no particular cluster: addresses and credentials come in a second initrd, made by vm_start.
vm_build_root() {
	local root inputs out=$VM_DIR/root.raw file
	inputs=$(
		declare -f vm_build_root vm_import_images
		sha256sum "$HERE/vm/guest-init" "$HERE/import-image.sh" "$IMAGES"/*.tar
		stat -c '%n %Y %s' "$BIN/hyperkube"
	)
	[ ! -e "$out" ] || [ "$inputs" != "$(cat "$VM_DIR/root.inputs" 2>/dev/null)" ] || return 0
	say "building the VM's root image"
	root=$(mktemp -d "$VM_DIR/.root.XXXX")
	chmod 0755 "$root"
	image_skeleton "$root"
	mkdir -p "$root"/{etc/cni/net.d,etc/containerd,opt/cni/bin,usr/lib/x86_64-linux-gnu,var/lib/kubelet,var/lib/containerd,var/log/pods}
	ln -s ../run "$root/var/run"
	ln -s /proc/mounts "$root/etc/mtab"
	cp "$DEB/busybox-static/bin/busybox" "$root/bin/"
	prepare_busybox "$root"
	cp "$BIN/hyperkube" "$root/usr/bin/"
	ln -s hyperkube "$root/usr/bin/kubelet"
	cp "$DEB"/containerd/usr/bin/{containerd,containerd-shim-runc-v2,ctr} "$root/usr/bin/"
	cp "$DEB/runc/usr/sbin/runc" "$root/usr/sbin/"
	cp "$DEB"/containernetworking-plugins/usr/lib/cni/{bridge,host-local,loopback} "$root/opt/cni/bin/"
	# containerd and runc want the C library, runc libseccomp too
	cp -R "$DEB"/libc6/lib/x86_64-linux-gnu/{libc.so.6,ld-linux-x86-64.so.2} "$root/usr/lib/x86_64-linux-gnu/"
	cp -R "$DEB"/libseccomp2/usr/lib/x86_64-linux-gnu/libseccomp.so.2* "$root/usr/lib/x86_64-linux-gnu/"
	ln -sf ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 "$root/usr/lib64/"
	cp "$HERE/import-image.sh" "$root/usr/bin/import-image"
	cp "$HERE/vm/guest-init" "$root/usr/sbin/init"
	for file in "$root"/usr/bin/import-image "$root"/usr/sbin/init; do chmod 0755 "$file"; done
	printf 'PRETTY_NAME="trace-sec test VM"\nID=trace-sec-test\n' >"$root/etc/os-release"
	echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
	cat >"$root/etc/containerd/config.toml" <<-T
		version = 2
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "localhost/pause:1"
		  disable_apparmor = true
		  [plugins."io.containerd.grpc.v1.cri".containerd]
		    snapshotter = "overlayfs"
		    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
		      runtime_type = "io.containerd.runc.v2"
	T
	vm_import_images "$root/var/lib/containerd"
	truncate -s 6G "$out.new" # sparse, and never written to: QEMU keeps the changes of a run elsewhere
	mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=1,nodiscard -d "$root" "$out.new"
	mv "$out.new" "$out"
	echo "$inputs" >"$VM_DIR/root.inputs"
	rm -r "$root"
}

# vm_import_images DIR: unpack the images into a containerd's data, here, because in the guest it takes 15 s of each boot
vm_import_images() {
	local tmp archive pids
	tmp=$(mktemp -d "$VM_DIR/.containerd.XXXX")
	cat >"$tmp/config.toml" <<-T
		version = 2
		root = "$1"
		state = "$tmp/state"
		disabled_plugins = ["io.containerd.grpc.v1.cri"] # it would look for this machine's network
		[grpc]
		  address = "$tmp/socket"
	T
	local -x CONTAINERD_ADDRESS=$tmp/socket PATH=$DEB/containerd/usr/bin:$PATH
	start_in_cgroup vm-image "$tmp/log" unshare --mount containerd --config "$tmp/config.toml"
	wait_for 20 "containerd for the VM's images" ctr version
	for archive in "$IMAGES"/*.tar; do "$HERE/import-image.sh" --no-cri <"$archive" >/dev/null; done
	# Told, not killed, so that it closes its database.
	mapfile -t pids < <(cgroup_pids vm-image)
	kill "${pids[@]}"
	wait_for 20 "images for the VM" no_process vm-image
	cgroup_remove vm-image
	rm -r "$tmp"
}

no_process() { [ -z "$(cgroup_pids "$1")" ]; }
