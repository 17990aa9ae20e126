# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the kubelets of both kinds of node have in common.

# kubelet_config IP CA: a configuration on stdout, for more lines to follow
kubelet_config() {
	cat <<-Y
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		address: $1
		readOnlyPort: 0
		authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $2}}
		authorization: {mode: Webhook}
		containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
		cgroupDriver: cgroupfs
		failCgroupV1: false
		makeIPTablesUtilChains: false # there may be no iptables
		failSwapOn: false
		clusterDomain: cluster.local
		# There is no registry to pull from again, so never collect images, and evict late.
		imageGCHighThresholdPercent: 100
		imageMinimumGCAge: 24h
		evictionHard: {memory.available: 50Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
		# At a rotation a non-follow read of a log starts from an empty file; tests set this low to see many.
		containerLogMaxSize: ${TRACE_SEC_CLUSTER_LOG_MAX:-10Mi}
		${TRACE_SEC_CLUSTER_LOG_MAX:+containerLogMonitorInterval: 3s}
		# The default limits (50 requests per second, events 50) make a kubelet wait when many pods start at once.
		kubeAPIQPS: 300
		kubeAPIBurst: 600
		logging: {verbosity: 2}
	Y
}

# cni_config INDEX STATE-DIR
cni_config() {
	cat <<-J
		{
		  "cniVersion": "0.4.0", "name": "pods",
		  "plugins": [{
		    "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
		    "ipam": {
		      "type": "host-local", "dataDir": "$2",
		      "ranges": [[{"subnet": "$POD_NET.$1.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]
		    }
		  }]
		}
	J
}
