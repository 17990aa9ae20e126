# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What every guest has: an initramfs with a small Debian, and a blank ext4 disk. The programs are this machine's own.

GUEST_PROGRAMS=(bash dash strace make
	cat chmod chown cp cut date dd echo env false head id kill link ln ls mkdir mkfifo mknod mv nohup od printf pwd readlink rm rmdir
	seq sleep sort stat sync tail tee timeout touch true truncate uname unlink wc whoami yes)

# guest_install: $MATRIX/guest.cpio and $MATRIX/ext4.raw
guest_install() {
	deb busybox-static
	need mke2fs e2fsprogs
	need xz xz-utils
	guest_build
	[[ -e $MATRIX/ext4.raw ]] || {
		truncate -s 1G "$MATRIX/ext4.raw.new" # sparse, and never written to: QEMU keeps a run's changes elsewhere
		mke2fs -q -t ext4 -E lazy_itable_init=1,nodiscard "$MATRIX/ext4.raw.new"
		mv "$MATRIX/ext4.raw.new" "$MATRIX/ext4.raw"
	}
}

guest_build() {
	local root program path inputs name
	inputs=$(sha256sum "$HERE/lib/guest.sh" "$HERE/guest/init" && for program in "${GUEST_PROGRAMS[@]}"; do stat -c '%n %Y %s' "$(type -P "$program")"; done) ||
		die "a program is missing: see test/tools.sh"
	[[ ! -e $MATRIX/guest.cpio || $inputs != "$(cat "$MATRIX/guest.inputs" 2>/dev/null)" ]] || return 0
	say "building the guest"
	root=$(mktemp -d "$MATRIX/.guest.XXXX")
	chmod 0755 "$root"
	mkdir -p "$root"/{dev,etc,mnt,proc,root,run,sys,tmp,var,vm,with,usr/{bin,lib/x86_64-linux-gnu,lib64}}
	ln -s bin "$root/usr/sbin"
	for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
	cp "$DEB/busybox-static/bin/busybox" "$root/usr/bin/"
	for program in "${GUEST_PROGRAMS[@]}"; do
		path=$(type -P "$program")
		cp -L "$path" "$root/usr/bin/"
		while read -r path; do cp -uL "$path" "$root$path"; done < <(ldd "$path" | grep -o '/[^ ]*')
	done
	ln -s dash "$root/usr/bin/sh"
	guest_files "$root/etc"
	cp "$HERE/guest/init" "$root/init"
	chmod 0755 "$root/init"
	cpio_archive "$root" >"$MATRIX/guest.cpio.new"
	mv "$MATRIX/guest.cpio.new" "$MATRIX/guest.cpio"
	echo "$inputs" >"$MATRIX/guest.inputs"
	rm -r "$root"
}

guest_files() {
	printf '%s\n' root:x:0:0:root:/root:/bin/bash daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin \
		nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin >"$1/passwd"
	printf '%s\n' root:x:0: daemon:x:1: nogroup:x:65534: >"$1/group"
	printf '%s\n' 'root:*:20000:0:99999:7:::' >"$1/shadow"
	chmod 0640 "$1/shadow"
	printf '127.0.0.1 localhost guest\n::1 localhost\n' >"$1/hosts"
	echo guest >"$1/hostname"
	echo 0123456789abcdef0123456789abcdef >"$1/machine-id"
	printf 'PRETTY_NAME="trace-sec test guest"\nID=trace-sec-guest\n' >"$1/os-release"
}
