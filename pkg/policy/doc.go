// SPDX-License-Identifier: Apache-2.0

// Package policy reads Tetragon's TracingPolicy language: YAML or JSON in, a typed model out, or every mistake with its
// line, its path and the nearest name that would have been right. It never touches a kernel and knows no cluster.
//
//	File → Policy → Hook → Argument, Selector → filters, Action
//
// Who compiles a Policy never looks at its text again: names are resolved, values are parsed to the type of the argument
// that they are compared with, macros and lists are expanded, operators are reduced to a few ways to match (Match), and what
// cannot work together was refused. The vocabulary is in tables: argument types (argument_types.go), operators
// (operators.go), actions (actions.go), names of numbers (names.go); a word that a table lacks does not exist.
//
// Nothing in a policy is ignored. What the original accepts and then does not do, this package either represents fully, so
// that who plans it can tell what comes of it, or refuses with the reason.
//
// All functions may be called at the same time.
package policy
