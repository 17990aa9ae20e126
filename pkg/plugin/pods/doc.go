// SPDX-License-Identifier: Apache-2.0

// Package pods is the one index of pods, their containers and workloads. It tells which pod, container and workload a process belongs to. The tracer knows a pod's UID and a container's
// ID from the name of a cgroup; everything else is the API server's, and comes later: a container runs for a second or
// two before the pod's status names it. So an Index collects pods, and a Resolver lets the events of a node wait for it,
// for a bounded time and without changing their order.
package pods
