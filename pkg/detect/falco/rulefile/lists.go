// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/condition"
)

// mostValues a list may have, with the lists expanded that it names; Falco's longest has some hundred.
const mostValues = 1 << 16

// mostInAll values all lists may have together.
const mostInAll = 1 << 21

// missing reports that an append or override has nothing to work on.
func (it *item) missing(names func() []string) {
	hint := it.set.DidYouMean(it.name, names)
	kind := kinds[it.kind].key
	it.fail(ErrValidate, it.keys[kind], "%s '%s' has an 'append' or an override but no %s of that name was defined before%s", kind, it.name, kind, hint)
}

// list defines or changes a list.
func (it *item) list() {
	if !condition.IsBare(it.name) {
		it.fail(InvalidListName, it.keys["list"], "a list's name holds no blanks, quotes, commas, parentheses or '='")
	}
	if !it.has("items") {
		it.fail(ErrYAMLValidate, nil, "item has no mapping for key 'items'")
		return
	}
	items := it.texts("items")
	if it.failed {
		return
	}
	list := it.set.lists[it.name]
	switch {
	case it.override == nil && list == nil:
		list = &List{Name: it.name, Definition: Definition{first: it.set.items}}
		it.set.lists[it.name] = list
		it.set.Lists = append(it.set.Lists, list)
		fallthrough
	case it.override == nil:
		list.Items = items
		list.Place, list.Changed = it.place(), nil
	case list == nil:
		it.missing(it.set.ListNames)
		return
	default:
		if it.override["items"] == appends {
			items = append(slices.Clip(list.Items), items...)
		}
		list.Items = items
		list.Changed = append(list.Changed, it.place())
	}
	list.last = it.set.items
}

// ListNames are the names of all lists.
func (s *Set) ListNames() []string { return namesOf(s.Lists, func(l *List) string { return l.Name }) }

func namesOf[T any](of []T, name func(T) string) []string {
	names := make([]string, len(of))
	for i, o := range of {
		names[i] = name(o)
	}
	return names
}

// Values of a list with the lists expanded that it names. What can't be read is reported once.
func (s *Set) Values(list *List) []condition.Value {
	s.expand(list, nil)
	return list.values
}

// expand fills in a list's values. path are the lists that are being expanded.
func (s *Set) expand(list *List, path []*List) {
	if list.expanded {
		return
	}
	if slices.Contains(path, list) {
		s.listProblem(ErrValidate, list, list.Place, "reference loop in list '%s'", list.Name)
		path[0].broken = true
		return
	}
	path = append(path, list)
	for _, item := range list.Items {
		values, err := condition.Values(item.Text)
		if err != nil {
			s.listProblem(ErrCompileCondition, list, item.Place, "%v", err)
			list.broken = true
			continue
		}
		for _, value := range values {
			s.expandValue(list, value, path)
		}
		if len(list.values) > mostValues || s.values+len(list.values) > mostInAll {
			s.listProblem(ErrExtension, list, item.Place, "the list has more than %d values, or all have more than %d", mostValues, mostInAll)
			list.values, list.broken = nil, true
			break
		}
	}
	s.values += len(list.values)
	list.expanded = true
	if list.depth > 1 {
		s.listProblem(WarningExtension, list, list.Place, "lists lie %d deep in this one: Falco expands one level and takes deeper names as words", list.depth)
	}
}

// expandValue adds a value, or those of the list that it names. A list can name those that were defined before it.
func (s *Set) expandValue(list *List, value condition.Value, path []*List) {
	inner := s.lists[value.Text]
	if inner == nil || value.Quoted || inner.first >= list.last {
		list.values = append(list.values, value)
		return
	}
	inner.used = true
	s.expand(inner, path)
	list.values = append(list.values, inner.values...)
	list.depth = max(list.depth, inner.depth+1)
	list.broken = list.broken || inner.broken
}

func (s *Set) listProblem(code Code, list *List, place Place, format string, arguments ...any) {
	s.add(code, place, "list", list.Name, format, arguments...)
}
