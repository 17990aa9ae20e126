// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
)

// Pair compares two values of the event by an operator that their types allow. Types are those of the left and the right value.
func Pair(operator string, left, right catalog.Type, a, b *Value) Truth {
	switch {
	case a.State == Absent || b.State == Absent:
		return False
	case a.State == NotDelivered || b.State == NotDelivered:
		return Unknown
	}
	switch {
	case right == catalog.TextList:
		return Of(slices.Contains(b.Texts, a.Text))
	case left == catalog.TextList:
		if operator == "intersects" {
			return Of(slices.ContainsFunc(a.Texts, func(text string) bool { return slices.Contains(b.Texts, text) }))
		}
		return Of(!slices.ContainsFunc(a.Texts, func(text string) bool { return !slices.Contains(b.Texts, text) }))
	}
	switch operator {
	case "=", "in", "intersects":
		return Of(equal(left, a, b))
	case "!=":
		return Of(!equal(left, a, b))
	}
	switch left {
	case catalog.Number:
		return Of(order(operator)(a.Number, b.Number))
	case catalog.Port:
		return Of(order(operator)(int64(a.Ports[0]), int64(b.Ports[0])))
	}
	holds, err := texts(operator, []string{b.Text})
	return Of(err == nil && holds(a))
}

// equal compares two values that have one element.
func equal(t catalog.Type, a, b *Value) bool {
	switch t {
	case catalog.Number, catalog.Bool:
		return a.Number == b.Number
	case catalog.Address, catalog.Network:
		return a.Addresses[0] == b.Addresses[0]
	case catalog.Port:
		return a.Ports[0] == b.Ports[0]
	}
	return a.Text == b.Text
}
