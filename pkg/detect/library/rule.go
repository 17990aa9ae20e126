// SPDX-License-Identifier: Apache-2.0

package library

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/nearest"
)

// Rule is one behaviour and how it is found. It does not change once it is read.
type Rule struct {
	// ID identifies the rule: R01. Title is what it says in one line.
	ID, Title, Description string
	Severity               event.Severity
	// Techniques are those of MITRE ATT&CK, T1059.004; Tags are the author's words.
	Techniques, Tags          []string
	FalsePositives, NextSteps []string
	// Tier is the least that a kernel has to offer.
	Tier Tier
	// Limits say what the rule does not see, a line each.
	Limits []string
	// Observe are the events that the rule is about: one of them has to match.
	Observe []Observation
	// Exceptions are who may do it.
	Exceptions []Exception
	Tests      Tests
	// File and Line that it is from.
	File string
	Line int

	condition *expression
	// before is what must have happened before the event; key identifies what both are about, in one of several ways.
	before []step
	key    []*expression
	count  *count
	first  []*expression
	output *template
}

// Tier is what a kernel offers for hooks.
type Tier string

// The tiers: what tracepoints alone can show, and what needs probes on functions of the kernel.
const (
	TierTracepoint Tier = "tracepoint"
	TierFunction   Tier = "function"
)

var tiers = []Tier{TierTracepoint, TierFunction}

// Exception is who may do what the rule is about: all of its fields have one of their values. There are at least two, since one that
// names only who, or only what, opens the rule for everyone.
type Exception struct {
	Name   string
	fields []exceptionField
}

// Tuning is exceptions for rules that are written elsewhere.
type Tuning struct {
	For        []Reference
	Exceptions []Exception
}

// Reference names a rule by its ID; a Problem says where, if there is none.
type Reference struct {
	ID string
	at Problem
}

// exceptionField is an expression and its values, of which * at the end stands for any ending.
type exceptionField struct {
	of     *expression
	values []string
}

// Tests are acts of the rule's own. A rule without both kinds is refused.
type Tests struct{ Positive, NearMiss []Test }

// Test is one act: a script for bash in which $D is an empty directory, $PY the interpreter of Python and $A a program of small acts
// (docs/rules.md). Also are the IDs of other rules that fire at it, too.
type Test struct {
	Run  string
	Also []string
	// Times that the rule fires, of a positive one; 1 if nothing else is said.
	Times int
	Line  int
}

// step is something that must have happened before.
type step struct {
	observe   []Observation
	condition *expression
	key       *expression
	// note is what the rule's output may tell of it as noted.
	note   *expression
	within time.Duration
}

// count fires when a condition held often enough within a time.
type count struct {
	by, distinct *expression
	atLeast      int
	within       time.Duration
}

// Problem is something wrong in a rule file.
type Problem struct {
	File         string
	Line, Column int
	Text         string
}

func (p Problem) Error() string { return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text) }

// Contents is what is in a rule file.
type Contents struct {
	Rules   []*Rule
	Tunings []Tuning
}

// Tune adds exceptions to rules. They are not changed: those that get some are copies. Problems are about IDs that no rule has.
func Tune(rules []*Rule, tunings []Tuning) (tuned []*Rule, problems []Problem) {
	tuned = slices.Clone(rules)
	for _, t := range tunings {
		for _, reference := range t.For {
			i := slices.IndexFunc(tuned, func(r *Rule) bool { return r.ID == reference.ID })
			if i < 0 {
				problems = append(problems, reference.unknown(tuned))
				continue
			}
			changed := *tuned[i]
			changed.Exceptions = slices.Concat(changed.Exceptions, t.Exceptions)
			tuned[i] = &changed
		}
	}
	return tuned, problems
}

func (r Reference) unknown(rules []*Rule) Problem {
	var ids []string
	for _, rule := range rules {
		ids = append(ids, rule.ID)
	}
	p := r.at
	p.Text = fmt.Sprintf("no rule has the id %q%s", r.ID, nearest.DidYouMean(r.ID, ids))
	return p
}

// Condition is the rule's condition as it is written; empty: all that is observed.
func (r *Rule) Condition() string { return r.condition.String() }

// Remembers says in words what the rule keeps in mind; nil for nothing.
func (r *Rule) Remembers() (lines []string) {
	for _, s := range r.before {
		line := fmt.Sprintf("what happened at most %s before, in the same container, by %s", s.within, s.key)
		if s.condition != nil {
			line += ": " + s.condition.String()
		}
		lines = append(lines, line)
	}
	if c := r.count; c != nil {
		what := "times"
		if c.distinct != nil {
			what = "different values of " + c.distinct.String()
		}
		lines = append(lines, fmt.Sprintf("%d %s within %s, by %s", c.atLeast, what, c.within, c.by))
	}
	for _, f := range r.first {
		lines = append(lines, "only the first time in a session, by "+f.String())
	}
	return lines
}

// Kinds are what the rule has to be told of, what must have happened before included.
func (r *Rule) Kinds() (names []string) {
	for _, o := range r.observations() {
		names = append(names, o.Kind())
	}
	return sortedOnce(names)
}

// String says what an exception is about.
func (e *Exception) String() string {
	var parts []string
	for _, f := range e.fields {
		parts = append(parts, fmt.Sprintf("%s is one of %s", f.of, strings.Join(f.values, ", ")))
	}
	return e.Name + ": " + strings.Join(parts, " and ")
}
