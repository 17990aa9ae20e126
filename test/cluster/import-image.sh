#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# import-image.sh [--no-cri] <ARCHIVE: runs on a node, in the VM under busybox. Imports an OCI archive into containerd under its
# own name and under name@digest, so that pods can ask for either, and waits until the CRI half of containerd knows both.
set -eu

cri=1
[ "${1:-}" != --no-cri ] || cri=

ctr() { command ctr -n k8s.io "$@"; }

# "unpacking localhost/busybox:1 (sha256:...)...done"
out=$(ctr images import -)
echo "$out"
echo "$out" | sed -n 's/^unpacking \(.*\) (\(sha256:[0-9a-f]*\)).*/\1 \2/p' | while read -r name digest; do
	by_digest=${name%:*}@$digest
	ctr images tag --force "$name" "$by_digest" >/dev/null
	# CRI learns of images by events and labels those that it has taken in.
	for ref in "$name" "$by_digest"; do
		i=0
		until [ -z "$cri" ] || ctr images ls "name==$ref" | grep -q io.cri-containerd.image=managed; do
			i=$((i + 1))
			[ $i -lt 100 ] || { echo "CRI does not see $ref" && exit 1; }
			sleep 0.1
		done
	done
	echo "imported $name $digest"
done
