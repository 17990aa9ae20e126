// SPDX-License-Identifier: Apache-2.0

package logic

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/condition"
)

// Mistake in a condition: where, and whether it is that a field or an event type is not known.
type Mistake struct {
	At      int
	Unknown bool
	Message string
	// cause is the message of the macro in which the mistake is: where others use it, they do not repeat each other's.
	cause string
}

func (m *Mistake) Error() string { return m.Message }

func mistake(at int, format string, arguments ...any) *Mistake {
	return &Mistake{At: at, Message: fmt.Sprintf(format, arguments...)}
}

// term types an operand.
func (b *Builder) term(o condition.Operand) (*Term, *Mistake) {
	switch o := o.(type) {
	case *condition.Field:
		return b.field(o)
	case *condition.Call:
		return b.call(o)
	case *condition.Text:
		return &Term{Constant: o.Text, text: o.String()}, nil
	}
	return nil, mistake(o.Offset(), "a list can't stand here")
}

func (b *Builder) field(f *condition.Field) (*Term, *Mistake) {
	reference, err := catalog.Resolve(f.Name, f.Index, f.Indexed)
	if err != nil {
		unknown := (*catalog.UnknownError)(nil)
		return nil, &Mistake{At: f.At, Unknown: errors.As(err, &unknown), Message: err.Error()}
	}
	return &Term{Type: reference.Type, Any: reference.Any(), Slot: b.slot(reference), text: condition.OperandString(f)}, nil
}

// call types a transformer.
func (b *Builder) call(c *condition.Call) (*Term, *Mistake) {
	t := &Term{Transformer: c.Name, text: condition.OperandString(c)}
	if c.Name == "getopt" {
		return nil, mistake(c.At, "the transformer getopt is not supported")
	}
	for _, o := range flat(c.Arguments) {
		argument, wrong := b.term(o)
		if wrong != nil {
			return nil, wrong
		}
		if argument.Slot != nil && argument.Slot.Reference.Whole() {
			return nil, mistake(o.Offset(), "%s can't be used in a transformer", argument.text)
		}
		if !argument.Type.IsText() && !(c.Name == "len" && (argument.Type == catalog.TextList || argument.Type == catalog.Buffer)) {
			return nil, mistake(o.Offset(), "the transformer %s needs a text, and %s is a %s", c.Name, argument.text, argument.Type)
		}
		t.Arguments = append(t.Arguments, argument)
		if argument.Type == catalog.Path && c.Name != "len" { // what is made of a path has both views too
			t.Type = catalog.Path
		}
	}
	if c.Name == "len" {
		t.Type = catalog.Number
	}
	return t, nil
}

// flat takes lists among arguments apart: join(",", (a, b)) has the arguments "," a b.
func flat(arguments []condition.Operand) (operands []condition.Operand) {
	for _, o := range arguments {
		if list, ok := o.(*condition.Items); ok {
			operands = append(operands, list.Items...)
			continue
		}
		operands = append(operands, o)
	}
	return operands
}

// hint is the end of a message about an unknown name.
type hint func(typed string, names func() []string) string

// atom types a comparison with constants, whose lists are expanded.
func (b *Builder) atom(c *condition.Check, values []condition.Value, near hint) (*Expression, *Mistake) {
	left, wrong := b.term(c.Left)
	if wrong != nil {
		return nil, wrong
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.Text
	}
	if wrong := eventTypes(left, c, values, near); wrong != nil {
		return nil, wrong
	}
	a := &Atom{Left: left, Operator: c.Operator, Modifier: c.Modifier, Values: texts}
	a.text = left.text + " " + c.Operator + printed(c, texts)
	if e, ok := b.atoms[a.text]; ok {
		return e, nil
	}
	comparison, err := compare.New(compare.Subject{Type: left.Type, Any: left.Any, Name: left.text}, c.Operator, c.Modifier, texts, b.options)
	if err != nil {
		at := c.OperatorAt
		if typed := (*compare.TypeError)(nil); errors.As(err, &typed) && typed.Value >= 0 {
			at = values[typed.Value].At
		}
		return nil, mistake(at, "%v", err)
	}
	a.Comparison = comparison
	return b.register(a), nil
}

