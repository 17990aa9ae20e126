// SPDX-License-Identifier: Apache-2.0

package falco

import (
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
)

// eventTypes finds out for which event types expressions can hold, of all that there are: only comparisons of evt.type are looked at.
type eventTypes struct {
	// names are all event types.
	names []string
	found map[int]possible
}

// possible are the event types, by their places among the names, for which an expression may hold, and may not.
type possible struct{ holds, not []bool }

func newEventTypes() *eventTypes {
	return &eventTypes{names: catalog.KnownEventTypes(), found: map[int]possible{}}
}

// of an expression. Each is looked at once, however often it is a part of others.
func (t *eventTypes) of(e *logic.Expression) possible {
	if p, ok := t.found[e.ID]; ok {
		return p
	}
	p := possible{make([]bool, len(t.names)), make([]bool, len(t.names))}
	terms := make([]possible, len(e.Terms))
	for i, term := range e.Terms {
		terms[i] = t.of(term)
	}
	for i, name := range t.names {
		holds := func(p possible) bool { return p.holds[i] }
		not := func(p possible) bool { return p.not[i] }
		switch e.Kind {
		case logic.Never, logic.Always:
			p.holds[i], p.not[i] = e.Kind == logic.Always, e.Kind == logic.Never
		case logic.Not:
			p.holds[i], p.not[i] = terms[0].not[i], terms[0].holds[i]
		case logic.And:
			p.holds[i], p.not[i] = !slices.ContainsFunc(terms, func(p possible) bool { return !p.holds[i] }), slices.ContainsFunc(terms, not)
		case logic.Or:
			p.holds[i], p.not[i] = slices.ContainsFunc(terms, holds), !slices.ContainsFunc(terms, func(p possible) bool { return !p.not[i] })
		case logic.IsAtom:
			p.holds[i], p.not[i] = atomPossible(e.Atom, name)
		}
	}
	t.found[e.ID] = p
	return p
}

func atomPossible(a *logic.Atom, event string) (holds, not bool) {
	if field := a.Field(); field != nil && (field.Name == "evt.type" || field.Name == "syscall.type") {
		holds = a.Comparison.HoldsFor(event)
		return holds, !holds
	}
	return true, true
}
