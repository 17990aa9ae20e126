// SPDX-License-Identifier: Apache-2.0

// Package launch puts a tracer pod on each node, keeps the control link to it, and takes everything away again.
//
// The order of use is Preflight, then Start for all nodes at the same time, per tracer Wait and Open, at the end Delete
// and, once, Cleanup. A Launcher and its Tracers may be used by any number of goroutines.
//
// Three layers keep tracers from outliving their use: Delete and Cleanup; in the pod, the end of standard input or its
// silence and activeDeadlineSeconds; and Reap, which removes what dead sessions left. What the kernel holds for a tracer
// ends with its process.
//
// To create such pods is to be root on the node: hostPID with CAP_BPF and CAP_PERFMON reads all of its memory that
// matters. What guards it is who may create pods in the tracer namespace.
package launch
