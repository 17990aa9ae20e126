// SPDX-License-Identifier: Apache-2.0

package logic

import (
	"fmt"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/condition"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/rulefile"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/nearest"
)

// Exception makes the expression of one exception: one of the tuples holds. It is Never without tuples. The mistake's offset has no
// meaning.
func (x *Expander) Exception(e *rulefile.Exception) (*Expression, *Mistake) {
	w := &walk{Expander: x}
	checks, wrong := exceptionChecks(e)
	if wrong != nil {
		return nil, wrong
	}
	tuples := make([]*Expression, 0, len(e.Values))
	for _, tuple := range e.Values {
		terms := make([]*Expression, len(checks))
		for i, check := range checks {
			filled := *check
			if filled.Values, wrong = operandValues(&filled, tuple.Operands[i]); wrong != nil {
				return nil, wrong
			}
			if terms[i], wrong = w.expression(&filled); wrong != nil {
				return nil, wrong
			}
		}
		tuples = append(tuples, x.builder.And(terms...))
	}
	x.checks += w.checks
	return x.builder.Or(tuples...), nil
}

// exceptionChecks are the comparisons of a tuple, without values.
func exceptionChecks(e *rulefile.Exception) ([]*condition.Check, *Mistake) {
	checks := make([]*condition.Check, len(e.Fields))
	for i, name := range e.Fields {
		field, err := condition.ParseField(name)
		if err != nil {
			return nil, mistake(0, "exception '%s': field '%s': %v", e.Name, name, err)
		}
		operator, modifier, _ := strings.Cut(strings.TrimSpace(e.Comps[i]), " ")
		if operator == "==" {
			operator = "="
		}
		modifier = strings.TrimSpace(modifier)
		right, known := condition.RightOf(operator)
		text := right == condition.RightText && (modifier == condition.OneOf || modifier == condition.AnyOf || modifier == condition.AllOf)
		switch {
		case !known || right == condition.RightNone || modifier != "" && !text:
			return nil, mistake(0, "exception '%s': '%s' is no operator of exceptions%s", e.Name, e.Comps[i], nearest.DidYouMean(operator, condition.Operators()))
		case e.Single && right != condition.RightList && modifier == "":
			return nil, mistake(0, "exception '%s': with one field the operator takes a list (in, pmatch, intersects, startswith anyof, …)", e.Name)
		}
		checks[i] = &condition.Check{Left: field, Operator: operator, Modifier: modifier, List: right == condition.RightList || modifier != ""}
	}
	return checks, nil
}

// operandValues reads one element of a tuple. Lists are lists, also a text with parentheses; for an operator that takes a list a single
// value is one.
func operandValues(c *condition.Check, o rulefile.Operand) (values []condition.Value, wrong *Mistake) {
	if !c.List {
		if o.List || len(o.Texts) != 1 {
			return nil, mistake(0, "operator %s takes one value, not a list", c.Operator)
		}
		return one(o.Texts[0])
	}
	if !o.List && len(o.Texts) == 1 && strings.HasPrefix(strings.TrimSpace(o.Texts[0]), "(") {
		parsed, err := condition.ParseList(o.Texts[0])
		if err != nil {
			return nil, mistake(0, "%v", err)
		}
		return parsed, nil
	}
	for _, text := range o.Texts {
		more, err := condition.Values(text)
		if err != nil {
			return nil, mistake(0, "%v", err)
		}
		values = append(values, more...)
	}
	return values, nil
}

// one reads a single value: with its own quotes, or as it is.
func one(text string) ([]condition.Value, *Mistake) {
	if text != "" && (text[0] == '"' || text[0] == '\'') {
		values, err := condition.Values(text)
		if err == nil && len(values) == 1 {
			return values, nil
		}
		return nil, mistake(0, "%s", fmt.Sprintf("%s is not one value", text))
	}
	return []condition.Value{{Text: text, Quoted: true}}, nil
}
