// SPDX-License-Identifier: Apache-2.0

// Package session runs one trace from the first tracer to the summary: it starts a tracer per node, hands each the pods to
// trace as they come and move, reads their streams, and passes events, one at a time, to the renderer. One node's failure
// is said and the others go on. However a session ends, the tracers' last words are waited for (unless it ends at once)
// and what it put on the cluster is removed.
//
// Who may wait for whom: log readers for nobody (package stream drops and counts), a node's goroutine for the display,
// the display for the terminal.
package session
