// SPDX-License-Identifier: Apache-2.0

package condition

import "strings"

// operand reads a field or a transformer; nil, with nothing read, if neither comes next.
func (p *parser) operand() Operand {
	if call := p.transformer(); call != nil {
		return call
	}
	if f := p.field(); f != nil {
		return f
	}
	return nil
}

// field reads a field with its index; nil if there is none.
func (p *parser) field() *Field {
	end := fieldEnd(p.text, p.at)
	if end == 0 {
		return nil
	}
	f := &Field{Name: p.text[p.at:end], At: p.at}
	p.at = end
	if !p.sign('[') {
		return f
	}
	f.Indexed = true
	if c := p.peek(); c == '"' || c == '\'' {
		f.Index = p.quoted()
	} else if f.Index = p.run(notInIndex); f.Index == "" {
		p.fail("expected an index after '[', found %s", p.shown())
	}
	if strings.IndexByte(f.Index, 0) >= 0 {
		p.fail("an index can't hold a NUL byte")
	}
	if p.problem == nil && !p.sign(']') {
		p.fail("expected a ']' after the index, found %s", p.shown())
	}
	return f
}

// transformer reads a transformer's call; nil if there is none.
func (p *parser) transformer() *Call {
	end := nameEnd(p.text, p.at)
	if end >= len(p.text) || p.text[end] != '(' || !IsTransformer(p.text[p.at:end]) {
		return nil
	}
	call := &Call{Name: p.text[p.at:end], At: p.at}
	p.at = end + 1
	if !p.enter() {
		return call
	}
	defer p.leave()
	switch transformers[call.Name] {
	case OneOperand:
		call.Arguments = []Operand{p.argument()}
	case TextThenItems:
		text := p.constant()
		p.comma()
		call.Arguments = []Operand{text, p.items()}
	case AnyItems:
		call.Arguments = p.separated(p.item)
	case ItemsThenText:
		items := p.items()
		p.comma()
		call.Arguments = []Operand{items, p.constant()}
	}
	p.closing("the arguments of " + call.Name)
	return call
}

// argument reads a field or a transformer that has to be there.
func (p *parser) argument() Operand {
	p.blank()
	if o := p.operand(); o != nil {
		return o
	}
	p.fail("expected a field or a transformer (%s), found %s", strings.Join(Transformers(), " "), p.shown())
	return &Field{At: p.at}
}

// constant reads a quoted text.
func (p *parser) constant() Operand {
	p.blank()
	at := p.at
	if c := p.peek(); c != '"' && c != '\'' {
		p.fail("expected a quoted text, found %s", p.shown())
		return &Text{Value{At: at}}
	}
	return &Text{Value{p.quoted(), true, at}}
}

// item reads a field, a transformer or a constant.
func (p *parser) item() Operand {
	p.blank()
	if o := p.operand(); o != nil {
		return o
	}
	return &Text{p.value()}
}

// items reads a list of items in parentheses.
func (p *parser) items() Operand {
	p.blank()
	list := &Items{At: p.at}
	if !p.sign('(') {
		p.fail("expected a list in parentheses, found %s", p.shown())
		return list
	}
	p.blank()
	if p.sign(')') {
		return list
	}
	list.Items = p.separated(p.item)
	p.closing("the list")
	return list
}

// separated reads items with commas between them.
func (p *parser) separated(item func() Operand) (items []Operand) {
	for p.problem == nil {
		items = append(items, item())
		p.blank()
		if !p.sign(',') {
			break
		}
	}
	return items
}

func (p *parser) comma() {
	p.blank()
	if p.problem == nil && !p.sign(',') {
		p.fail("expected a ',', found %s", p.shown())
	}
}

// rightCall reads a transformer, or val and a field, on the right-hand side.
func (p *parser) rightCall(c *Check) bool {
	if call := p.transformer(); call != nil {
		c.Right = call
		return true
	}
	if !strings.HasPrefix(p.text[p.at:], Val+"(") {
		return false
	}
	call := &Call{Name: Val, At: p.at}
	p.at += len(Val) + 1
	p.blank()
	if f := p.field(); f != nil {
		call.Arguments = []Operand{f}
	} else {
		p.fail("expected a field in val(…), found %s", p.shown())
	}
	p.closing("the field of val")
	c.Right = call
	return true
}

func (p *parser) rightNumber(c *Check) {
	if p.rightCall(c) || p.problem != nil {
		return
	}
	at := p.at
	text := p.number()
	if next := p.peek(); text == "" || isLetter(next) || next == '_' {
		p.at = at
		p.fail("expected a decimal number, found %s", p.shown())
	}
	c.Values = []Value{{Text: text, At: at}}
}

func (p *parser) rightText(c *Check) {
	if p.rightCall(c) || p.problem != nil {
		return
	}
	for _, modifier := range []string{OneOf, AnyOf, AllOf} {
		start := p.at
		if !p.word(modifier) {
			continue
		}
		p.blank()
		if p.peek() == '(' {
			c.Modifier = modifier
			p.list(c)
			return
		}
		p.at = start // a value that is called like the modifier
	}
	c.Values = []Value{p.value()}
}

func (p *parser) rightList(c *Check) {
	if p.peek() == '(' {
		p.list(c)
		return
	}
	if p.rightCall(c) || p.problem != nil {
		return
	}
	at, end := p.at, nameEnd(p.text, p.at)
	if end == at {
		p.fail("expected a list in parentheses or the name of one, found %s", p.shown())
		return
	}
	p.at = end
	c.Values = []Value{{Text: p.text[at:end], At: at}}
}

// list reads "(" [ value { "," value } ] ")".
func (p *parser) list(c *Check) {
	c.List = true
	p.sign('(')
	p.blank()
	if p.sign(')') {
		return
	}
	c.Values = p.values()
	p.closing("the list")
}

// values reads one or more values with commas between them.
func (p *parser) values() (values []Value) {
	for p.problem == nil {
		p.blank()
		values = append(values, p.value())
		p.blank()
		if !p.sign(',') {
			break
		}
	}
	return values
}

// value reads a quoted or a bare value.
func (p *parser) value() Value {
	at := p.at
	if c := p.peek(); p.at < len(p.text) && (c == '"' || c == '\'') {
		return Value{p.quoted(), true, at}
	}
	text := p.run(notBare)
	if strings.IndexByte(text, 0) >= 0 {
		p.failAt(at, "a value can't hold a NUL byte")
	}
	if text == "" {
		p.fail("expected a value, found %s", p.shown())
	}
	return Value{text, false, at}
}
