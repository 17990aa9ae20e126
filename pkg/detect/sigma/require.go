// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"net/netip"
	"strings"
	"unicode"
)

// Operator is how a Comparison compares.
type Operator string

// Operators of comparisons.
const (
	Equals     Operator = "equals"
	StartsWith Operator = "startswith"
	EndsWith   Operator = "endswith"
	Contains   Operator = "contains"
	// InNetwork: the value is an address in Network.
	InNetwork Operator = "cidr"
)

// Comparison is one comparison of a field's value as data, for who filters events before rules see them.
type Comparison struct {
	Operator Operator
	// Text is in lower case unless Cased, and is compared so.
	Text  string
	Cased bool
	// Network is of InNetwork.
	Network netip.Prefix
}

// HasLetters says whether the comparison depends on whether case is regarded.
func (c Comparison) HasLetters() bool { return strings.ContainsFunc(c.Text, unicode.IsLetter) }

// Requires are comparisons of which a value of the field matches at least one wherever the rule matches; ok is false when there is
// no such list, so that any value may match. They may hold for more than the rule does: of a value with a wildcard they have the
// beginning, the end, or a part.
func (r *Rule) Requires(name string) (all []Comparison, ok bool) {
	return required(r.condition, func(it *item) ([]Comparison, bool) {
		if it.field != name {
			return nil, false
		}
		return it.comparisons()
	})
}

// Excludes are comparisons of which no value of the field matches any wherever the rule matches.
func (r *Rule) Excludes(name string) []Comparison {
	var all []Comparison
	excluded(r.condition, func(it *item) {
		if it.field != name || it.neq || it.all && len(it.matchers) > 1 {
			return
		}
		all = append(all, it.exact()...)
	})
	return all
}

// Mentions are all comparisons with the field that can be told as data, wherever they stand in the rule.
func (r *Rule) Mentions(name string) (all []Comparison) {
	r.condition.each(func(it *item) {
		if it.field == name {
			all = append(all, it.exact()...)
		}
	})
	return all
}

// exact are those comparisons of the item that can be told as data.
func (it *item) exact() (all []Comparison) {
	for _, m := range it.matchers {
		if comparison, exact, ok := comparisonOf(m); ok && exact {
			all = append(all, comparison)
		}
	}
	return all
}

// Needs says whether the rule could match a record of which only some is known: Unknown values may be anything.
func (r *Rule) Needs(known Record) bool {
	e := NewSet([]*Rule{r}).Evaluator()
	return len(e.Evaluate(known))+len(e.Undecided()) > 0
}

// comparisons are the item as data: where it holds, one of them matches. Of an item that all values must match, one stands for it.
func (it *item) comparisons() (all []Comparison, ok bool) {
	if it.presence || it.absent || it.neq {
		return nil, false
	}
	for _, m := range it.matchers {
		comparison, _, ok := comparisonOf(m)
		if ok && it.all {
			return []Comparison{comparison}, true
		}
		if !ok && !it.all {
			return nil, false
		}
		all = append(all, comparison)
	}
	return all, len(all) > 0 && !it.all
}

// comparisonOf is a matcher as data; exact is false where the comparison holds for more than the matcher does.
func comparisonOf(m matcher) (c Comparison, exact, ok bool) {
	switch m := m.(type) {
	case network:
		return Comparison{Operator: InNetwork, Network: m.Prefix}, true, true
	case *pattern:
		operators := [2][2]Operator{{Equals, StartsWith}, {EndsWith, Contains}}
		if text, sole := m.sole(); sole {
			return Comparison{Operator: operators[boolIndex(m.openStart)][boolIndex(m.openEnd)], Text: string(text), Cased: m.cased}, true, true
		}
		c = m.part()
		return c, false, c.Text != ""
	}
	return Comparison{}, false, false
}

// part is what a pattern with wildcards begins with; else what it ends with; else the longest of its literal parts.
func (p *pattern) part() Comparison {
	var literals []part
	for i := range p.segments {
		if s := &p.segments[i]; len(s.parts) > 0 {
			literals = append(literals, s.parts...)
		} else {
			literals = append(literals, part{literal, s.text})
		}
	}
	c := Comparison{Operator: Contains, Cased: p.cased}
	first, last := literals[0], literals[len(literals)-1]
	switch {
	case !p.openStart && first.kind == literal:
		c.Operator, c.Text = StartsWith, string(first.text)
	case !p.openEnd && last.kind == literal:
		c.Operator, c.Text = EndsWith, string(last.text)
	default:
		for _, l := range literals {
			if len(l.text) > len(c.Text) {
				c.Text = string(l.text)
			}
		}
	}
	return c
}

// required collects keys of which one holds wherever the condition does: pick gives those of an item, ok is false when it has none.
func required[K any](n *node, pick func(*item) ([]K, bool)) (keys []K, ok bool) {
	switch n.operation {
	case isItem:
		return pick(n.item)
	case isAnd:
		for _, child := range n.children {
			if of, has := required(child, pick); has && (!ok || len(of) < len(keys)) {
				keys, ok = of, true
			}
		}
		return keys, ok
	case isOr, isAtLeast:
		for _, child := range n.children {
			of, has := required(child, pick)
			if !has {
				return nil, false
			}
			keys = append(keys, of...)
		}
		return keys, true
	}
	return nil, false
}

// excluded visits the items that are false wherever the condition holds.
func excluded(n *node, visit func(*item)) {
	switch n.operation {
	case isAnd:
		for _, child := range n.children {
			excluded(child, visit)
		}
	case isNot:
		falsified(n.children[0], visit)
	}
}

// falsified visits the items that are false wherever the node is.
func falsified(n *node, visit func(*item)) {
	switch n.operation {
	case isItem:
		visit(n.item)
	case isOr:
		for _, child := range n.children {
			falsified(child, visit)
		}
	}
}
