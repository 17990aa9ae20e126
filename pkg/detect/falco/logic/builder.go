// SPDX-License-Identifier: Apache-2.0

package logic

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
)

// Builder makes expressions.
type Builder struct {
	options     compare.Options
	expressions map[string]*Expression
	never       *Expression
	always      *Expression
	atoms       map[string]*Expression
	all         []*Atom
	slots       []*Slot
	byName      map[string]*Slot
	nextID      int
	// special has what specialise has found, by event type and expression.
	special map[specialKey]*Expression
}

// NewBuilder makes a builder.
func NewBuilder(options compare.Options) *Builder {
	b := &Builder{
		options: options, expressions: map[string]*Expression{}, atoms: map[string]*Expression{}, byName: map[string]*Slot{},
		special: map[specialKey]*Expression{},
	}
	b.never, b.always = b.new(Expression{Kind: Never}), b.new(Expression{Kind: Always})
	return b
}

func (b *Builder) new(e Expression) *Expression {
	e.ID = b.nextID
	b.nextID++
	return &e
}

// Slots are all values that the builder's expressions read, by their numbers.
func (b *Builder) Slots() []*Slot { return b.slots }

// Atoms are all comparisons, by their IDs.
func (b *Builder) Atoms() []*Atom { return b.all }

// Expressions is how many there are: their IDs are less.
func (b *Builder) Expressions() int { return b.nextID }

// Constant is Always or Never.
func (b *Builder) Constant(holds bool) *Expression {
	if holds {
		return b.always
	}
	return b.never
}

// slot of a reference.
func (b *Builder) slot(r *catalog.Reference) *Slot {
	if s, ok := b.byName[r.Name]; ok {
		return s
	}
	s := &Slot{len(b.slots), r}
	b.slots = append(b.slots, s)
	b.byName[r.Name] = s
	return s
}

// Not is the opposite of an expression.
func (b *Builder) Not(e *Expression) *Expression {
	switch e.Kind {
	case Never, Always:
		return b.Constant(e.Kind == Never)
	case Not:
		return e.Terms[0]
	}
	return b.interned(Not, []*Expression{e})
}

// And holds if all terms do.
func (b *Builder) And(terms ...*Expression) *Expression { return b.join(And, b.always, b.never, terms) }

// Or holds if one of the terms does.
func (b *Builder) Or(terms ...*Expression) *Expression { return b.join(Or, b.never, b.always, terms) }

// join makes an And or an Or: neutral terms are left out, those that are there twice too, one that decides stands for all, and terms of
// the same kind are taken apart. Cheap terms come first: the order has no meaning.
func (b *Builder) join(kind Kind, neutral, decides *Expression, terms []*Expression) *Expression {
	flat := make([]*Expression, 0, len(terms))
	for _, term := range terms {
		switch {
		case term == decides:
			return decides
		case term == neutral:
		case term.Kind == kind:
			flat = append(flat, term.Terms...)
		default:
			flat = append(flat, term)
		}
	}
	slices.SortFunc(flat, func(a, b *Expression) int { return cmp.Or(cmp.Compare(a.Cost, b.Cost), cmp.Compare(a.ID, b.ID)) })
	flat = slices.Compact(flat)
	switch len(flat) {
	case 0:
		return neutral
	case 1:
		return flat[0]
	}
	return b.interned(kind, flat)
}

// interned is the one expression of a kind and its terms.
func (b *Builder) interned(kind Kind, terms []*Expression) *Expression {
	key := make([]byte, 1, 1+binary.MaxVarintLen32*len(terms))
	key[0] = byte(kind)
	cost := 1
	for _, term := range terms {
		key = binary.AppendUvarint(key, uint64(term.ID))
		cost = min(cost+term.Cost, highestCost)
	}
	if e, ok := b.expressions[string(key)]; ok {
		return e
	}
	e := b.new(Expression{Kind: kind, Terms: terms, Cost: cost})
	b.expressions[string(key)] = e
	return e
}

// highestCost that is told apart.
const highestCost = 1 << 30
