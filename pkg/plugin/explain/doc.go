// SPDX-License-Identifier: Apache-2.0

// Package explain says in words what a policy does: what each hook reads and compares, and, where a tracer has tried it, how a
// kernel serves it.
package explain
