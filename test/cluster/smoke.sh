#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2016,SC2317 # scripts for other shells are quoted; functions are called through check
#
# smoke.sh: does the running cluster do what the end-to-end tests rely on? On one namespace node, and on the VM when it is there.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
. "$HERE/lib/common.sh"
. "$HERE/lib/cgroup.sh"

export KUBECONFIG=$KUBECONFIG_FILE
PATH=$BIN:$PATH
ns=smoke
tmp=$(mktemp -d)
failed=0
rc=0 # of the last check

cleanup() {
	kubectl delete namespace "$ns" "$ns-baseline" --ignore-not-found --wait=false >/dev/null
	rm -r "$tmp"
}
trap cleanup EXIT

# check WHAT COMMAND...: run it, say how it went
check() {
	local what=$1 start=$EPOCHREALTIME
	shift
	# Not `if "$@"`: in a condition, set -e has no effect, however deep inside.
	set +e
	(
		set -e
		"$@"
	) >"$tmp/out" 2>&1
	rc=$?
	set -e
	if [ $rc = 0 ]; then
		printf 'ok    %5.1fs  %s\n' "$(since "$start")" "$what"
	else
		printf 'FAIL  %5.1fs  %s\n' "$(since "$start")" "$what"
		sed 's/^/      | /' "$tmp/out"
		failed=1
	fi
}

since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }'; }

# eventually COMMAND...: within a time that is enough in the VM
eventually() {
	local end=$((SECONDS + 60))
	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.2
	done
}

# pod NAME NODE IMAGE SCRIPT [SPEC [CONTAINER]]: make it and wait until it runs; the last two are more fields, in YAML's flow style
pod() {
	kubectl create -n "${in:-$ns}" -f - <<-Y || return
		apiVersion: v1
		kind: Pod
		metadata: {name: "$1"}
		spec: {
		  nodeName: "$2", restartPolicy: Never, terminationGracePeriodSeconds: 0, ${5:-}
		  containers: [{
		    name: c, image: "$3", imagePullPolicy: IfNotPresent, command: [/bin/sh, -c, '$4'], ${6:-}
		  }]
		}
	Y
	kubectl wait -n "${in:-$ns}" --for=condition=Ready "pod/$1" --timeout=120s
}

exec_works() {
	pod "target-$1" "$1" localhost/busybox:1 'i=0; while :; do echo "tick $i"; i=$((i+1)); sleep 0.2; done'
	[ "$(kubectl exec -n "$ns" "target-$1" -- sh -c 'echo $((6 * 7))')" = 42 ]
}

exec_stdin_works() { [ "$(echo through | kubectl exec -i -n "$ns" "target-$1" -- cat)" = through ]; }

# The first line, and lines that were written after the command started
logs_follow() {
	timeout 6 kubectl logs -f -n "$ns" "target-$1" >"$tmp/log" || true
	head -1 "$tmp/log" | grep -x 'tick 0'
	[ "$(wc -l <"$tmp/log")" -gt 15 ]
}

# The tracer's lifeline: when the attached client is killed, the container reads the end of its input.
attach_ends_with_client() {
	local pid
	pod "attach-$1" "$1" localhost/busybox:1 'while read -r l; do echo "got $l"; done; echo end of input' \
		'' 'stdin: true, stdinOnce: true'
	mkfifo "$tmp/in-$1"
	kubectl attach -i -n "$ns" "attach-$1" <"$tmp/in-$1" >"$tmp/attached-$1" 2>&1 &
	pid=$!
	exec 3>"$tmp/in-$1" # held open by this shell too, so that only the kill ends the input
	echo one >&3
	eventually grep -qx 'got one' "$tmp/attached-$1"
	kill -9 "$pid"
	eventually phase_is "attach-$1" Succeeded
	exec 3>&-
	kubectl logs -n "$ns" "attach-$1" | grep -x 'end of input'
}

phase_is() { [ "$(kubectl get pod -n "$ns" "$1" -o 'jsonpath={.status.phase}')" = "$2" ]; }

# What a tracer pod needs to see: kernel types, the bpf and trace file systems, its node's processes, the runtime's socket
privileged_pod() {
	pod "priv-$1" "$1" localhost/busybox:1 'sleep 1000' \
		'hostPID: true, hostNetwork: true, volumes: [{name: host, hostPath: {path: /}}],' \
		'securityContext: {privileged: true}, volumeMounts: [{name: host, mountPath: /host, mountPropagation: HostToContainer}]'
	kubectl exec -n "$ns" "priv-$1" -- sh -exc '
		test -s /sys/kernel/btf/vmlinux
		grep " /host/sys/fs/bpf bpf " /proc/mounts
		test -e /host/sys/kernel/tracing/events
		test -S /host/run/containerd/containerd.sock
		cat /proc/[0-9]*/comm | grep -x kubelet'
}

# Each kind of node says what its kernel has.
tier_label() { kubectl get node "$1" -o 'jsonpath={.metadata.labels.trace-sec\.test/tier}' | grep -xE 'trampoline|kprobe|tracepoint'; }

