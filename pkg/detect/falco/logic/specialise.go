// SPDX-License-Identifier: Apache-2.0

package logic

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
)

// Container says what is known of where events come from.
type Container uint8

// What may be known.
const (
	// AnyContainer: nothing.
	AnyContainer Container = iota
	// InContainer: all events are of containers.
	InContainer
	// OnHost: no event is.
	OnHost
)

// hostID is container.id outside of containers.
const hostID = "host"

// specialKey is an expression for an event type.
type specialKey struct {
	event, expression int
	container         Container
}

// Specialise is what is left of an expression for events of one type: comparisons of evt.type and of what is the same for all events are
// replaced by their results, those with fields that such events never have by what they are for an absent value.
func (b *Builder) Specialise(e *Expression, event *catalog.EventType, container Container) *Expression {
	key := specialKey{event.Number, e.ID, container}
	if done, ok := b.special[key]; ok {
		return done
	}
	result := e
	switch e.Kind {
	case IsAtom:
		if holds, known := b.fixed(e.Atom, event, container); known {
			result = b.Constant(holds)
		}
	case Not:
		result = b.Not(b.Specialise(e.Terms[0], event, container))
	case And, Or:
		terms := make([]*Expression, len(e.Terms))
		for i, term := range e.Terms {
			terms[i] = b.Specialise(term, event, container)
		}
		if e.Kind == And {
			result = b.And(terms...)
		} else {
			result = b.Or(terms...)
		}
	}
	b.remember(key, result)
	return result
}

// mostRemembered results of Specialise and Positive, beyond which they are made anew: some hundred bytes each.
const mostRemembered = 1 << 20

func (b *Builder) remember(key specialKey, e *Expression) {
	if len(b.special) >= mostRemembered {
		clear(b.special)
	}
	b.special[key] = e
}

// fixed is the result of a comparison that is the same for all events of a type.
func (b *Builder) fixed(a *Atom, event *catalog.EventType, container Container) (holds, known bool) {
	for _, slot := range a.Slots() {
		if !slot.Reference.PossibleFor(event) {
			return a.Comparison != nil && a.Comparison.HoldsAbsent(), true
		}
	}
	field := a.Field()
	if field == nil {
		return false, false
	}
	switch field.Name {
	case "evt.type", "syscall.type":
		return a.Comparison.HoldsFor(event.Name), true
	case "evt.dir":
		return a.Comparison.HoldsFor("<"), true
	case "evt.source":
		return a.Comparison.HoldsFor("syscall"), true
	case "evt.num":
		return counted(a)
	case "container.id":
		return b.inContainer(a, container)
	}
	if field.Field.Name == "evt.type.is" {
		return a.Comparison.Holds(typeIs(field.Key == event.Name)) == compare.True, true
	}
	return false, false
}

func typeIs(same bool) *compare.Value {
	var v compare.Value
	v.SetBool(same)
	return &v
}

// counted decides comparisons of evt.num, which counts events from 1, where they are the same for all.
func counted(a *Atom) (holds, known bool) {
	if len(a.Values) != 1 {
		return false, false
	}
	n, err := compare.ParseNumber(a.Values[0])
	if err != nil {
		return false, false
	}
	switch {
	case a.Operator == "=" && n < 1, a.Operator == "in" && n < 1, a.Operator == "intersects" && n < 1, a.Operator == "<" && n <= 1, a.Operator == "<=" && n < 1:
		return false, true
	case a.Operator == "!=" && n < 1, a.Operator == ">=" && n <= 1, a.Operator == ">" && n < 1:
		return true, true
	}
	return false, false
}

// inContainer decides comparisons of container.id with host.
func (b *Builder) inContainer(a *Atom, container Container) (holds, known bool) {
	switch {
	case container == OnHost:
		return a.Comparison.HoldsFor(hostID), true
	case container == AnyContainer, len(a.Values) != 1 || a.Values[0] != hostID:
		return false, false
	}
	switch a.Operator {
	case "=", "in", "intersects":
		return false, true
	case "!=":
		return true, true
	}
	return false, false
}

// Positive is an expression with its negations at the comparisons, so that what it is made of are And and Or over comparisons and
// their opposites.
func (b *Builder) Positive(e *Expression) *Expression { return b.positive(e, false) }

func (b *Builder) positive(e *Expression, denied bool) *Expression {
	key := specialKey{event: -1, expression: e.ID}
	if denied {
		key.event = -2
	}
	if done, ok := b.special[key]; ok {
		return done
	}
	var result *Expression
	switch e.Kind {
	case Not:
		result = b.positive(e.Terms[0], !denied)
	case And, Or:
		terms := make([]*Expression, len(e.Terms))
		for i, term := range e.Terms {
			terms[i] = b.positive(term, denied)
		}
		if (e.Kind == And) != denied {
			result = b.And(terms...)
		} else {
			result = b.Or(terms...)
		}
	default:
		result = e
		if denied {
			result = b.Not(e)
		}
	}
	b.remember(key, result)
	return result
}
