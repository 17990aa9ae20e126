// SPDX-License-Identifier: Apache-2.0

// Package harness runs a tracer with policies in the test's own process and has a program provoke what they watch. Only that
// program and its descendants are in scope.
package harness
