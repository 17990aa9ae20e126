// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// execFields of ExecPolicy: rules on the start of programs. It became a hook where a program has been set up and has not
// run yet: there the new binary and the new credentials hold, and a kill is in time.
var execFields = []field[reading]{
	{name: "podSelector", read: func(c cursor, r *reading) { r.policy.Scope.Pods = labelSelector(c, nil) }},
	{name: "rules", required: true, read: func(c cursor, r *reading) { r.readRules(c) }},
}

func (r *reading) readRules(c cursor) {
	hook := &Hook{
		Position: c.position(), Kind: RawTracepoint, Subsystem: "sched", Event: "sched_process_exec",
		Args: []Argument{{Position: c.position(), Index: 2, Type: LookupArgumentType("linux_binprm"), SizeIndex: -1}},
	}
	selector := &Selector{Position: c.position()}
	object(c, []field[reading]{{name: "selectors", required: true, read: func(c cursor, r *reading) {
		// All have to match: each entry is one condition, not an alternative as in other kinds.
		owner := given{}
		c.items(func(item cursor) {
			for _, p := range item.pairs() {
				if first, ok := owner[p.key.node.Value]; ok {
					p.key.fail("the field is in line %d too, and all entries have to match", first.node.Line)
				}
				owner[p.key.node.Value] = p.key
			}
			s := &selectorReading{reading: r, hook: hook, selector: selector, at: item, macro: true}
			if unindented(item) {
				readExecBinaries(item, s)
			} else {
				object(item, execSelectorFields(), s)
			}
		})
	}}}, r)
	hook.Selectors = []Selector{*selector}
	r.policy.Hooks = append(r.policy.Hooks, *hook)
}

// execSelectorFields are those of other kinds, but for binaries: one mapping, In by default, and * for every program.
func execSelectorFields() []field[selectorReading] {
	fields := selectorFields()
	for i := range fields {
		if fields[i].name == "matchBinaries" {
			fields[i].read = readExecBinaries
		}
	}
	return fields
}

// unindented says whether an entry is "matchBinarys:" with its fields beside it instead of below.
func unindented(c cursor) bool {
	return slices.ContainsFunc(c.pairs(), func(p pair) bool {
		return p.value.null() && strings.HasPrefix(p.key.node.Value, "matchBinar")
	})
}

func readExecBinaries(c cursor, s *selectorReading) {
	if c.node.Kind == yaml.SequenceNode {
		c.items(func(item cursor) { readExecBinaries(item, s) })
		return
	}
	f := BinaryFilter{Position: c.position(), Match: MatchEqual}
	table := append(slices.Clone(binaryFields), field[BinaryFilter]{name: "matchBinaries", older: []string{"matchBinarys"}, read: ignored[BinaryFilter]})
	table[0].required = false
	table[1].read = func(c cursor, f *BinaryFilter) { f.Values = binaries(c, f, checkExecBinary) }
	object(c, table, &f)
	for _, value := range f.Values {
		switch {
		case value == "*" && !f.Negated && f.Match == MatchEqual:
			return // every program
		case strings.Contains(value, "*"):
			c.fail("%s: * stands only for every program; for a part of a path use operator Prefix or Postfix", shown(value))
			return
		}
	}
	s.selector.Binaries = append(s.selector.Binaries, f)
}

// checkExecBinary leaves what has a * to its reader.
func checkExecBinary(c cursor, f *BinaryFilter, text string) {
	if !strings.Contains(text, "*") {
		checkBinary(c, f, text)
	}
}
