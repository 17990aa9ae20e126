# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The images that every node has from the start, as localhost/NAME:1.

# To add one, add a line here:  image NAME 'PACKAGE...' ENTRYPOINT...
# It gets the packages (their dependencies are not followed), then the files of images/NAME if there are any,
# then what a function prepare_NAME does in its root directory.
build_images() {
	image pause '' /pause
	image busybox 'busybox-static' /bin/sh
	# What people show tools like this one with: a shell, su, vi, a package manager, strace, a web server in Python
	image debian 'base-files bash coreutils dash debianutils diffutils dpkg findutils libacl1 libattr1 libaudit1 libbz2-1.0 libc-bin
		libc6 libcap-ng0 libcrypt1 libexpat1 libgmp10 liblzma5 libmd0 libnsl2 libpam-modules libpam0g libpcre2-8-0
		libpython3.11-minimal libselinux1 libsmartcols1 libtinfo6 libtirpc3 libunwind8 libzstd1 python3.11-minimal strace tar
		util-linux vim-common vim-tiny zlib1g' /bin/bash
}

prepare_pause() { gcc -Os -static -s -o "$1/pause" "$1/pause.c" && rm "$1/pause.c"; }

prepare_busybox() {
	local applet
	for applet in $("$1/bin/busybox" --list); do
		[ -e "$1/bin/$applet" ] || ln -s busybox "$1/bin/$applet"
	done
}

prepare_debian() {
	ln -sf dash "$1/usr/bin/sh"
	ln -s vim.tiny "$1/usr/bin/vi"
	mkdir -p "$1"/{home/{user1,user2},usr/local/bin,var/lib/dpkg/{info,updates,triggers}}
	mv "$1/usr/bin/python3.11" "$1/usr/local/bin/python" # where Python's own image has it
	ln -s /usr/local/bin/python "$1/usr/bin/python3.11"
	# Compiled here, as the package does when it is installed; not by the time of the source, which the image does not keep.
	chroot "$1" /usr/bin/python3.11 -m compileall -q --invalidation-mode unchecked-hash /usr/lib
	chroot "$1" /usr/sbin/ldconfig # as a package's installation does
	# Two users whose passwords are their names
	cat >>"$1/etc/passwd" <<-T
		user1:x:1001:1001::/home/user1:/bin/bash
		user2:x:1002:1002::/home/user2:/bin/bash
	T
	printf '%s\n' sudo:x:27:user1,user2 user1:x:1001: user2:x:1002: >>"$1/etc/group"
	# shellcheck disable=SC2016 # hashes
	printf '%s\n' 'user1:$1$document$3TG0YBLrD0hXlgFCA98zD1:20000:0:99999:7:::' \
		'user2:$1$document$.zee7ZQoTtzwwnsVBa9Cf1:20000:0:99999:7:::' >>"$1/etc/shadow"
	gcc -Os -static -s -o "$1/usr/sbin/nginx" "$HERE/images/pause/pause.c" # only its start matters
	# A package to install
	touch "$1/var/lib/dpkg/status"
	mkdir -p "$1"/wget/{DEBIAN,usr/bin}
	printf '%s\n' 'Package: wget' 'Version: 1' 'Architecture: all' 'Maintainer: nobody <nobody@localhost>' 'Description: a script' \
		>"$1/wget/DEBIAN/control"
	printf '%s\n' '#!/bin/sh' 'echo no network' >"$1/wget/usr/bin/wget"
	chmod -R u=rwX,go=rX "$1/wget"
	chmod 0755 "$1/wget/usr/bin/wget"
	dpkg-deb --build --root-owner-group "$1/wget" "$1/wget.deb" >/dev/null
	rm -r "$1/wget"
}

image() {
	local name=$1 packages=$2 inputs root
	shift 2
	# shellcheck disable=SC2086 # a list
	deb $packages
	# Everything that decides what is in it, for when to build it again.
	inputs=$(
		cd "$HERE" || exit
		declare -f image "prepare_$name" || true
		echo "$name $packages $*"
		find "images/$name" -type f -exec sha256sum {} + 2>/dev/null | sort
		sha256sum <"$BIN/oci-archive"
	)
	[ ! -e "$IMAGES/$name.tar" ] || [ "$inputs" != "$(cat "$IMAGES/$name.inputs" 2>/dev/null)" ] || return 0
	say "building the image localhost/$name:1"
	root=$(mktemp -d "$CACHE/.image.XXXX")
	chmod 0755 "$root"
	image_skeleton "$root"
	for p in $packages; do
		# --keep-directory-symlink: packages of this Debian still have /bin and /lib, which are links in the skeleton
		tar -C "$DEB/$p" --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale -c . |
			tar -C "$root" --keep-directory-symlink -x
	done
	[ ! -d "$HERE/images/$name" ] || cp -R "$HERE/images/$name/." "$root/"
	! declare -F "prepare_$name" >/dev/null || "prepare_$name" "$root"
	"$BIN/oci-archive" -name "localhost/$name:1" -root "$root" -out "$IMAGES/$name.tar" -- "$@" >/dev/null
	echo "$inputs" >"$IMAGES/$name.inputs"
	rm -r "$root"
}

# image_skeleton DIR: merged /usr and the directories and users that every container wants
image_skeleton() {
	local d
	mkdir -p "$1"/{usr/{bin,sbin,lib,lib64},etc,root,tmp,run,proc,sys,dev,var/log,host}
	for d in bin sbin lib lib64; do ln -s "usr/$d" "$1/$d"; done
	chmod 0700 "$1/root"
	chmod 1777 "$1/tmp"
	printf '%s\n' root:x:0:0:root:/root:/bin/sh nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin >"$1/etc/passwd"
	printf '%s\n' root:x:0: nogroup:x:65534: >"$1/etc/group"
	printf '%s\n' 'root:*:20000:0:99999:7:::' 'nobody:*:20000:0:99999:7:::' >"$1/etc/shadow"
	chmod 0640 "$1/etc/shadow"
}
