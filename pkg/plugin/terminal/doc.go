// SPDX-License-Identifier: Apache-2.0

// Package terminal knows what a terminal is able to show, and keeps text that others chose from controlling it.
//
// Everything that a node, a container or the API server names can hold escape sequences, bidirectional overrides or
// invisible characters; Sanitize is the only way for such a text to a person's screen.
package terminal
