# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Bring what is missing into the cache. Debian packages are only unpacked there: nothing runs as a service of this machine.

# need COMMAND PACKAGE: the few tools that a minimal Debian may lack are installed
need() {
	command -v "$1" >/dev/null && return
	say "installing $2"
	apt-get install -qq -y --no-install-recommends "$2" >/dev/null 2>&1 ||
		{ apt-get update -qq && apt-get install -qq -y --no-install-recommends "$2" >/dev/null; } || die "cannot install $2"
}

# deb PACKAGE...: unpack each to $DEB/PACKAGE, once; one process at a time
deb() (
	local p tmp
	mkdir -p "$DEB"
	exec 7>"$DEB/.lock"
	flock 7
	for p in "$@"; do
		[ ! -d "$DEB/$p" ] || continue
		say "unpacking Debian's $p"
		tmp=$(mktemp -d "$DEB/.$p.XXXX")
		# apt's own download sandbox user may not write here; as root it only warns.
		(cd "$tmp" && { apt-get download -qq "$p" || { apt-get update -qq && apt-get download -qq "$p"; }; }) 2>/dev/null ||
			die "cannot download the Debian package $p"
		dpkg -x "$tmp"/*.deb "$tmp/root"
		mv "$tmp/root" "$DEB/$p"
		rm -r "$tmp"
	done
)

install_all() {
	local repo
	repo=$(cd "$HERE/../.." && pwd)
	mkdir -p "$BIN" "$IMAGES"
	need ip iproute2
	deb containerd runc containernetworking-plugins libseccomp2 bpftool
	"$HERE/hyperkube/build.sh" "$BIN"
	(cd "$repo" && CGO_ENABLED=0 go build -trimpath -o "$BIN/" ./cmd/oci-archive ./test/cluster/pki)
	build_images
}
