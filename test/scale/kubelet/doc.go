// SPDX-License-Identifier: Apache-2.0

// Package kubelet is one process that stands for the kubelets of many nodes: it registers Node objects with a real API server, says of
// every pod that is bound to them that it runs, and serves what the API server asks of a kubelet, logs and attach. In the tracer pods
// are scripted tracers, which speak the real wire protocol at a given rate, and may fail.
package kubelet
