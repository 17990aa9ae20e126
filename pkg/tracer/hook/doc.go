// SPDX-License-Identifier: Apache-2.0

// Package hook loads the kernel programs of a policy's hooks, attaches them, and decodes what they send. Of policies it
// knows nothing but the types of arguments: how each is read, and how it is shown (Value). A Definition says in the kernel
// side's own terms what one hook reads, filters and does (bpf/hook_config.h).
//
// Every Definition becomes a collection of its own from the one generic object, with its constants frozen, so that the
// verifier removes what the hook does not use. The ring, the counters and the scope are shared with the programs of process
// life.
//
// A Set is for one goroutine, except where a method says otherwise.
package hook
