// SPDX-License-Identifier: Apache-2.0

// Package join tells which pod, container and workload a process belongs to. The tracer knows a pod's UID and a container's
// ID from the name of a cgroup; everything else is the API server's, and comes later: a container runs for a second or
// two before the pod's status names it. So a Directory collects pods, and a Hold lets the events of a node wait for it,
// for a bounded time and without changing their order.
package join
