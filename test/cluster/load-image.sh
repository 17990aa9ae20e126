#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# load-image.sh ARCHIVE.tar...: import OCI image archives into every node, and into nodes that join later. Pods can then use the
# image as name:tag or as name@sha256:<manifest digest>, with imagePullPolicy IfNotPresent or Never.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
. "$HERE/lib/common.sh"
. "$HERE/lib/cgroup.sh"
. "$HERE/lib/net.sh"
. "$HERE/lib/node.sh"
. "$HERE/lib/vm.sh"

[ $# -gt 0 ] || die "usage: load-image.sh ARCHIVE.tar..."

load() {
	local archive=$1 i jobs=() failed='' imported name
	rm -f "$STATE"/log/load-*.log
	for ((i = 1; i <= MAX_NODES; i++)); do
		[ -d "$STATE/$(node_name $i)" ] || continue
		in_node "$i" "$HERE/import-image.sh" <"$archive" >"$STATE/log/load-$(node_name $i).log" 2>&1 &
		jobs+=($!)
	done
	if vm_up && vm_crashed; then
		say "$VM has crashed and gets the image when up.sh --vm starts it again"
	elif vm_up; then
		vm_load <"$archive" >"$STATE/log/load-$VM.log" 2>&1 &
		jobs+=($!)
	fi
	for i in "${jobs[@]}"; do wait "$i" || failed=1; done
	[ -z "$failed" ] || { tail -n 3 "$STATE"/log/load-*.log >&2 && die "$archive: not loaded"; }
	mapfile -t imported < <(sed -n 's/^imported //p' "$STATE"/log/load-*.log | sort -u)
	say "loaded ${imported[*]} into ${#jobs[@]} nodes"
	# For nodes that join later; a newer one of the same name takes its place.
	mkdir -p "$STATE/loaded"
	name=${imported[0]%% *}
	cp "$archive" "$STATE/loaded/.new" && mv "$STATE/loaded/.new" "$STATE/loaded/${name//[\/:]/_}.tar"
}

lock
[ -e "$KUBECONFIG_FILE" ] || die "the cluster is not up"
for archive; do load "$archive"; done
