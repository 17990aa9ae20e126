// SPDX-License-Identifier: Apache-2.0

package logic

import (
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
)

// Kind of an expression.
type Kind uint8

// The kinds.
const (
	// Never and Always are the constants.
	Never Kind = iota
	Always
	// And and Or have two terms or more, Not has one.
	And
	Or
	Not
	// IsAtom: a comparison.
	IsAtom
)

// Expression over comparisons. Two of one builder are the same if they have the same ID.
type Expression struct {
	ID    int
	Kind  Kind
	Terms []*Expression
	Atom  *Atom
	// Cost of evaluating it, as compare.Comparison has it.
	Cost int
}

// Atom is one comparison.
type Atom struct {
	ID   int
	Left *Term
	// Operator, Modifier and Values are what Left is compared with, lists expanded; Comparison does it. With Right it is nil.
	Operator, Modifier string
	Values             []string
	Comparison         *compare.Comparison
	// Right is another value of the event, or nil.
	Right *Term
	// Viewed: the result may differ between the lexical and the resolved view.
	Viewed bool
	text   string
}

// String is the comparison as it is written in a condition.
func (a *Atom) String() string { return a.text }

// Field is the field that is compared as it is with constants; nil if it is transformed or compared with another.
func (a *Atom) Field() *catalog.Reference {
	if a.Right != nil || a.Left.Slot == nil {
		return nil
	}
	return a.Left.Slot.Reference
}

// Slots are the values that the comparison reads.
func (a *Atom) Slots() []*Slot {
	slots := a.Left.slots(nil)
	if a.Right != nil {
		slots = a.Right.slots(slots)
	}
	return slots
}

// Slot is a value that expressions read, once for all of them.
type Slot struct {
	// Number of the slot, from 0.
	Number    int
	Reference *catalog.Reference
}

// Term is a value: of a slot, of a transformer, or a constant.
type Term struct {
	Type catalog.Type
	Any  bool
	Slot *Slot
	// Transformer and its arguments; empty for the other two.
	Transformer string
	Arguments   []*Term
	Constant    string
	text        string
}

func (t *Term) slots(slots []*Slot) []*Slot {
	if t.Slot != nil && !slices.Contains(slots, t.Slot) {
		slots = append(slots, t.Slot)
	}
	for _, argument := range t.Arguments {
		slots = argument.slots(slots)
	}
	return slots
}

// String writes an expression as a condition; long lists are cut.
func (e *Expression) String() string {
	var b strings.Builder
	e.print(&b)
	return b.String()
}

func (e *Expression) print(b *strings.Builder) {
	switch e.Kind {
	case Never:
		b.WriteString("false")
	case Always:
		b.WriteString("true")
	case IsAtom:
		b.WriteString(e.Atom.text)
	case Not:
		b.WriteString("not ")
		e.Terms[0].printTerm(b)
	case And, Or:
		for i, term := range e.Terms {
			if i > 0 {
				b.WriteString(map[Kind]string{And: " and ", Or: " or "}[e.Kind])
			}
			term.printTerm(b)
		}
	}
}

func (e *Expression) printTerm(b *strings.Builder) {
	if e.Kind == And || e.Kind == Or {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	e.print(b)
}

// Atoms are the comparisons of an expression, each once, in the order in which they stand.
func (e *Expression) Atoms() []*Atom {
	var atoms []*Atom
	seen := map[int]bool{}
	var walk func(*Expression)
	walk = func(e *Expression) {
		if seen[e.ID] {
			return
		}
		seen[e.ID] = true
		if e.Kind == IsAtom {
			atoms = append(atoms, e.Atom)
		}
		for _, term := range e.Terms {
			walk(term)
		}
	}
	walk(e)
	return atoms
}
