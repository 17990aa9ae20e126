// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"cmp"
	"slices"
)

// operation is what a node of a condition does with its children.
type operation uint8

const (
	// isItem: a leaf.
	isItem operation = iota
	isAnd
	isOr
	isNot
	// isAtLeast: of the children at least node.least hold.
	isAtLeast
)

// node is a part of a rule's condition, selections included. Selections that a condition names several times are shared.
type node struct {
	operation operation
	item      *item
	children  []*node
	least     int
}

// joined is the node of several; of one it is that.
func joined(o operation, children []*node) *node {
	if len(children) == 1 {
		return children[0]
	}
	return &node{operation: o, children: children}
}

// each calls visit for each item, those of shared nodes once.
func (n *node) each(visit func(*item)) { n.walk(map[*node]bool{}, visit) }

func (n *node) walk(seen map[*node]bool, visit func(*item)) {
	if seen[n] {
		return
	}
	seen[n] = true
	if n.operation == isItem {
		visit(n.item)
	}
	for _, child := range n.children {
		child.walk(seen, visit)
	}
}

// order puts the cheap children before others, and returns the node's own cost: the sum, as if none decided before the last.
func (n *node) order(costs map[*node]int) int {
	if cost, known := costs[n]; known {
		return cost
	}
	sum := 0
	if n.operation == isItem {
		sum = n.item.cost()
	}
	for _, child := range n.children {
		sum = min(sum+child.order(costs), mostCost)
	}
	slices.SortStableFunc(n.children, func(a, b *node) int { return cmp.Compare(costs[a], costs[b]) })
	costs[n] = sum
	return sum
}

// mostCost keeps sums of shared nodes in range.
const mostCost = 1 << 30
