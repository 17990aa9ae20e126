#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the programs that the tests use as oracles and as workloads.
set -euo pipefail
missing=()
for program in strace tmux make gcc; do
	command -v "$program" >/dev/null || missing+=("$program")
done
((${#missing[@]})) || exit 0
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
