// SPDX-License-Identifier: Apache-2.0

// Package plan decides how the hooks of a policy are served on a node: for each function, tracepoint or place in a program
// the ways in which its programs can be attached, best first, with what each way cannot do. A way is complete: the
// definitions that package hook loads, made for that way, because where an argument stands depends on it.
//
//	policy.Hook → sites (where it can be seen) → arguments, filters, actions for each site → Way
//
// The rows of what stands in for what are in tables: functions that have other names on other kernels (renamed.go),
// tracepoints that stand in for functions where there are neither trampolines nor kprobes (equals.go).
//
// Nothing is loaded here; the kernel's type information is read.
package plan
