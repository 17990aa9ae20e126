// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"regexp"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy/syscalls"
)

// List types.
const (
	literalList   = ""
	syscallList   = "syscalls"
	generatedList = "generated_syscalls"
	patternList   = "generated_ftrace"
)

// list is a resolved entry of spec.lists.
type list struct {
	at      cursor
	name    string
	kind    string
	values  []cursor
	calls   []Call
	pattern *regexp.Regexp
}

// ofSyscalls says whether the list holds system calls.
func (l *list) ofSyscalls() bool { return l.kind == syscallList || l.kind == generatedList }

var listFields = []field[list]{
	{name: "name", required: true, read: func(c cursor, l *list) { l.name, _ = c.text() }},
	{name: "type", read: func(c cursor, l *list) {
		kinds := []string{syscallList, generatedList, patternList}
		if text, ok := c.text(); ok && text != "" && !slices.Contains(kinds, text) {
			c.fail("unknown type of list %s%s", shown(text), DidYouMean(text, kinds))
		} else {
			l.kind = text
		}
	}},
	// The original keeps in it whether it has resolved the list itself; lists are resolved here whatever it says.
	{name: "validated", read: func(c cursor, _ *list) { c.boolean() }},
	{name: "values", read: func(c cursor, l *list) { c.items(func(item cursor) { l.values = append(l.values, item) }) }},
	{name: "pattern", read: func(c cursor, l *list) {
		text, ok := c.text()
		if !ok || text == "" {
			return
		}
		pattern, err := regexp.Compile(text)
		if err != nil {
			c.fail("%s is not a regular expression: %v", shown(text), err)
		}
		l.pattern = pattern
	}},
}

// readLists reads spec.lists.
func (r *reading) readLists(c cursor) {
	r.lists = map[string]*list{}
	c.items(func(item cursor) {
		l := &list{at: item}
		seen := object(item, listFields, l)
		switch {
		case l.kind == patternList && !seen.has("pattern"):
			item.fail("a list of type %s needs a pattern", patternList)
		case l.kind != patternList && seen.has("pattern"):
			seen["pattern"].fail("only a list of type %s has a pattern", patternList)
		}
		generated := l.kind == generatedList || l.kind == patternList
		switch {
		case generated && len(l.values) > 0:
			seen["values"].fail("a list of type %s finds its values itself", l.kind)
		case !generated && len(l.values) == 0:
			item.fail("the list has no values")
		}
		l.resolve()
		if r.lists[l.name] != nil {
			item.fail("there is another list %s", shown(l.name))
		}
		if l.name != "" {
			r.lists[l.name] = l
		}
	})
}

// resolve turns the names of a list of system calls into calls.
func (l *list) resolve() {
	if l.kind == generatedList {
		for _, name := range syscalls.Names(syscalls.Native) {
			l.calls = append(l.calls, Call{Syscall: name})
		}
	}
	for _, value := range l.values {
		text, ok := value.text()
		if !ok || l.kind != syscallList {
			continue
		}
		call, err := checkedSyscall(text)
		if err != nil && syscalls.Known(syscalls.Native, text) {
			call, err = Call{Syscall: text}, nil
		}
		if err != nil {
			value.fail("%v", err)
			continue
		}
		l.calls = append(l.calls, call)
	}
}

// list finds the list that text names; the name's absence is reported.
func (r *reading) list(c cursor, name string) *list {
	if l := r.lists[name]; l != nil {
		return l
	}
	var have []string
	for name := range r.lists {
		have = append(have, name)
	}
	c.fail("there is no list %s in spec.lists%s", shown(name), DidYouMean(name, have))
	return nil
}
