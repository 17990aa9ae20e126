// SPDX-License-Identifier: Apache-2.0

// Package condition reads and prints conditions of Falco rules: text to a tree, and back. It knows the grammar only; which
// fields there are, and what an operator may be used on, is not decided here.
//
// A tree is plain data and is not changed after Parse returned it, so that it can be shared.
package condition
