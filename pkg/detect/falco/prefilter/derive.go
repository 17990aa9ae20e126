// SPDX-License-Identifier: Apache-2.0

package prefilter

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
)

// Options of a derivation.
type Options struct {
	// Arch of the node, as Go calls it: numbers of flags depend on it.
	Arch string
	// OpenHow: the kernel side reads the flags of openat2 from its struct.
	OpenHow bool
	// Wanted says of which rules the events of a type are needed; nil: of all that are enabled.
	Wanted func(*falco.Rule, *catalog.EventType) bool
}

// Program is the filter of one event type.
type Program struct {
	Event *catalog.EventType
	// All: every event passes. Reasons says because of which rules.
	All     bool
	Reasons []Reason
	// Conjuncts: an event passes if one of them admits it. Without any, and without All, no rule can hold: the event is not needed.
	Conjuncts []Conjunct
}

// Reason is why nothing can be filtered: a rule, and the comparison that a kernel can't decide, empty where there is none left.
type Reason struct {
	Rule *falco.Rule
	Atom string
}

// Derive makes the filters of all event types that can be told, in the order of their numbers, from the enabled rules. Of execve and
// execveat every event passes: others need them.
func Derive(e *falco.Engine, options Options) []Program {
	types := catalog.EventTypes()
	programs := make([]Program, len(types))
	for i := range types {
		programs[i] = derive(e, &types[i], options)
	}
	return programs
}

func derive(e *falco.Engine, event *catalog.EventType, options Options) Program {
	p := Program{Event: event}
	t := &translation{event: event, options: options}
	all := nothing
	for _, rule := range e.Rules {
		if !rule.Enabled || options.Wanted != nil && !options.Wanted(rule, event) {
			continue
		}
		t.steps = 0
		positive := e.Builder().Positive(e.Specialise(rule, event))
		n := t.expression(positive)
		if n.everything() {
			t.steps = 0
			p.Reasons = append(p.Reasons, Reason{rule, t.reason(positive)})
		}
		all = all.or(n)
	}
	p.All = all.everything() || event.Name == "execve" || event.Name == "execveat"
	if !p.All {
		p.Conjuncts = all
	}
	return p
}

// Rule is the filter of one rule for events of one type, as a Program.
func Rule(e *falco.Engine, rule *falco.Rule, event *catalog.EventType, options Options) Program {
	t := &translation{event: event, options: options}
	n := t.expression(e.Builder().Positive(e.Specialise(rule, event)))
	if n.everything() {
		return Program{Event: event, All: true}
	}
	return Program{Event: event, Conjuncts: n}
}

// translation of expressions for one event type.
type translation struct {
	event   *catalog.EventType
	options Options
	// steps that were done for one rule.
	steps int
}

// mostSteps of a rule: what is beyond counts as not to be decided. Falco's own have some hundred.
const mostSteps = 1 << 12

// expression translates one with its negations at the atoms.
func (t *translation) expression(e *logic.Expression) normal {
	if t.steps++; t.steps > mostSteps {
		return everything
	}
	switch e.Kind {
	case logic.Never:
		return nothing
	case logic.Always:
		return everything
	case logic.IsAtom:
		return t.atom(e.Atom)
	case logic.Not:
		return t.denied(e.Terms[0].Atom)
	case logic.And:
		n := everything
		for _, term := range e.Terms {
			n = n.and(t.expression(term))
		}
		return n
	}
	n := nothing
	for _, term := range e.Terms {
		n = n.or(t.expression(term))
	}
	return n
}

// reason is a comparison because of which an expression admits everything.
func (t *translation) reason(e *logic.Expression) string {
	switch e.Kind {
	case logic.IsAtom, logic.Not:
		return e.String()
	}
	for _, term := range e.Terms {
		if t.expression(term).everything() {
			if r := t.reason(term); r != "" {
				return r
			}
		}
	}
	return ""
}
