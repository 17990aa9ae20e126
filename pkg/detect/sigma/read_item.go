// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds of the values of a rule: bytes of one value; characters ? and dashes of one value and of all (each of which is tried at every
// place of what it is compared with); number of values of one item.
const (
	longestValue      = 4 << 10
	mostCharacters    = 64
	mostCharactersAll = 1_000
	mostValues        = 10_000
)

// item reads what is asked of a field; nil, with a problem, if that makes no sense. Keywords have no field.
func (d *document) item(field string, names []string, values []*yaml.Node, at *yaml.Node) *item {
	before := len(d.problems)
	m := itemModifiers{}
	if field == KeywordsField {
		m.comparison = compareContains
	}
	d.modifiers(&m, names, at)
	it := &item{field: field, all: m.all, neq: m.neq}
	switch {
	case field == KeywordsField && (m.comparison == compareExists || m.reference):
		d.fail(at, ReasonInvalid, "%s needs the name of a field before the first |", shown(at.Value))
	case len(values) == 0:
		d.fail(at, ReasonInvalid, "%s has an empty list of values", shown(at.Value))
	case len(values) > mostValues:
		d.fail(at, ReasonTooLarge, "%s has more than %d values", shown(at.Value), mostValues)
	case m.comparison == compareExists:
		d.presence(it, values, at)
	case len(d.problems) == before:
		for _, n := range values {
			d.value(it, &m, n)
		}
	}
	if len(d.problems) > before {
		return nil
	}
	slices.SortStableFunc(it.matchers, func(a, b matcher) int { return a.cost() - b.cost() })
	it.seal()
	return it
}

// modifiers reads the names after the field's.
func (d *document) modifiers(m *itemModifiers, names []string, at *yaml.Node) {
	for i, name := range names {
		row := modifierNamed(name)
		switch {
		case row == nil:
			d.fail(at, ReasonModifier, "unknown modifier %s of %s: want one of %s", shown(name), shown(at.Value), strings.Join(Modifiers(), ", "))
		case row.refused != "":
			d.fail(at, ReasonPlaceholder, "%s", row.refused)
		case slices.Contains(names[:i], name):
			d.fail(at, ReasonInvalid, "the modifier %s is there twice", name)
		default:
			if message := m.add(row); message != "" {
				d.fail(at, ReasonInvalid, "%s", message)
			}
		}
	}
	if message := m.conflict(); message != "" {
		d.fail(at, ReasonInvalid, "%s", message)
	}
}

// presence reads the value of exists.
func (d *document) presence(it *item, values []*yaml.Node, at *yaml.Node) {
	wanted, err := strconv.ParseBool(values[0].Value)
	if len(values) > 1 || values[0].Kind != yaml.ScalarNode || err != nil {
		d.fail(at, ReasonInvalid, "exists wants true or false")
	}
	it.presence, it.wanted = true, wanted
}

// value adds a value to the item.
func (d *document) value(it *item, m *itemModifiers, n *yaml.Node) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.fail(n, ReasonInvalid, "a value is text, a number or nothing, not %s", kindOf(n))
		return
	case isNull(n):
		if m.comparison != compareEqual || m.reference || len(m.transforms) > 0 || it.field == KeywordsField {
			d.fail(n, ReasonInvalid, "a value that is nothing means that the field is absent, and can have no modifiers: write '' for an empty text")
		}
		it.absent = true
		return
	case len(n.Value) > longestValue:
		d.fail(n, ReasonTooLarge, "the value is longer than %d bytes", longestValue)
		return
	}
	matchers, reason, err := m.matchers(n)
	if err != nil {
		d.fail(n, reason, "%s: %v", shown(n.Value), err)
	}
	it.matchers = append(it.matchers, matchers...)
	for _, m := range matchers {
		d.weigh(m, n)
	}
}

