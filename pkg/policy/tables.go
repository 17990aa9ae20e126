// SPDX-License-Identifier: Apache-2.0

package policy

import "slices"

// Operator is a row of the vocabulary of matchArgs[].operator.
type Operator struct {
	Name string
	// Classes of the types that it compares.
	Classes Class
	// Least and Most values; Arguments that it compares, 0 for an expression, which names them itself.
	Least, Most, Arguments int
}

// Operators lists the vocabulary.
func Operators() (all []Operator) {
	for i := range operators {
		o := &operators[i]
		row := Operator{Name: o.name, Least: o.least, Most: o.most, Arguments: o.arguments}
		for _, f := range o.forms {
			row.Classes |= f.classes
		}
		all = append(all, row)
	}
	return all
}

// ActionParameters is a row of the vocabulary of matchActions[].action.
type ActionParameters struct {
	Kind ActionKind
	// Hooks that can have it; AtReturn: matchReturnActions can.
	Hooks    HookKind
	AtReturn bool
	// Needs and Takes are the parameters that it must have and may have; OneOf: one of Takes at least.
	Needs, Takes []string
	OneOf        bool
}

// Actions lists the vocabulary.
func Actions() (all []ActionParameters) {
	for _, row := range actionRows {
		all = append(all, ActionParameters{row.kind, row.hooks, row.atReturn, slices.Clone(row.needs), row.optional(nil), row.oneOf})
	}
	return all
}
