#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# build.sh BINDIR: the one static binary with every Kubernetes component and etcd, and a link for each of their names.
# Cold about 16 CPU-minutes and 2.4 GB of memory; does nothing when BINDIR already has the binary of these sources.
set -euo pipefail
cd "$(dirname "$0")"

bin=${1:?usage: build.sh BINDIR}
version=$(sed -n 's#^require k8s.io/kubernetes \(v.*\)$#\1#p' go.mod)
sources=$(cat main.go go.mod go.sum build.sh | sha256sum)

mkdir -p "$bin"
if [ ! -x "$bin/hyperkube" ] || [ "$sources" != "$(cat "$bin/.hyperkube.sources" 2>/dev/null)" ]; then
	echo "building Kubernetes $version (about 10 minutes on two cores)" >&2
	minor=${version#v1.}
	ldflags="-s -w"
	# What /version, `kubectl version` and node.status.nodeInfo report; without it the API server calls itself v0.0.0.
	for pkg in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
		ldflags+=" -X $pkg.gitVersion=$version -X $pkg.gitMajor=1 -X $pkg.gitMinor=${minor%%.*}"
		ldflags+=" -X $pkg.gitTreeState=clean -X $pkg.buildDate=1970-01-01T00:00:00Z"
	done
	# Written under another name first: the running cluster may be executing the present file.
	GOWORK=off CGO_ENABLED=0 nice go build -trimpath -ldflags "$ldflags" -o "$bin/hyperkube.new" .
	mv "$bin/hyperkube.new" "$bin/hyperkube"
	echo "$sources" >"$bin/.hyperkube.sources"
fi
for name in kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl etcd; do
	ln -sfn hyperkube "$bin/$name"
done
