#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# kubectl.sh ARG...: kubectl for the test cluster
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
. "$HERE/lib/common.sh"
exec "$BIN/kubectl" --kubeconfig "$KUBECONFIG_FILE" "$@"
