// SPDX-License-Identifier: Apache-2.0

package falco

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
)

// program is a rule for events of one type.
type program struct {
	rule *Rule
	root *node
}

// node is an expression as it is evaluated.
type node struct {
	kind  logic.Kind
	terms []*node
	atom  *logic.Atom
	// viewed: the result may differ between the views.
	viewed bool
	// memory is the place where the result is remembered, -1 if it is used once.
	memory int
}

// link makes the programs of all event types.
func (e *Engine) link() {
	types := catalog.EventTypes()
	e.programs = make([][]program, len(types))
	l := &linker{nodes: map[int]*node{}}
	for i := range types {
		uses := map[int]int{}
		var roots []*logic.Expression
		var rules []*Rule
		for _, rule := range e.Rules {
			if !rule.Enabled {
				continue
			}
			if root := e.Specialise(rule, &types[i]); root.Kind != logic.Never {
				roots, rules = append(roots, root), append(rules, rule)
				count(root, uses)
			}
		}
		for n, root := range roots {
			e.programs[i] = append(e.programs[i], program{rules[n], l.node(root)})
		}
		for id, n := range uses {
			if n > 1 {
				l.remember(id)
			}
		}
	}
	e.nodes = l.remembered
}

// count how often expressions are used by others of one event type.
func count(e *logic.Expression, uses map[int]int) {
	uses[e.ID]++
	if uses[e.ID] > 1 {
		return
	}
	for _, term := range e.Terms {
		count(term, uses)
	}
}

// linker makes one node for each expression.
type linker struct {
	nodes      map[int]*node
	remembered int
}

func (l *linker) node(e *logic.Expression) *node {
	if n, ok := l.nodes[e.ID]; ok {
		return n
	}
	n := &node{kind: e.Kind, atom: e.Atom, memory: -1}
	l.nodes[e.ID] = n
	if e.Atom != nil {
		n.viewed = e.Atom.Viewed
	}
	for _, term := range e.Terms {
		t := l.node(term)
		n.terms = append(n.terms, t)
		n.viewed = n.viewed || t.viewed
	}
	return n
}

func (l *linker) remember(id int) {
	if n := l.nodes[id]; n.memory < 0 {
		n.memory = l.remembered
		l.remembered++
	}
}
