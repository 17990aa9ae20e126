// SPDX-License-Identifier: Apache-2.0

// Package launch puts a tracer pod on each node, keeps the control stream to it, and takes everything away again.
//
// The order of use is Preflight, then Start for all nodes at the same time, per tracer Wait and Open, at the end Delete
// and, once, Cleanup. Start may be called again for a node whose tracer has ended. A Launcher and its Tracers may be used by
// any number of goroutines.
//
// # What is removed, and when
//
// Three layers keep tracers from outliving their use: Delete and Cleanup; in the pod, the end of standard input or its
// silence and activeDeadlineSeconds; and Reap and Sweep, which remove what dead sessions left. What the kernel holds for a
// tracer ends with its process. All rules are in janitor*.go:
//
//   - Cleanup removes the pods of its own session, whatever their state, and waits until they are gone. Then it removes
//     left-overs as Reap does, which a session calls at its start.
//   - A namespace that a session made says so in an annotation. The last session out removes it, whichever made it, when no
//     pod is in it. A Preflight that fails removes the namespace that it made. One that an administrator made stays.
//   - A pod of another session is a left-over when its time (an annotation) is over, or when it was deleted and its kubelet
//     has not let it go for 30 s. While one tracer of a session runs, that session lives, since a tracer ends 30 s after its
//     plugin; it deletes its own ended pods. Where none runs, a pod is a left-over one minute after its end, so that its
//     session can still read its log, or ten minutes after its creation if it never started.
//   - The pods of a session that traced by itself (an annotation says until when) are kept for an hour after its end, for who wants to
//     read its events; then their time is over.
//   - Sweep, which a user asked for, also takes pods at once whose tracers ended because their plugin was gone.
//   - A pod whose kubelet does not answer within its grace period and 3 s, or before the clean-up's own deadline, is deleted
//     by force. Pods are deleted in parallel; one that stays does not hold up the others.
//
// To create such pods is to be root on the node: hostPID with CAP_BPF and CAP_PERFMON reads all of its memory that
// matters. What guards it is who may create pods in the tracer namespace.
package launch