// weigh bounds what comparing takes by the rule's regular expressions and single wildcards together.
func (d *document) weigh(m matcher, at *yaml.Node) {
	before := d.instructions <= longestProgram && d.characters <= mostCharactersAll
	switch m := m.(type) {
	case *expression:
		d.instructions += m.instructions
	case *pattern:
		d.characters += m.singles()
	case anyOf:
		for _, form := range m {
			d.weigh(form, at)
		}
	}
	if before && (d.instructions > longestProgram || d.characters > mostCharactersAll) {
		d.fail(at, ReasonTooLarge, "the rule's regular expressions or its ? and dashes are too many together: evaluating it would take too long")
	}
}

// matchers are what a value is compared by.
func (m *itemModifiers) matchers(n *yaml.Node) ([]matcher, Reason, error) {
	switch value := valueText(n); {
	case m.reference:
		return []matcher{&reference{value, m.comparison, m.cased}}, "", nil
	case m.comparison.comparesText():
		return m.patterns(value)
	case m.comparison == compareRegexp:
		x, err := compileExpression(value, m.regexpFlags)
		if err != nil {
			return nil, ReasonRegexp, fmt.Errorf("not a regular expression of RE2, which has no look-around and no references: %w", err)
		}
		return []matcher{x}, "", nil
	case m.comparison == compareCIDR:
		prefix, err := parseNetwork(value)
		if err != nil {
			return nil, ReasonInvalid, fmt.Errorf("want a range of addresses such as 10.0.0.0/8: %w", err)
		}
		return []matcher{prefix}, "", nil
	default:
		number, ok := decimal(value)
		if !ok {
			return nil, ReasonInvalid, fmt.Errorf("%s compares numbers", m.compared)
		}
		return []matcher{bound{number, m.comparison}}, "", nil
	}
}

// valueText is a scalar as text: a number in decimal, true and false in lower case, all else as it is written.
func valueText(n *yaml.Node) string {
	switch n.Tag {
	case "!!int":
		var signed int64
		var unsigned uint64
		if n.Decode(&signed) == nil {
			return strconv.FormatInt(signed, 10)
		}
		if n.Decode(&unsigned) == nil {
			return strconv.FormatUint(unsigned, 10)
		}
	case "!!bool":
		return strings.ToLower(n.Value)
	}
	return n.Value
}

// patterns are what a text is compared by.
func (m *itemModifiers) patterns(value string) ([]matcher, Reason, error) {
	forms := [][]token{parseWildcards(value)}
	for _, t := range m.transforms {
		var changed [][]token
		for _, form := range forms {
			more, err := t.apply(form)
			if err != nil {
				return nil, ReasonInvalid, fmt.Errorf("%s: %w", t.name, err)
			}
			changed = append(changed, more...)
		}
		forms = changed
	}
	var all []matcher
	for _, form := range forms {
		p := newPattern(m.comparison.around(form), m.cased)
		if p.singles() > mostCharacters {
			return nil, ReasonTooLarge, fmt.Errorf("more than %d characters that stand for others", mostCharacters)
		}
		all = append(all, p)
	}
	if len(all) > 1 && m.all {
		return []matcher{anyOf(all)}, "", nil
	}
	return all, "", nil
}

// around adds what may stand before and after the value.
func (c comparison) around(value []token) []token {
	open := token{kind: anything}
	if c == compareContains || c == compareEnd {
		value = append([]token{open}, value...)
	}
	if c == compareContains || c == compareStart {
		value = append(slices.Clone(value), open)
	}
	return value
}

// anyOf are the forms of one value, of which one must match.
type anyOf []matcher

func (a anyOf) verdict(t *text, e *Evaluator) verdict {
	result := no
	for _, m := range a {
		result |= m.verdict(t, e)
	}
	return result
}

func (a anyOf) key(to *strings.Builder) {
	to.WriteByte('(')
	for _, m := range a {
		m.key(to)
	}
	to.WriteByte(')')
}

func (a anyOf) cost() (sum int) {
	for _, m := range a {
		sum += m.cost()
	}
	return sum
}
