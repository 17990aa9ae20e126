# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# etcd, API server, controller manager and scheduler, in this machine's network namespace on the bridge address.

control_plane_ready() { [ -s "$KUBECONFIG_FILE" ] && timeout 5 "$BIN/kubectl" --kubeconfig "$KUBECONFIG_FILE" get --raw /readyz >/dev/null 2>&1; }

# component NAME FLAG...
component() {
	local name=$1
	shift
	start_in_cgroup control-plane "$STATE/log/$name.log" "$BIN/$name" "$@"
}

control_plane_start() {
	local pki=$STATE/pki clients=("$VM") i
	mkdir -p "$STATE/log"
	for ((i = 1; i <= MAX_NODES; i++)); do clients+=("$(node_name $i)"); done
	"$BIN/pki" "$pki" "$CONTROL_PLANE" "${clients[@]}"
	install -m 0600 "$pki/admin.kubeconfig" "$KUBECONFIG_FILE"

	# The data does not outlive the cluster, so it need not reach the disk.
	component etcd --data-dir="$STATE/etcd" --unsafe-no-fsync \
		--listen-client-urls="http://$CONTROL_PLANE:2379" --advertise-client-urls="http://$CONTROL_PLANE:2379" \
		--listen-peer-urls="http://$CONTROL_PLANE:2380" --initial-advertise-peer-urls="http://$CONTROL_PLANE:2380" \
		--initial-cluster="default=http://$CONTROL_PLANE:2380"

	# No kube-proxy here, so nobody needs endpoints for the service "kubernetes".
	component kube-apiserver --etcd-servers="http://$CONTROL_PLANE:2379" \
		--advertise-address="$CONTROL_PLANE" --bind-address="$CONTROL_PLANE" --secure-port=6443 \
		--service-cluster-ip-range=10.96.0.0/16 --endpoint-reconciler-type=none \
		--allow-privileged=true --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
		--client-ca-file="$pki/ca.crt" --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
		--kubelet-client-certificate="$pki/apiserver-kubelet.crt" --kubelet-client-key="$pki/apiserver-kubelet.key" \
		--kubelet-preferred-address-types=InternalIP \
		--service-account-issuer=https://kubernetes.default.svc \
		--service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key"
	wait_for 60 "API server" control_plane_ready

	# With the default limit of 20 requests per second the first default service account takes 4 s longer: each controller
	# gets a service account and a token of its own first.
	component kube-controller-manager --kubeconfig="$pki/controller-manager.kubeconfig" \
		--authentication-kubeconfig="$pki/controller-manager.kubeconfig" \
		--authorization-kubeconfig="$pki/controller-manager.kubeconfig" \
		--bind-address="$CONTROL_PLANE" --leader-elect=false --use-service-account-credentials=true \
		--service-account-private-key-file="$pki/sa.key" --root-ca-file="$pki/ca.crt" \
		--kube-api-qps=300 --kube-api-burst=600
	component kube-scheduler --kubeconfig="$pki/scheduler.kubeconfig" \
		--authentication-kubeconfig="$pki/scheduler.kubeconfig" --authorization-kubeconfig="$pki/scheduler.kubeconfig" \
		--bind-address="$CONTROL_PLANE" --leader-elect=false --kube-api-qps=300 --kube-api-burst=600
}
