// SPDX-License-Identifier: Apache-2.0

package condition

import "strings"

// String writes a condition on one line, so that it is read as the same tree.
func String(e Expression) string {
	var b strings.Builder
	printExpression(&b, e)
	return b.String()
}

func printExpression(b *strings.Builder, e Expression) {
	switch e := e.(type) {
	case *And:
		printTerms(b, e.Terms, " and ")
	case *Or:
		printTerms(b, e.Terms, " or ")
	case *Not:
		b.WriteString("not ")
		printTerm(b, e.Term)
	case *Macro:
		b.WriteString(e.Name)
	case *Check:
		printCheck(b, e)
	}
}

func printTerms(b *strings.Builder, terms []Expression, between string) {
	for i, term := range terms {
		if i > 0 {
			b.WriteString(between)
		}
		printTerm(b, term)
	}
}

// printTerm puts what consists of several terms into parentheses.
func printTerm(b *strings.Builder, e Expression) {
	switch e.(type) {
	case *And, *Or:
		b.WriteByte('(')
		printExpression(b, e)
		b.WriteByte(')')
	default:
		printExpression(b, e)
	}
}

func printCheck(b *strings.Builder, c *Check) {
	printOperand(b, c.Left)
	b.WriteString(" " + c.Operator)
	if c.Modifier != "" {
		b.WriteString(" " + c.Modifier)
	}
	switch {
	case c.Right != nil:
		b.WriteByte(' ')
		printOperand(b, c.Right)
	case c.List:
		b.WriteString(" (")
		for i, v := range c.Values {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(v.String())
		}
		b.WriteByte(')')
	case len(c.Values) == 1:
		b.WriteString(" " + c.Values[0].String())
	}
}

// String writes a value as it is read.
func (v Value) String() string {
	if v.Quoted || !IsBare(v.Text) {
		return Quote(v.Text)
	}
	return v.Text
}

// OperandString writes a field or a call, as in a condition.
func OperandString(o Operand) string {
	var b strings.Builder
	printOperand(&b, o)
	return b.String()
}

func printOperand(b *strings.Builder, o Operand) {
	switch o := o.(type) {
	case *Field:
		b.WriteString(o.Name)
		if o.Indexed {
			b.WriteByte('[')
			if o.Index == "" || strings.ContainsAny(o.Index, notInIndex) {
				b.WriteString(Quote(o.Index))
			} else {
				b.WriteString(o.Index)
			}
			b.WriteByte(']')
		}
	case *Call:
		b.WriteString(o.Name)
		printOperands(b, o.Arguments)
	case *Items:
		printOperands(b, o.Items)
	case *Text:
		b.WriteString(o.Value.String())
	}
}

func printOperands(b *strings.Builder, operands []Operand) {
	b.WriteByte('(')
	for i, o := range operands {
		if i > 0 {
			b.WriteString(", ")
		}
		printOperand(b, o)
	}
	b.WriteByte(')')
}
