// SPDX-License-Identifier: Apache-2.0

package falco

import (
	"fmt"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
)

// Match is an alert: a rule that holds for an event.
type Match struct {
	Rule *Rule
	// View in which the condition holds; Lexical if it holds in both.
	View compare.View
	// Degraded says on what the alert depends that was not delivered, or was cut off; empty for one that is certain.
	Degraded []string
}

// Evaluator evaluates the rules of an engine for one event after the other. It is used by one goroutine.
type Evaluator struct {
	engine *Engine
	event  compare.Source
	// round is the number of the event: what was remembered in an earlier one does not count.
	round   uint32
	values  [2][]remembered
	results [2][]result
	scratch [2]compare.Value
}

// remembered is the value of a slot.
type remembered struct {
	round uint32
	value compare.Value
}

// result of an expression.
type result struct {
	round uint32
	truth compare.Truth
}

// NewEvaluator makes an evaluator.
func (e *Engine) NewEvaluator() *Evaluator {
	v := &Evaluator{engine: e}
	for view := range v.values {
		v.values[view] = make([]remembered, len(e.builder.Slots()))
		v.results[view] = make([]result, e.nodes)
	}
	return v
}

// Evaluate appends an alert for each rule that holds for an event; in the order of first definition, the first only if the engine was
// made so. An alert that is degraded does not keep later rules from being tried. Nothing is allocated unless a rule holds.
func (v *Evaluator) Evaluate(event *catalog.EventType, values compare.Source, matches []Match) []Match {
	v.event = values
	v.round++
	if v.round == 0 { // after 2³² events
		for view := range v.values {
			clear(v.values[view])
			clear(v.results[view])
		}
		v.round = 1
	}
	for _, p := range v.engine.programs[event.Number] {
		truth, view := v.both(p.root)
		if truth == compare.False {
			continue
		}
		m := Match{Rule: p.rule, View: view, Degraded: v.degraded(p.root, view, truth)}
		matches = append(matches, m)
		if truth == compare.True && v.engine.options.Matching == First {
			break
		}
	}
	v.event = nil
	return matches
}

// both evaluates in both views: what is certain counts before what is unknown, the lexical before the resolved.
func (v *Evaluator) both(root *node) (compare.Truth, compare.View) {
	lexical := v.node(root, compare.Lexical)
	if lexical == compare.True || !root.viewed || v.engine.options.Exact {
		return lexical, compare.Lexical
	}
	if resolved := v.node(root, compare.Resolved); resolved > lexical {
		return resolved, compare.Resolved
	}
	return lexical, compare.Lexical
}

// node evaluates an expression. A result that is unknown stays so unless other terms decide.
func (v *Evaluator) node(n *node, view compare.View) compare.Truth {
	if !n.viewed {
		view = compare.Lexical
	}
	if n.memory < 0 {
		return v.fresh(n, view)
	}
	r := &v.results[view][n.memory]
	if r.round != v.round {
		r.truth = v.fresh(n, view)
		r.round = v.round
	}
	return r.truth
}

func (v *Evaluator) fresh(n *node, view compare.View) compare.Truth {
	switch n.kind {
	case logic.IsAtom:
		return v.atom(n.atom, view)
	case logic.Not:
		return v.node(n.terms[0], view).Not()
	case logic.And:
		truth := compare.True
		for _, term := range n.terms {
			if truth = min(truth, v.node(term, view)); truth == compare.False {
				break
			}
		}
		return truth
	case logic.Or:
		truth := compare.False
		for _, term := range n.terms {
			if truth = max(truth, v.node(term, view)); truth == compare.True {
				break
			}
		}
		return truth
	}
	return compare.Of(n.kind == logic.Always)
}

// atom evaluates a comparison.
func (v *Evaluator) atom(a *logic.Atom, view compare.View) compare.Truth {
	left := v.term(a.Left, view, 0)
	if a.Right == nil {
		return a.Comparison.Holds(left)
	}
	return compare.Pair(a.Operator, a.Left.Type, a.Right.Type, left, v.term(a.Right, view, 1))
}

// value of a slot, which is asked for once in an event and view.
func (v *Evaluator) value(s *logic.Slot, view compare.View) *compare.Value {
	if !s.Reference.Viewed() {
		view = compare.Lexical
	}
	r := &v.values[view][s.Number]
	if r.round != v.round {
		r.value = compare.Value{}
		v.event.Value(s.Reference, view, &r.value)
		r.round = v.round
	}
	return &r.value
}

// degraded says what an alert depends on that was not delivered, and what was cut off. A list that was cut is of no matter where what
// there is of it decides; of a text, what there is was compared.
func (v *Evaluator) degraded(root *node, view compare.View, truth compare.Truth) (reasons []string) {
	seen := map[*logic.Slot]bool{}
	var walk func(*node)
	walk = func(n *node) {
		for _, term := range n.terms {
			walk(term)
		}
		if n.atom == nil {
			return
		}
		for _, slot := range n.atom.Slots() {
			if seen[slot] {
				continue
			}
			seen[slot] = true
			value := v.value(slot, view)
			switch {
			case value.State == compare.NotDelivered && truth == compare.Unknown:
				reasons = append(reasons, fmt.Sprintf("%s was not delivered", slot.Reference.Name))
			case value.Cut && (truth == compare.Unknown || slot.Reference.Type.IsText() && !slot.Reference.Any()):
				reasons = append(reasons, fmt.Sprintf("%s is cut", slot.Reference.Name))
			}
		}
	}
	walk(root)
	return reasons
}
