// SPDX-License-Identifier: Apache-2.0

// Package logic turns conditions into typed expressions: macros and lists are expanded, fields looked up, constants converted, and
// what is the same is there once. From an expression it derives what is left of it for one event type.
//
// A Builder is used by one goroutine. Expressions are never changed and may be shared.
package logic
