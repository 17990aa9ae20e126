#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what `go generate` needs, from Debian: clang, lld and llvm-strip of one version, which objects are compared with byte for
# byte, and libbpf's headers.
set -euo pipefail

VERSION=14.0.6 # of Debian 12; with another one: bpf/doc.go, and make generate

installed() { command -v clang-14 ld.lld-14 llvm-strip-14 >/dev/null && [[ -e /usr/include/bpf/bpf_helpers.h ]]; }

if ! installed; then
	[[ $EUID == 0 ]] || { echo "needed, and to be installed as root: apt-get install clang-14 lld-14 llvm-14 libbpf-dev" >&2 && exit 1; }
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends clang-14 lld-14 llvm-14 libbpf-dev >/dev/null
fi
[[ $(clang-14 --version | head -1) == *" $VERSION"* ]] ||
	{ echo "the objects of bpf/ are made by clang $VERSION, here is $(clang-14 --version | head -1)" >&2 && exit 1; }
