// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Keys of detection that are no selections.
const (
	conditionKey = "condition"
	timeframeKey = "timeframe"
)

// detection reads the selections, then the condition over them.
func (d *document) detection(at entry) {
	if at.value.Kind != yaml.MappingNode {
		d.fail(at.value, ReasonInvalid, "detection is a mapping of selections and a condition, not %s", kindOf(at.value))
		return
	}
	found := selections{byName: map[string]*node{}}
	var condition *yaml.Node
	for _, e := range d.entries(at.value) {
		switch name := e.key.Value; name {
		case conditionKey:
			condition = e.value
		case timeframeKey:
			d.fail(e.key, ReasonTimeframe, "timeframe needs more than one event, and is not supported")
		default:
			if n := d.selection(e); n != nil {
				found.names = append(found.names, name)
				found.byName[name] = n
			}
		}
	}
	if condition == nil {
		d.fail(at.key, ReasonInvalid, "detection has no condition")
	}
	if len(d.problems) > 0 {
		return // the condition could name what is broken
	}
	d.condition(condition, found)
}

// condition reads the condition, or several of which one must hold.
func (d *document) condition(n *yaml.Node, s selections) {
	var all []*node
	for _, item := range d.items(n) {
		text := d.text(item, conditionKey)
		parsed, err := parseCondition(text, s)
		if wrong, ok := errors.AsType[*conditionError](err); ok {
			d.failAt(item, wrong)
		}
		all = append(all, parsed)
	}
	switch {
	case len(d.problems) > 0:
		return
	case len(all) == 0:
		d.fail(n, ReasonInvalid, "the condition is empty")
		return
	}
	d.rule.condition = joined(isOr, all)
	d.rule.condition.order(map[*node]int{})
	d.rule.condition.each(func(it *item) {
		d.rule.named = append(d.rule.named, it.field)
		for _, m := range it.matchers {
			if r, ok := m.(*reference); ok {
				d.rule.named = append(d.rule.named, r.field)
			}
		}
	})
	slices.Sort(d.rule.named)
	d.rule.named = slices.Compact(d.rule.named)
}

// failAt notes a mistake in a condition: at its line and column where the text stands in one line as it is, and always by what
// stands there.
func (d *document) failAt(n *yaml.Node, wrong *conditionError) {
	at := *n
	switch n.Style {
	case 0:
		at.Column += wrong.offset
	case yaml.SingleQuotedStyle, yaml.DoubleQuotedStyle:
		at.Column += 1 + wrong.offset
	case yaml.LiteralStyle:
		at.Line += 1 + strings.Count(n.Value[:wrong.offset], "\n")
		at.Column = 0
	}
	before := []rune(n.Value[:wrong.offset])
	d.fail(&at, wrong.reason, "condition, at character %d: %s", len(before)+1, wrong.message)
}

// selection reads what one name stands for: a mapping, all entries of which must hold; or a list, of which one must.
func (d *document) selection(e entry) *node {
	if e.value.Kind == yaml.MappingNode {
		return d.fields(e.value)
	}
	var all []*node
	var keywords []*yaml.Node
	for _, n := range d.items(e.value) {
		switch n.Kind {
		case yaml.MappingNode:
			if selected := d.fields(n); selected != nil {
				all = append(all, selected)
			}
		case yaml.ScalarNode:
			keywords = append(keywords, n)
		default:
			d.fail(n, ReasonInvalid, "an entry of the selection %s is a mapping or a keyword, not %s", shown(e.key.Value), kindOf(n))
		}
	}
	if len(keywords) > 0 {
		if it := d.item(KeywordsField, nil, keywords, e.key); it != nil {
			all = append(all, &node{item: it})
		}
	}
	if len(all) == 0 {
		if len(d.problems) == 0 {
			d.fail(e.key, ReasonInvalid, "the selection %s is empty", shown(e.key.Value))
		}
		return nil
	}
	return joined(isOr, all)
}

// fields reads a mapping of fields to what is asked of them.
func (d *document) fields(n *yaml.Node) *node {
	var all []*node
	for _, e := range d.entries(n) {
		name, modifiers, _ := strings.Cut(e.key.Value, "|")
		var names []string
		if strings.Contains(e.key.Value, "|") {
			names = strings.Split(modifiers, "|")
		}
		values := []*yaml.Node{e.value}
		if e.value.Kind == yaml.SequenceNode {
			values = d.items(e.value)
		}
		if it := d.item(name, names, values, e.key); it != nil {
			all = append(all, &node{item: it})
		}
	}
	if len(all) == 0 {
		if len(d.problems) == 0 {
			d.fail(n, ReasonInvalid, "the selection is empty")
		}
		return nil
	}
	return joined(isAnd, all)
}