sees_only_its_node() { ! kubectl exec -n "$ns" "priv-$1" -- sh -c 'cat /proc/[0-9]*/comm' | grep -x kube-apiserver; }

# The seed's scenario, and that programs are where a Debian has them
debian_image() {
	pod "debian-$1" "$1" localhost/debian:1 'exec sleep 1000'
	[ "$(kubectl exec -n "$ns" "debian-$1" -- readlink -f /bin/bash /bin/sleep)" = $'/usr/bin/bash\n/usr/bin/sleep' ]
	[ "$(kubectl exec -n "$ns" "debian-$1" -- /subsub.sh)" = $'Start subsub.sh\nFinish subsub.sh' ]
}

by_digest() {
	pod "digest-$1" "$1" "localhost/smoke@$digest" 'echo here; exec sleep 1000'
	kubectl logs -n "$ns" "digest-$1" | grep -x here
}

# uid NAME, cgroups UID: of a pod, in the first hierarchy
uid() { kubectl get pod -n "$ns" "$1" -o 'jsonpath={.metadata.uid}'; }
cgroups() { find "$(cgroup_roots | head -1)/$ROOT_CGROUP" -type d -path "*/kubepods/*/pod$1/*"; }

container_cgroup() { cgroups "$(uid "target-$1")" | grep -E "^[^ ]*/$ROOT_CGROUP/$1/kubepods/besteffort/pod[0-9a-f-]{36}/[0-9a-f]{64}$"; }

deleted_pod_is_gone() {
	local uid
	uid=$(uid "target-$1")
	kubectl delete pod -n "$ns" "target-$1" --now --timeout=60s
	eventually no_cgroups "$uid"
}
no_cgroups() { [ -z "$(cgroups "$1")" ]; }

baseline_refuses_privileged() {
	kubectl create namespace "$ns-baseline"
	kubectl label namespace "$ns-baseline" pod-security.kubernetes.io/enforce=baseline
	eventually kubectl get serviceaccount default -n "$ns-baseline"
	in=$ns-baseline pod plain "$1" localhost/busybox:1 'sleep 1000'
	if in=$ns-baseline pod tracer "$1" localhost/busybox:1 'sleep 1000' 'hostPID: true,' \
		'securityContext: {privileged: true}' 2>"$tmp/refusal"; then
		return 1
	fi
	grep 'violates PodSecurity "baseline' "$tmp/refusal"
}

deployment_spreads() {
	kubectl create deployment -n "$ns" web --image=localhost/busybox:1 --replicas=6 -- sleep 1000
	kubectl rollout status -n "$ns" deployment/web --timeout=120s
	[ "$(kubectl get pods -n "$ns" -l app=web -o 'jsonpath={range .items[*]}{.spec.nodeName}{"\n"}{end}' | sort -u | wc -l)" -ge 2 ]
}

# From a pod of one node to the deployment's pods, which are on every node
reaches_pods() {
	local ip
	for ip in $(kubectl get pods -n "$ns" -l app=web -o 'jsonpath={.items[*].status.podIP}'); do
		kubectl exec -n "$ns" "target-$1" -- ping -c 1 -W 5 "$ip"
	done
}

mapfile -t all < <(kubectl get nodes -o name | sed 's#^node/##')
nodes=(n1)
[[ " ${all[*]} " != *" $VM "* ]] || nodes+=("$VM")

kubectl delete namespace "$ns" "$ns-baseline" --ignore-not-found >/dev/null
kubectl create namespace "$ns" >/dev/null
eventually kubectl get serviceaccount default -n "$ns" >/dev/null 2>&1

digest=$("$BIN/oci-archive" -name localhost/smoke:1 -out "$tmp/smoke.tar" \
	-file "$DEB/busybox-static/bin/busybox=/bin/sh" -file "$DEB/busybox-static/bin/busybox=/bin/sleep" -- /bin/sh)
check "load an image" "$HERE/load-image.sh" "$tmp/smoke.tar"
for node in "${nodes[@]}"; do
	check "$node: exec" exec_works "$node"
	[ "$rc" = 0 ] || continue # no pod starts there: do not wait for each of the others
	check "$node: exec with input" exec_stdin_works "$node"
	check "$node: logs -f" logs_follow "$node"
	check "$node: attach, killed client is end of input" attach_ends_with_client "$node"
	check "$node: privileged pod sees the node" privileged_pod "$node"
	check "$node: privileged pod does not see the control plane" sees_only_its_node "$node"
	check "$node: label of what its kernel has" tier_label "$node"
	check "$node: image by digest" by_digest "$node"
	check "$node: Debian image" debian_image "$node"
done
check "cgroup of a container" container_cgroup n1
check "a baseline namespace refuses a privileged pod" baseline_refuses_privileged n1
[ ${#all[@]} = 1 ] || check "a deployment spreads over nodes" deployment_spreads
for node in "${nodes[@]}"; do check "$node: its pods reach those of all nodes" reaches_pods "$node"; done
check "a deleted pod leaves no cgroup" deleted_pod_is_gone n1
exit $failed
