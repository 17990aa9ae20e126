// SPDX-License-Identifier: Apache-2.0

// Package library is the language of the built-in detections: rules in files of their own format (docs/rules.md), the hooks that they
// need, and their evaluation over events. It is plain data in the words of TracingPolicy, and knows nothing of sessions: who evaluates
// gives it events with the processes that belong to them.
//
// What a rule file says is hostile: files are bounded (see Read), expressions are checked against declared types and have a cost limit,
// what rules remember is bounded and what is forgotten of it is counted.
package library
