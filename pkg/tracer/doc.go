// SPDX-License-Identifier: Apache-2.0

// Package tracer is the program that runs on a node: it takes a configuration, has the kernel trace what that names, and writes
// frames. It knows Kubernetes only as far as cgroups name pods and containers, uses no network and leaves nothing in the
// kernel: when it ends, however it ends, everything detaches.
//
// The way of an event: ring buffer → kernel.Programs.Read → process.Table → queue → wire.Encoder. One goroutine reads and
// owns all state; a second one writes. Output that blocks fills the queue, and then the ring, of which no pod may hold so much that
// others find no room (bpf/share.h); what is left out, or finds no room, is counted. The ring for enforcement events is read before it
// is full, whatever the queue holds.
package tracer
