// SPDX-License-Identifier: Apache-2.0

package condition

import (
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/nearest"
)

const (
	// deepest is how many parentheses, calls and the like may stand within each other. (Falco reads up to 1000.)
	deepest = 100
	// LongestText of a condition that is read, in bytes: the longest of Falco's own rules have some thousand.
	LongestText = 1 << 20
)

// Parse reads a condition. The error is an *Error: the first mistake.
func Parse(text string) (Expression, error) {
	p := &parser{text: text}
	if len(text) > LongestText {
		p.failAt(0, "the condition is longer than %d KiB", LongestText>>10)
		return nil, p.problem
	}
	p.blank()
	if p.at == len(text) {
		p.fail("the condition is empty")
	}
	e := p.or()
	p.end()
	if p.problem != nil {
		return nil, p.problem
	}
	return e, nil
}

// end reports what is left of the text.
func (p *parser) end() {
	p.blank()
	if p.problem == nil && p.at < len(p.text) {
		p.fail("unexpected token %s: expecting 'and', 'or' or the end", p.shown())
	}
}

// longestShown is how many bytes of a text stand in a message.
const longestShown = 40

// shown is the word at the current place, for a message.
func (p *parser) shown() string {
	rest := p.text[p.at:]
	if rest == "" {
		return "the end"
	}
	if end := strings.IndexAny(rest[1:], blanks+"()"); end >= 0 {
		rest = rest[:end+1]
	}
	return Quote(rest[:min(len(rest), longestShown)])
}

// enter counts how deep we are; false at the limit.
func (p *parser) enter() bool {
	p.depth++
	if p.depth > deepest {
		p.fail("nested deeper than %d", deepest)
	}
	return p.problem == nil
}

func (p *parser) leave() { p.depth-- }

// or reads and_expr { "or" and_expr }.
func (p *parser) or() Expression {
	at, terms := p.series("or", p.and)
	if len(terms) == 1 {
		return terms[0]
	}
	return &Or{terms, at}
}

// and reads not_expr { "and" not_expr }.
func (p *parser) and() Expression {
	at, terms := p.series("and", p.not)
	if len(terms) == 1 {
		return terms[0]
	}
	return &And{terms, at}
}

// series reads terms with a word between them.
func (p *parser) series(word string, term func() Expression) (at int, terms []Expression) {
	p.blank()
	at = p.at
	for p.problem == nil {
		terms = append(terms, term())
		p.blank()
		if p.problem != nil || !p.word(word) {
			break
		}
		if p.peek() != '(' && !p.blank() {
			p.fail("expected a blank or '(' after '%s'", word)
		}
	}
	if len(terms) == 0 {
		terms = append(terms, &Macro{At: at}) // there is a problem, the tree is of no use
	}
	return at, terms
}

// not reads { "not" } and what is denied.
func (p *parser) not() Expression {
	p.blank()
	at, denied := p.at, false
	for p.word("not") {
		denied = !denied
		if p.peek() != '(' && !p.blank() {
			p.fail("expected a blank or '(' after 'not'")
		}
	}
	e := p.check()
	if !denied {
		return e
	}
	if inner, ok := e.(*Not); ok { // not (not x)
		return inner.Term
	}
	return &Not{e, at}
}

// check reads an expression in parentheses, a comparison or the name of a macro.
func (p *parser) check() Expression {
	if !p.enter() {
		return &Macro{At: p.at}
	}
	defer p.leave()
	p.blank()
	at := p.at
	if p.sign('(') {
		e := p.or()
		p.closing("the expression in parentheses")
		return e
	}
	if left := p.operand(); left != nil {
		return p.comparison(left, at)
	}
	if end := nameEnd(p.text, p.at); end > p.at {
		p.at = end
		return &Macro{p.text[at:end], at}
	}
	p.fail("expected '(', a field or the name of a macro, found %s", p.shown())
	return &Macro{At: at}
}

func (p *parser) closing(what string) {
	p.blank()
	if p.problem == nil && !p.sign(')') {
		p.fail("expected a ')' after %s, found %s", what, p.shown())
	}
}

// comparison reads an operator and its right-hand side.
func (p *parser) comparison(left Operand, at int) Expression {
	p.blank()
	c := &Check{Left: left, At: at, OperatorAt: p.at}
	if p.problem != nil {
		return c
	}
	right, ok := p.operator(c)
	if !ok {
		found := p.text[p.at:nameEnd(p.text, p.at)]
		hint := ""
		if near := nearest.Name(found, Operators()); near != "" {
			hint = "; did you mean " + near + "?"
		}
		p.fail("expected an operator (%s), found %s%s", strings.Join(Operators(), " "), p.shown(), hint)
		return c
	}
	p.blank()
	switch right {
	case RightNumber:
		p.rightNumber(c)
	case RightText:
		p.rightText(c)
	case RightList:
		p.rightList(c)
	}
	return c
}

// operator reads an operator into c. Words need a blank after them; those that take a list may have its parenthesis there.
func (p *parser) operator(c *Check) (Right, bool) {
	for _, o := range operators {
		if !strings.HasPrefix(p.text[p.at:], o.name) {
			continue
		}
		if isLetter(o.name[0]) {
			start := p.at
			if !p.word(o.name) {
				continue
			}
			if next := p.peek(); o.right == RightText && (next == '(' || next == ')') {
				p.at = start
				continue
			}
		} else {
			p.at += len(o.name)
		}
		c.Operator = o.name
		if c.Operator == "==" {
			c.Operator = "="
		}
		return o.right, true
	}
	return 0, false
}
