#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shows the tool at work: a real pod in which scripts call scripts, and what `kubectl trace-sec exec` tells of it.
#   $KUBECONFIG set: on that cluster, with $DEMO_IMAGE (any image with a shell and sleep); else on the project's own test
#   cluster, which is started before, unless it is up, and stopped again.
set -euo pipefail
cd "$(dirname "$0")/.."

. ./test/lib/cluster.sh

stop() {
	[[ -z ${watcher:-} ]] || kill "$watcher" 2>/dev/null || true
	wait || true
	kubectl delete namespace trace-sec-demo --wait=false --ignore-not-found >/dev/null 2>&1 || true
	cluster_end
}
trap stop EXIT
script=(sh -c 'sleep 2; (sleep 3; false)')

if [[ -z ${KUBECONFIG:-} ]]; then
	DEMO_IMAGE=localhost/debian:1
	script=(/sub.sh) # sleeps, runs /subsub.sh, which sleeps too, and sleeps
fi
cluster_begin --nodes 2
# kubectl finds plugins on the PATH
export PATH=$PWD/bin:$PATH

kubectl create namespace trace-sec-demo >/dev/null
kubectl create -f - >/dev/null <<POD
apiVersion: apps/v1
kind: Deployment
metadata: {name: demo, namespace: trace-sec-demo}
spec:
  replicas: 2
  selector: {matchLabels: {app: demo}}
  template:
    metadata: {labels: {app: demo}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: shell
        image: ${DEMO_IMAGE:-busybox:stable}
        imagePullPolicy: IfNotPresent
        command: [sleep, "3600"]
POD
kubectl rollout status deployment/demo -n trace-sec-demo --timeout=120s >/dev/null
mapfile -t pods < <(kubectl get pods -n trace-sec-demo -l app=demo -o name)

echo
arguments=(deployment/demo -n trace-sec-demo --duration 25s)
echo "$ kubectl trace-sec exec ${arguments[*]}"
# The pods do something as soon as the tracers say that they are tracing; until then their standard input waits.
mkfifo "${fifo:=$(mktemp -u)}"
kubectl trace-sec exec "${arguments[@]}" 2> >(tee "$fifo" >&2) &
watcher=$!
grep -q -m1 -i 'tracing' "$fifo"
cat "$fifo" >/dev/null &
kubectl exec -n trace-sec-demo "${pods[0]}" -- "${script[@]}" >/dev/null
kubectl exec -n trace-sec-demo "${pods[1]}" -- sh -c 'cat /etc/passwd; ls /nowhere; kill -9 $$' >/dev/null 2>&1 || true
wait "$watcher"
rm -f "$fifo"
