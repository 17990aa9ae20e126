#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs from Debian what the tests call: compilers for BPF, linters, oracles, workloads, and what the cluster's scripts want. And Go's
# modules, so that nothing that runs side by side afterwards has to wait for apt or for a download.
set -euo pipefail
cd "$(dirname "$0")/.."
./test/lib/machine.sh debian go

packages=() # of those programs that there are not
while read -r program package; do
	command -v "$program" >/dev/null || packages+=("$package")
done <<-T
	strace strace
	tmux tmux
	make make
	gcc gcc
	ip iproute2
	python3 python3
	perl perl
	mke2fs e2fsprogs
	xz xz-utils
	zstd zstd
	jq jq
	git git
	shellcheck shellcheck
	clang-format-14 clang-format-14
	qemu-aarch64-static qemu-user-static
T
if ((${#packages[@]})); then
	[[ $EUID == 0 ]] || { echo "needed, and to be installed as root: apt-get install ${packages[*]}" >&2 && exit 1; }
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi
./bpf/toolchain.sh
go mod download
