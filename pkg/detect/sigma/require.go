// SPDX-License-Identifier: Apache-2.0

package sigma

import "net/netip"

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

// Requires are comparisons of which a value of the field matches at least one wherever the rule matches; ok is false when there is
// no such list, so that any value may match.
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
		for _, m := range it.matchers {
			if comparison, ok := comparisonOf(m); ok {
				all = append(all, comparison)
			}
		}
	})
	return all
}

// Needs says whether the rule could match a record of which only some is known: Unknown values may be anything.
func (r *Rule) Needs(known Record) bool {
	e := NewSet([]*Rule{r}).Evaluator()
	return len(e.Evaluate(known))+len(e.Undecided()) > 0
}

// comparisons are the item as data: it holds just where one of them matches. Of an item that all values must match, one stands for it.
func (it *item) comparisons() (all []Comparison, ok bool) {
	if it.presence || it.absent || it.neq {
		return nil, false
	}
	for _, m := range it.matchers {
		comparison, ok := comparisonOf(m)
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

func comparisonOf(m matcher) (Comparison, bool) {
	switch m := m.(type) {
	case network:
		return Comparison{Operator: InNetwork, Network: m.Prefix}, true
	case *pattern:
		text, sole := m.sole()
		operators := [2][2]Operator{{Equals, StartsWith}, {EndsWith, Contains}}
		return Comparison{Operator: operators[boolIndex(m.openStart)][boolIndex(m.openEnd)], Text: string(text), Cased: m.cased}, sole
	}
	return Comparison{}, false
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
