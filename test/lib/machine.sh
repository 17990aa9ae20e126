#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# machine.sh [debian] [go] [root]: whether this machine is what the scripts are written for; says what is wanted, and exits 1.
set -euo pipefail
cd "$(dirname "$0")/../.."

DEBIAN=12

wrong() {
	echo "$*" >&2
	exit 1
}

is_debian() {
	# shellcheck source=/dev/null
	[[ -e /etc/os-release ]] && . /etc/os-release
	[[ ${ID:-} == debian && ${VERSION_ID:-} == "$DEBIAN" && $(uname -m) == x86_64 ]] ||
		wrong "This needs Debian $DEBIAN on amd64, whose packages it fetches; here is ${PRETTY_NAME:-no Debian} on $(uname -m)." \
			"make build, make test-unit and make demo with KUBECONFIG run on any Linux."
}

is_go() {
	local wanted found
	wanted=$(sed -n 's/^go //p' go.mod)
	command -v go >/dev/null || wrong "Go $wanted or later is needed (https://go.dev/dl); there is no go on the PATH."
	# Outside of the module: an old Go cannot read its go.mod.
	found=$(cd / && go env GOVERSION)
	# From 1.21 on, Go fetches the version that go.mod asks for, unless it is told not to.
	if [[ $(cd / && go env GOTOOLCHAIN 2>/dev/null) != local ]]; then wanted=1.21; fi
	[[ $(printf '%s\n' "$wanted" "${found#go}" | sort -V | head -1) == "$wanted" ]] ||
		wrong "Go $(sed -n 's/^go //p' go.mod) or later is needed (https://go.dev/dl); here is $found. Debian's package golang is too old."
}

is_root() {
	[[ $EUID == 0 ]] || wrong "The kernel and the end-to-end tests need root: sudo -E make $1." \
		"Without root there are make test-unit, make lint and make build."
}

for what; do
	case $what in
	debian) is_debian ;;
	go) is_go ;;
	root) is_root "${TRACE_SEC_TARGET:-test}" ;;
	*) wrong "usage: machine.sh [debian] [go] [root]" ;;
	esac
done
