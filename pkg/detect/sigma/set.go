// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"math/bits"
	"slices"
)

// Set is rules that are evaluated together over one kind of records. It never changes.
type Set struct {
	rules      []*Rule
	conditions []*compiled
	// items of all rules, each once; fields that they read, by number.
	items        []numberedItem
	fields       []string
	fieldNumbers map[string]int
	index        index
}

// compiled is a node of a condition whose item is a number of Set.items.
type compiled struct {
	operation operation
	item      int
	children  []*compiled
	least     int
}

type numberedItem struct {
	*item
	fieldNumber int
}

// NewSet puts rules together: what several of them ask is evaluated once for a record.
func NewSet(rules []*Rule) *Set {
	s := &Set{rules: slices.Clone(rules), fieldNumbers: map[string]int{}}
	c := compiler{set: s, items: map[string]int{}}
	for _, rule := range s.rules {
		for _, name := range rule.named {
			c.field(name)
		}
		s.conditions = append(s.conditions, c.compile(rule.condition, map[*node]*compiled{}))
	}
	s.index = newIndex(s)
	return s
}

// Rules of the set in the order in which it was given them.
func (s *Set) Rules() []*Rule { return slices.Clone(s.rules) }

// Fields are the names of the fields that the rules read.
func (s *Set) Fields() []string { return slices.Clone(s.fields) }

// Evaluator makes one that evaluates all rules of the set.
func (s *Set) Evaluator() *Evaluator {
	return &Evaluator{
		set:     s,
		fields:  make([]field, len(s.fields)),
		decided: make([]verdict, len(s.items)),
		wanted:  make([]uint64, words(len(s.rules))),
	}
}

// words of 64 bits that n bits take.
func words(n int) int { return (n + 63) / 64 }

// each calls visit for the rules whose bits are set, in their order.
func (*Set) each(wanted []uint64, visit func(at int)) {
	for i, word := range wanted {
		for ; word != 0; word &= word - 1 {
			visit(i*64 + bits.TrailingZeros64(word))
		}
	}
}

type compiler struct {
	set   *Set
	items map[string]int
}

func (c *compiler) field(name string) int {
	number, known := c.set.fieldNumbers[name]
	if !known {
		number = len(c.set.fields)
		c.set.fields, c.set.fieldNumbers[name] = append(c.set.fields, name), number
	}
	return number
}

// compile keeps what a rule's nodes share shared.
func (c *compiler) compile(n *node, done map[*node]*compiled) *compiled {
	if same := done[n]; same != nil {
		return same
	}
	to := &compiled{operation: n.operation, least: n.least}
	done[n] = to
	if n.operation == isItem {
		number, known := c.items[n.item.key]
		if !known {
			number = len(c.set.items)
			c.set.items = append(c.set.items, numberedItem{n.item, c.field(n.item.field)})
			c.items[n.item.key] = number
		}
		to.item = number
	}
	for _, child := range n.children {
		to.children = append(to.children, c.compile(child, done))
	}
	return to
}
