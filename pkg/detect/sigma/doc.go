// SPDX-License-Identifier: Apache-2.0

// Package sigma reads Sigma rules (github.com/SigmaHQ/sigma-specification) and evaluates them.
//
//	Load → Rule → NewSet → Evaluator.Evaluate(Record) → Match
//
// A rule file is hostile input: size, depth and work are bounded, and every mistake is a Refusal with its reason, file and line.
// What the language has and this package does not do is refused with the reason, never passed over.
//
// The package knows no events. A Record tells the values of an event's fields; package records makes them of this product's
// events, and says how exactly. Text compares without regard to case unless a rule asks for it, as Sigma has it.
//
// A value may be incomplete (Values.Cut). A rule is then decided on what is there, and the match is marked where the missing part
// could have changed it; a rule that did not match but might have is told too (Evaluator.Undecided).
//
// Rules and sets never change and may be used at the same time; an Evaluator belongs to one goroutine.
package sigma