// printed is the right-hand side of a comparison.
func printed(c *condition.Check, texts []string) string {
	var s strings.Builder
	if c.Modifier != "" {
		s.WriteString(" " + c.Modifier)
	}
	if right, _ := condition.RightOf(c.Operator); right == condition.RightNone {
		return ""
	} else if right == condition.RightList || c.Modifier != "" {
		if c.Modifier == "" { // the order of a list has no meaning
			texts = slices.Clone(texts)
			slices.Sort(texts)
			texts = slices.Compact(texts)
		}
		s.WriteString(" (")
		for i, text := range texts {
			if i > 0 {
				s.WriteString(", ")
			}
			s.WriteString(word(text))
		}
		s.WriteByte(')')
		return s.String()
	}
	return " " + word(texts[0])
}

func word(text string) string { return condition.Value{Text: text}.String() }

// register gives an atom its number.
func (b *Builder) register(a *Atom) *Expression {
	a.ID = len(b.all)
	b.all = append(b.all, a)
	cost := 10
	if a.Comparison != nil {
		cost = a.Comparison.Cost
	}
	for _, slot := range a.Slots() {
		a.Viewed = a.Viewed || slot.Reference.Viewed()
	}
	if a.Left.Slot == nil {
		cost += transformerCost
	}
	e := b.new(Expression{Kind: IsAtom, Atom: a, Cost: cost})
	b.atoms[a.text] = e
	return e
}

// transformerCost is about that of making a text.
const transformerCost = 30

// eventTypes checks the names that evt.type is compared with as a whole.
func eventTypes(left *Term, c *condition.Check, values []condition.Value, near hint) *Mistake {
	if left.Slot == nil || !isEventType(left.Slot.Reference) {
		return nil
	}
	whole := c.Operator == "=" || c.Operator == "!=" || c.Operator == "in" || c.Operator == "intersects"
	for _, v := range values {
		if whole && !catalog.KnownEventType(v.Text) {
			hint := near(v.Text, catalog.KnownEventTypes)
			return &Mistake{At: max(v.At, 0), Unknown: true, Message: fmt.Sprintf("unknown event type %s%s", v.Text, hint)}
		}
	}
	return nil
}

// isEventType says whether a field is the event's type.
func isEventType(r *catalog.Reference) bool { return r.Name == "evt.type" || r.Name == "syscall.type" }

// pair types a comparison of two values of the event.
func (b *Builder) pair(c *condition.Check) (*Expression, *Mistake) {
	left, wrong := b.term(c.Left)
	if wrong != nil {
		return nil, wrong
	}
	o := c.Right
	if call, ok := o.(*condition.Call); ok && call.Name == condition.Val {
		o = call.Arguments[0]
	}
	right, wrong := b.term(o)
	if wrong != nil {
		return nil, wrong
	}
	for _, t := range []*Term{left, right} {
		if t.Slot != nil && t.Slot.Reference.Whole() {
			return nil, mistake(c.At, "%s can't be compared with another value of the event", t.text)
		}
	}
	comparable := left.Type == right.Type || left.Type.IsText() && right.Type.IsText() ||
		right.Type == catalog.TextList && left.Type.IsText() && (c.Operator == "in" || c.Operator == "intersects")
	if !left.Type.Allows(c.Operator) || !comparable || c.Operator == "regex" {
		return nil, mistake(c.OperatorAt, "%s, a %s, can't be compared by %s with %s, a %s", left.text, left.Type, c.Operator, right.text, right.Type)
	}
	a := &Atom{Left: left, Operator: c.Operator, Right: right}
	a.text = left.text + " " + c.Operator + " " + condition.OperandString(c.Right)
	if e, ok := b.atoms[a.text]; ok {
		return e, nil
	}
	return b.register(a), nil
}
