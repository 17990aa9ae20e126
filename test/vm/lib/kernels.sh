# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Debian's cloud kernels, in the cache: $MATRIX/kernels/NAME/{vmlinuz,release,modules.cpio}. They boot from an initramfs, have BTF,
# and nearly everything built in.

# A name is the start of a version, or `newest`: the highest version that any of these suites has.
# shellcheck disable=SC2034 # run.sh
DEFAULT_KERNELS=5.10,6.1,6.12,6.18,newest
KERNEL_SUITES=(bullseye bullseye-security bookworm bookworm-backports trixie trixie-backports sid)

# What is a module in one kernel or another, in the order in which they are loaded
MODULES=(
	drivers/virtio/{virtio,virtio_ring,virtio_pci_modern_dev,virtio_pci_legacy_dev,virtio_pci}
	drivers/block/virtio_blk drivers/char/virtio_console
	drivers/block/loop fs/overlayfs/overlay
)
# A small one that needs no other and that nothing loads, for tests: in the guest's /lib/modules, where Debian has it, but not compressed
SPARE_MODULE=fs/nls/nls_utf8

# kernel_install NAME: fetch what is missing. With $REFRESH: fetch it again, the suites may have a newer one.
kernel_install() {
	local name=$1 dir=$MATRIX/kernels/$1 tmp release
	[[ $name == newest || $name =~ ^[0-9]+(\.[0-9]+)*$ ]] || die "--kernel: $name is neither the start of a version, such as 6.12, nor \`newest\`"
	mkdir -p "$MATRIX/kernels"
	if [[ ! -e $dir/vmlinuz || -n $REFRESH ]]; then
		tmp=$(mktemp -d "$MATRIX/kernels/.$name.XXXX")
		kernel_download "$name" "$tmp"
		release=$(cat "$tmp/release")
		[[ ! -d $dir || $release != "$(cat "$dir/release")" ]] || say "kernel $name: $release is still the newest"
		rm -rf "$dir"
		mv "$tmp" "$dir"
	fi
	kernel_modules "$dir"
}

# kernel_download NAME DIR
kernel_download() {
	local name=$1 dir=$2 apt release package packages=()
	VM_DIR=$MATRIX other_suites kernels "${KERNEL_SUITES[@]}"
	while read -r release; do
		packages=()
		# From 7.2 on the image and the modules are packages of their own.
		for package in "linux-"{image,binary,modules}"-$release"; do
			[[ -z $(apt-cache "${apt[@]}" show "$package" 2>/dev/null) ]] || packages+=("$package")
		done
		((${#packages[@]})) && break
	done < <(kernel_releases "$name")
	((${#packages[@]})) || die "Debian (${KERNEL_SUITES[*]}) has no cloud kernel $name"
	say "kernel $name: unpacking Debian's ${packages[*]}"
	mkdir "$dir/deb"
	(cd "$dir/deb" && apt-get "${apt[@]}" download "${packages[@]}") || die "cannot download ${packages[*]}"
	for package in "$dir"/deb/*.deb; do dpkg -x "$package" "$dir/root"; done
	rm -r "$dir/deb"
	echo "$release" >"$dir/release"
	mv "$(find "$dir/root" -name 'vmlinuz*' -type f | head -1)" "$dir/vmlinuz" || die "${packages[*]}: no kernel image in there"
}

# kernel_releases NAME: what fits, the highest version first
kernel_releases() {
	local version=${1//./\\.}
	[[ $1 != newest ]] || version='[0-9]+'
	apt-cache "${apt[@]}" pkgnames linux- |
		sed -nE "s/^linux-(image|binary)-($version(\.[0-9]+)*(-[0-9]+|\+deb[0-9.]+)-cloud-amd64)\$/\2/p" | sort -Vru
}

# kernel_module DIR MODULE FILE: nothing where it is built in
kernel_module() {
	local file
	file=$(find "$1/root" -path "*/kernel/$2.ko*")
	case $file in
	*.xz) xz -dc "$file" >"$3" ;;
	*.zst) zstd -qdc "$file" >"$3" ;;
	*.ko) cp "$file" "$3" ;;
	'') ;;
	*) die "don't know how to unpack $file" ;;
	esac
}

# kernel_modules DIR: an initramfs with the modules. Uncompressed: busybox's insmod cannot do xz.
kernel_modules() {
	local dir=$1 tmp module spare i=10
	[[ ! $dir/modules.cpio -nt $HERE/lib/kernels.sh ]] || return 0
	tmp=$(mktemp -d "$dir/.modules.XXXX")
	spare=usr/lib/modules/$(cat "$dir/release")/kernel/$SPARE_MODULE.ko
	mkdir -p "$tmp/modules" "$tmp/${spare%/*}"
	chmod 0755 "$tmp"
	for module in "${MODULES[@]}"; do
		kernel_module "$dir" "$module" "$tmp/modules/$i-${module##*/}.ko"
		i=$((i + 1))
	done
	kernel_module "$dir" "$SPARE_MODULE" "$tmp/$spare"
	cpio_archive "$tmp" >"$dir/modules.cpio.new"
	mv "$dir/modules.cpio.new" "$dir/modules.cpio"
	rm -r "$tmp"
}
