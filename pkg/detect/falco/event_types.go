// SPDX-License-Identifier: Apache-2.0

package falco

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
)

// eventTypes finds out for which event types expressions can hold, of all that there are: only comparisons of evt.type are looked at.
type eventTypes struct {
	// names are all event types.
	names []string
	found map[int]possible
}

// possible are the event types for which an expression may hold, and may not.
type possible struct{ holds, not set }

// set of event types, by their places among the names. There are some 500.
type set [16]uint64

func (s *set) add(i int) { s[i/64%len(s)] |= 1 << (i % 64) }

func (s *set) has(i int) bool { return s[i/64%len(s)]&(1<<(i%64)) != 0 }

func newEventTypes() *eventTypes {
	return &eventTypes{names: catalog.KnownEventTypes(), found: map[int]possible{}}
}

// of an expression. Each is looked at once, however often it is a part of others.
func (t *eventTypes) of(e *logic.Expression) possible {
	if p, ok := t.found[e.ID]; ok {
		return p
	}
	var p possible
	switch e.Kind {
	case logic.IsAtom:
		p = t.ofAtom(e.Atom)
	case logic.Not:
		p = t.of(e.Terms[0])
		p.holds, p.not = p.not, p.holds
	default:
		p = t.constant(e.Kind == logic.And || e.Kind == logic.Always)
		for _, term := range e.Terms {
			p.join(e.Kind, t.of(term))
		}
	}
	t.found[e.ID] = p
	return p
}

// join adds a term of an And or an Or.
func (p *possible) join(kind logic.Kind, term possible) {
	for i := range p.holds {
		if kind == logic.And {
			p.holds[i], p.not[i] = p.holds[i]&term.holds[i], p.not[i]|term.not[i]
		} else {
			p.holds[i], p.not[i] = p.holds[i]|term.holds[i], p.not[i]&term.not[i]
		}
	}
}

// constant is what holds for all event types, or for none.
func (t *eventTypes) constant(holds bool) (p possible) {
	for i := range t.names {
		if holds {
			p.holds.add(i)
		} else {
			p.not.add(i)
		}
	}
	return p
}

func (t *eventTypes) ofAtom(a *logic.Atom) (p possible) {
	field := a.Field()
	decided := field != nil && (field.Name == "evt.type" || field.Name == "syscall.type")
	for i, name := range t.names {
		holds := decided && a.Comparison.HoldsFor(name)
		if holds || !decided {
			p.holds.add(i)
		}
		if !holds {
			p.not.add(i)
		}
	}
	return p
}
