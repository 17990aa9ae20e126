#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what `go generate` needs, from Debian: clang and llvm-strip of one version (objects are compared byte for byte),
# and libbpf's headers.
set -euo pipefail
command -v clang llvm-strip >/dev/null && [[ -e /usr/include/bpf/bpf_helpers.h ]] && exit 0
apt-get update -qq
apt-get install -y -qq --no-install-recommends clang llvm libbpf-dev >/dev/null
