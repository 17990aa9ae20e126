#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build.sh DIRECTORY: compiles the starter for each architecture of nodes to DIRECTORY/starter_ARCHITECTURE, with clang and lld alone
# (bpf/toolchain.sh installs them): the same bytes on every machine.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for target in amd64:x86_64 arm64:aarch64; do
	clang-14 --target="${target#*:}-linux-gnu" -O2 -Wall -Wextra -Werror -std=gnu11 -ffreestanding -fno-builtin -fno-stack-protector \
		-fno-asynchronous-unwind-tables -fno-pic -mno-implicit-float -nostdinc -nostdlib -static -fuse-ld=lld-14 \
		-Wl,--build-id=none,-z,noexecstack,-z,norelro,-s "$here/starter.c" -o "$1/starter_${target%:*}"
done
