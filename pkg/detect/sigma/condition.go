// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Bounds of a condition: its length in bytes, how deep parentheses and not are nested, and how many parts it has once patterns of
// names are replaced by the selections that they mean: items and values, those of a selection each time. The longest public one has
// about 500 bytes.
const (
	longestCondition = 16 << 10
	deepestCondition = 64
	mostParts        = 100_000
)

// selections are what a condition may name, in the order of the rule.
type selections struct {
	names  []string
	byName map[string]*node
}

// conditionError is a mistake at a byte of a condition, counted from 0.
type conditionError struct {
	offset  int
	reason  Reason
	message string
}

func (e *conditionError) Error() string { return e.message }

// word is a token of a condition: a name, a parenthesis or a bar; empty at the end.
type word struct {
	text   string
	offset int
}

func (w word) is(keyword string) bool { return strings.EqualFold(w.text, keyword) }

// splitCondition makes words of a condition. Names may hold anything but blanks, parentheses and bars.
func splitCondition(condition string) (words []word) {
	from := -1
	end := func(at int) {
		if from >= 0 {
			words = append(words, word{condition[from:at], from})
		}
		from = -1
	}
	for i := range len(condition) {
		switch c := condition[i]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			end(i)
		case strings.IndexByte("()|", c) >= 0:
			end(i)
			words = append(words, word{condition[i : i+1], i})
		case from < 0:
			from = i
		}
	}
	end(len(condition))
	return append(words, word{"", len(condition)})
}

// conditionParser is a parser by recursive descent; each method reads what the grammar's rule of its name says.
type conditionParser struct {
	words []word
	selections
	depth, parts int
}

// parseCondition reads a condition. The error is a *conditionError.
func parseCondition(condition string, s selections) (*node, error) {
	if len(condition) > longestCondition {
		return nil, &conditionError{0, ReasonTooLarge, fmt.Sprintf("the condition is longer than %d bytes", longestCondition)}
	}
	p := &conditionParser{words: splitCondition(condition), selections: s}
	if p.words[0].text == "" {
		return nil, p.fail("the condition is empty")
	}
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	switch rest := p.words[0]; {
	case rest.is("|"):
		return nil, &conditionError{rest.offset, ReasonAggregation, "aggregations (count, near, …) need more than one event, and are not supported"}
	case rest.text != "":
		return nil, p.fail("%q does not belong here: want and, or, or the end", rest.text)
	}
	return n, nil
}

func (p *conditionParser) fail(format string, args ...any) error {
	return &conditionError{p.words[0].offset, ReasonInvalid, fmt.Sprintf(format, args...)}
}

// accept takes the next word if it is the keyword.
func (p *conditionParser) accept(keyword string) bool {
	if !p.words[0].is(keyword) {
		return false
	}
	p.words = p.words[1:]
	return true
}

// count bounds the parts.
func (p *conditionParser) count(more ...*node) error {
	for _, n := range more {
		p.parts++
		n.each(func(it *item) { p.parts += 1 + len(it.matchers) })
	}
	if p.parts > mostParts {
		return &conditionError{p.words[0].offset, ReasonTooLarge, fmt.Sprintf("the condition has more than %d parts", mostParts)}
	}
	return nil
}

func (p *conditionParser) or() (*node, error)  { return p.chain(isOr, "or", p.and) }
func (p *conditionParser) and() (*node, error) { return p.chain(isAnd, "and", p.not) }

func (p *conditionParser) chain(o operation, keyword string, operand func() (*node, error)) (*node, error) {
	var all []*node
	for {
		n, err := operand()
		if err != nil {
			return nil, err
		}
		all = append(all, n)
		if !p.accept(keyword) {
			return joined(o, all), nil
		}
	}
}

func (p *conditionParser) not() (*node, error) {
	if !p.accept("not") {
		return p.atom()
	}
	n, err := p.nested(p.atom)
	if err != nil {
		return nil, err
	}
	return &node{operation: isNot, children: []*node{n}}, nil
}

// nested reads something one level deeper.
func (p *conditionParser) nested(read func() (*node, error)) (*node, error) {
	if p.depth++; p.depth > deepestCondition {
		return nil, &conditionError{p.words[0].offset, ReasonTooLarge, fmt.Sprintf("the condition is nested more than %d deep", deepestCondition)}
	}
	defer func() { p.depth-- }()
	return read()
}

func (p *conditionParser) atom() (*node, error) {
	if p.accept("(") {
		n, err := p.nested(p.or)
		if err == nil && !p.accept(")") {
			err = p.fail("want ) here%s", found(p.words[0]))
		}
		return n, err
	}
	if p.words[0].text != "" && p.words[1].is("of") {
		return p.quantified()
	}
	name := p.words[0]
	n, exists := p.byName[name.text]
	switch {
	case exists && !isKeyword(name):
		if err := p.count(n); err != nil {
			return nil, err
		}
		p.words = p.words[1:]
		return n, nil
	case strings.Contains(name.text, "*"):
		return nil, p.fail("%q means several selections: write 1 of %s or all of %[1]s", name.text, name.text)
	case name.text == "" || isKeyword(name):
		return nil, p.fail("want the name of a selection, (, not, or 1 of …%s", found(name))
	}
	return nil, p.fail("there is no selection %q", name.text)
}

func found(w word) string {
	if w.text == "" {
		return ", not the end"
	}
	return fmt.Sprintf(", not %q", w.text)
}

// isKeyword says whether a word has another meaning than a name.
func isKeyword(w word) bool {
	return slices.ContainsFunc([]string{"and", "or", "not", "(", ")", "|"}, w.is)
}

// quantified reads "1 of them" and the like.
func (p *conditionParser) quantified() (*node, error) {
	quantity, pattern := p.words[0], p.words[2]
	number, err := strconv.Atoi(quantity.text)
	switch {
	case quantity.is("any"):
		number = 1
	case quantity.is("all"):
		number = -1
	case err != nil || number < 1:
		return nil, p.fail("want 1, a larger number, any or all before of, not %q", quantity.text)
	}
	p.words = p.words[2:]
	if pattern.text == "" || isKeyword(pattern) {
		return nil, p.fail("want them or a name with * after of%s", found(pattern))
	}
	var meant []*node
	described := namePattern(pattern.text)
	for _, name := range p.names {
		if !strings.HasPrefix(name, "_") && (pattern.is("them") || described.match([]byte(name))) {
			meant = append(meant, p.byName[name])
		}
	}
	switch {
	case len(meant) == 0:
		return nil, p.fail("no selection is called %q (names that begin with _ do not count)", pattern.text)
	case number > len(meant):
		return nil, p.fail("%d of %s can never hold: %d selections are called so", number, pattern.text, len(meant))
	}
	if err := p.count(meant...); err != nil {
		return nil, err
	}
	p.words = p.words[1:]
	switch number {
	case 1:
		return joined(isOr, meant), nil
	case -1, len(meant):
		return joined(isAnd, meant), nil
	}
	return &node{operation: isAtLeast, children: meant, least: number}, nil
}

// namePattern describes names; ? has no meaning in it.
func namePattern(text string) *pattern {
	var tokens []token
	for i, part := range strings.Split(text, "*") {
		if i > 0 {
			tokens = append(tokens, token{kind: anything})
		}
		tokens = appendLiteral(tokens, part)
	}
	return newPattern(tokens, true)
}
