// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"errors"
	"fmt"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/condition"
)

// add reports a problem of an object.
func (s *Set) add(code Code, place Place, item, name, format string, arguments ...any) {
	s.Problems = append(s.Problems, Problem{Code: code, Place: place, Item: item, Name: name, Message: fmt.Sprintf(format, arguments...)})
}

// AddAt reports a problem at a byte of a text.
func (s *Set) AddAt(code Code, text *Text, offset int, item, name, format string, arguments ...any) {
	s.add(code, text.Place(offset), item, name, format, arguments...)
	p := &s.Problems[len(s.Problems)-1]
	p.Snippet, p.Caret = text.Snippet(offset)
}

// macro defines or changes a macro.
func (it *item) macro() {
	if !condition.IsName(it.name) {
		it.fail(InvalidMacroName, it.keys["macro"], "a macro's name is a letter and letters, digits and '_': no condition can name this one")
	}
	text := it.text("condition")
	if it.failed {
		return
	}
	macro := it.set.macros[it.name]
	switch {
	case it.override == nil && macro == nil:
		macro = &Macro{Name: it.name, Definition: Definition{first: it.set.items}}
		it.set.macros[it.name] = macro
		it.set.Macros = append(it.set.Macros, macro)
		fallthrough
	case it.override == nil:
		macro.Condition = text
		macro.Place, macro.Changed = it.place(), nil
	case macro == nil:
		it.missing(it.set.MacroNames)
		return
	default:
		if it.override["condition"] == appends {
			macro.Condition.append(text)
		} else {
			macro.Condition = text
		}
		macro.Changed = append(macro.Changed, it.place())
	}
	macro.last = it.set.items
}

// MacroNames are the names of all macros.
func (s *Set) MacroNames() []string {
	return namesOf(s.Macros, func(m *Macro) string { return m.Name })
}

// parse reads the conditions as they are after all files.
func (s *Set) parse() {
	for _, macro := range s.Macros {
		macro.Parsed = s.condition(macro.Condition, "macro", macro.Name)
	}
	for _, rule := range s.Rules {
		rule.Parsed = s.condition(rule.Condition, "rule", rule.Name)
	}
}

func (s *Set) condition(text *Text, item, name string) condition.Expression {
	e, err := condition.Parse(text.String())
	if err == nil {
		return e
	}
	at := 0
	if mistake := (*condition.Error)(nil); errors.As(err, &mistake) {
		at = mistake.At
	}
	s.AddAt(ErrCompileCondition, text, at, item, name, "%v", err)
	return nil
}

// Visible says whether a macro may use another one: whose first definition stands before its own last one.
func (m *Macro) Visible(other *Macro) bool { return other.first < m.last }
