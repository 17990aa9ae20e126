// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/condition"
)

// absents are the texts with which old rule files ask for an absent value.
var absents = []string{"<NA>", "N/A"}

// Options of comparisons.
type Options struct {
	// Exact reads <NA> and N/A in lists as texts, as Falco does. Else they stand for an absent value.
	Exact bool
	// Port finds a service's port by its name.
	Port func(name string) (uint16, bool)
}

// Comparison of a value with constants.
type Comparison struct {
	Subject  Subject
	Operator string
	// holds compares a value that is present.
	holds func(v *Value) bool
	// absentMatches: a list of the constants asks for the absent value.
	absentMatches bool
	// Regex is the expression of one whose operator is regex, for advice.
	Regex string
	// Cost grows with the work that a comparison is: they can be tried in that order.
	Cost int
}

// New makes a comparison. The error is a *TypeError.
func New(subject Subject, operator, modifier string, values []string, options Options) (*Comparison, error) {
	if !subject.Type.Allows(operator) {
		return nil, &TypeError{-1, fmt.Sprintf("operator %s can't be used on %s, which is a %s: use one of %s",
			operator, subject.Name, subject.Type, strings.Join(subject.Type.Operators(), " "))}
	}
	if modifier != "" && !subject.Type.IsText() {
		return nil, &TypeError{-1, fmt.Sprintf("%s can't be used on %s, which is a %s and no text", modifier, subject.Name, subject.Type)}
	}
	c := &Comparison{Subject: subject, Operator: operator}
	if operator == "exists" {
		c.holds = func(*Value) bool { return true }
		return c, nil
	}
	if operator == "in" || operator == "intersects" {
		c.absentMatches = !options.Exact && slices.ContainsFunc(values, func(v string) bool { return slices.Contains(absents, v) })
	}
	if operator == "regex" && len(values) == 1 {
		c.Regex = values[0]
	}
	holds, err := build(subject, operator, modifier, values, options)
	if err != nil {
		return nil, err
	}
	c.Cost = cost(operator, len(values))
	if subject.Any {
		holds = ofAny(subject.Type, holds)
		c.Cost *= 4
	}
	c.holds = holds
	return c, nil
}

// cost of comparing, roughly in units of a comparison of two words.
func cost(operator string, values int) int {
	switch operator {
	case "=", "!=", "<", "<=", ">", ">=", "startswith", "endswith":
		return 1 + values
	case "in", "intersects":
		return 3
	case "regex":
		return 200
	case "glob", "iglob", "pmatch":
		return 10 * (1 + values)
	}
	return 5 * (1 + values)
}

// build makes the function for one value that is present.
func build(s Subject, operator, modifier string, values []string, options Options) (func(*Value) bool, error) {
	switch s.Type {
	case catalog.Number:
		return numbers(s, operator, values)
	case catalog.Bool:
		return booleans(s, operator, values)
	case catalog.Address:
		return addresses(s, operator, values)
	case catalog.Network:
		return networks(s, operator, values)
	case catalog.Port:
		return ports(s, operator, values, options)
	case catalog.HostName:
		return hostNames(operator, values), nil
	case catalog.TextList:
		return textLists(operator, values), nil
	}
	if modifier != "" {
		return modified(operator, modifier, values)
	}
	return texts(operator, values)
}

// ofAny makes a comparison hold if it does for one of the ancestors. Each in turn takes the place of a single value, which those
// references have no other use for: a value of its own would be allocated.
func ofAny(t catalog.Type, holds func(*Value) bool) func(*Value) bool {
	if t == catalog.Number {
		return func(v *Value) bool {
			for _, v.Number = range v.Numbers {
				if holds(v) {
					return true
				}
			}
			return false
		}
	}
	return func(v *Value) bool {
		for _, v.Text = range v.Texts {
			if holds(v) {
				return true
			}
		}
		return false
	}
}

// Holds compares a value.
func (c *Comparison) Holds(v *Value) Truth {
	switch v.State {
	case NotDelivered:
		return Unknown
	case Absent:
		return Of(c.absentMatches)
	}
	held := c.holds(v)
	if v.Cut && c.open(held) {
		return Unknown
	}
	return Of(held)
}

// open says whether what was cut off a list could change the result. Of a text that was cut, what there is is compared.
func (c *Comparison) open(held bool) bool {
	switch {
	case c.Operator == "exists":
		return false
	case c.Subject.Any:
		return !held
	case c.Subject.Type == catalog.TextList:
		return held == (c.Operator == "in")
	}
	return false
}

// HoldsAbsent is the result for an absent value.
func (c *Comparison) HoldsAbsent() bool { return c.absentMatches }

// HoldsFor evaluates the comparison with modifiers for a text, for constants that are known when rules are loaded.
func (c *Comparison) HoldsFor(text string) bool {
	return c.Holds(&Value{State: Present, Text: text}) == True
}

// modified makes a text operator with oneof, anyof or allof.
func modified(operator, modifier string, values []string) (func(*Value) bool, error) {
	each := make([]func(*Value) bool, len(values))
	for i, value := range values {
		f, err := texts(operator, []string{value})
		if err != nil {
			return nil, &TypeError{i, err.Error()}
		}
		each[i] = f
	}
	return func(v *Value) bool {
		held := 0
		for _, f := range each {
			if f(v) {
				held++
			}
		}
		switch modifier {
		case condition.OneOf:
			return held == 1
		case condition.AllOf:
			return held == len(each)
		}
		return held > 0
	}, nil
}
