// SPDX-License-Identifier: Apache-2.0

package logic

import (
	"fmt"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/condition"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/rulefile"
)

const (
	// mostChecks of one condition with its macros expanded: the largest of Falco's own rules has some hundred.
	mostChecks = 1 << 15
	// mostInAll checks of all conditions.
	mostInAll = 1 << 17
)

// Expander turns the conditions of rule files into expressions.
type Expander struct {
	builder *Builder
	set     *rulefile.Set
	macros  map[*rulefile.Macro]*expanded
	checks  int
	depth   int
}

// deepestMacros that are being expanded within each other.
const deepestMacros = 1000

// expanded is a macro's expression and how many checks it stands for. It is being made while done is false.
type expanded struct {
	expression *Expression
	checks     int
	wrong      *Mistake
	done       bool
}

// NewExpander makes one for the macros and lists of a set.
func NewExpander(b *Builder, set *rulefile.Set) *Expander {
	return &Expander{builder: b, set: set, macros: map[*rulefile.Macro]*expanded{}}
}

// walk is the expansion of one condition: of a macro, or of a rule if macro is nil.
type walk struct {
	*Expander
	macro  *rulefile.Macro
	checks int
}

// Condition makes the expression of a rule's condition. Macros and lists stand for what they are defined as.
func (x *Expander) Condition(e condition.Expression) (*Expression, *Mistake) {
	w := &walk{Expander: x}
	expression, wrong := w.expression(e)
	if wrong != nil {
		return nil, wrong
	}
	if x.checks += w.checks; x.checks > mostInAll {
		return nil, mistake(0, "with this condition, all have more than %d checks", mostInAll)
	}
	return expression, nil
}

func (w *walk) expression(e condition.Expression) (*Expression, *Mistake) {
	switch e := e.(type) {
	case *condition.And:
		terms, wrong := w.terms(e.Terms)
		return w.builder.And(terms...), wrong
	case *condition.Or:
		terms, wrong := w.terms(e.Terms)
		return w.builder.Or(terms...), wrong
	case *condition.Not:
		term, wrong := w.expression(e.Term)
		if wrong != nil {
			return nil, wrong
		}
		return w.builder.Not(term), nil
	case *condition.Macro:
		return w.named(e)
	case *condition.Check:
		if wrong := w.count(1, e.At); wrong != nil {
			return nil, wrong
		}
		if e.Right != nil {
			return w.builder.pair(e)
		}
		values, wrong := w.values(e)
		if wrong != nil {
			return nil, wrong
		}
		return w.builder.atom(e, values, w.set.DidYouMean)
	}
	return nil, mistake(0, "the condition can't be read")
}

func (w *walk) terms(of []condition.Expression) ([]*Expression, *Mistake) {
	terms := make([]*Expression, len(of))
	for i, e := range of {
		term, wrong := w.expression(e)
		if wrong != nil {
			return nil, wrong
		}
		terms[i] = term
	}
	return terms, nil
}

func (w *walk) count(checks, at int) *Mistake {
	if w.checks += checks; w.checks > mostChecks {
		return mistake(at, "the condition has more than %d checks with its macros expanded", mostChecks)
	}
	return nil
}

// named expands a macro.
func (w *walk) named(e *condition.Macro) (*Expression, *Mistake) {
	macro := w.set.Macro(e.Name)
	if macro == nil || w.macro != nil && !w.macro.Visible(macro) {
		var hint string
		if macro == nil {
			hint = w.set.DidYouMean(e.Name, w.set.MacroNames)
		} else {
			hint = fmt.Sprintf("; it is defined at %s, after the last definition of macro '%s'", macro.Place, w.macro.Name)
		}
		return nil, mistake(e.At, "Undefined macro '%s' used in filter.%s", e.Name, hint)
	}
	known := w.expand(macro)
	if !known.done {
		return nil, mistake(e.At, "reference loop in macro '%s'", e.Name)
	}
	if known.wrong != nil {
		return nil, known.wrong.used(e, macro)
	}
	if wrong := w.count(known.checks, e.At); wrong != nil {
		return nil, wrong
	}
	return known.expression, nil
}

// used is the mistake of a condition that uses a macro with a mistake.
func (m *Mistake) used(e *condition.Macro, macro *rulefile.Macro) *Mistake {
	cause := m.cause
	if cause == "" {
		cause = m.Message
	}
	message := fmt.Sprintf("macro '%s' (%s): %s", e.Name, macro.Place, cause)
	return &Mistake{At: e.At, Unknown: m.Unknown, Message: message, cause: cause}
}

// expand expands a macro, once.
func (x *Expander) expand(macro *rulefile.Macro) *expanded {
	if known, ok := x.macros[macro]; ok {
		return known
	}
	known := &expanded{}
	x.macros[macro] = known
	x.depth++
	defer func() { x.depth-- }()
	switch {
	case macro.Parsed == nil:
		known.wrong = mistake(0, "its condition can't be read")
	case x.depth > deepestMacros:
		known.wrong = mistake(0, "macros are nested deeper than %d", deepestMacros)
	default:
		w := &walk{Expander: x, macro: macro}
		known.expression, known.wrong = w.expression(macro.Parsed)
		known.checks = w.checks
	}
	known.done = true
	return known
}

// MacroMistake is what is wrong with a macro; nil if nothing is.
func (x *Expander) MacroMistake(macro *rulefile.Macro) *Mistake {
	if macro.Parsed == nil {
		return nil // reported when it was read
	}
	return x.expand(macro).wrong
}

// values expands the lists that a comparison names.
func (w *walk) values(c *condition.Check) ([]condition.Value, *Mistake) {
	right, _ := condition.RightOf(c.Operator)
	if right != condition.RightList && c.Modifier == "" {
		return c.Values, nil
	}
	var values []condition.Value
	for _, v := range c.Values {
		list := w.set.List(v.Text)
		switch {
		case v.Quoted || list == nil && c.List:
			values = append(values, v)
		case list == nil:
			return nil, mistake(v.At, "there is no list '%s'%s", v.Text, w.set.DidYouMean(v.Text, w.set.ListNames))
		case w.set.Broken(list):
			return nil, mistake(v.At, "list '%s' (%s) can't be read", v.Text, list.Place)
		default:
			for _, item := range w.set.Values(list) {
				item.At = v.At
				values = append(values, item)
			}
		}
	}
	if wrong := w.count(len(values)/valuesPerCheck, c.At); wrong != nil {
		return nil, wrong
	}
	return slices.Clip(values), nil
}

// valuesPerCheck of a list weigh as much as a check.
const valuesPerCheck = 16
