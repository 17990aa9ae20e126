// SPDX-License-Identifier: Apache-2.0

// Package events evaluates Sigma rules over the events of package event.
//
//	NewPlan(rules, Options) → Plan: what each rule needs, and how well it can be answered → Detector.Detect(event) → Match
//
// A rule is Armed, Degraded or Unsupported, with the reasons; and each has notes about fields that are approximate. What a rule needs of
// a session is data (Needs, Hooks): who starts the session makes hooks of it.
//
// The tables are fields.go (what a field is of an event), functions.go (which hooks are file events and connections) and
// audit_fields.go (what an event is as a record of the audit daemon).
package events
