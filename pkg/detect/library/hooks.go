// SPDX-License-Identifier: Apache-2.0

package library

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// mostSelectors of a hook in the language of policies.
const mostSelectors = 16

// Hooks are what the rules need to be told of besides programs that run, in the order of the table; of a function there is one hook.
// notes say where more is told than rules ask for, a line each.
func Hooks(rules []*Rule) (hooks []Hook, notes []string) {
	observed := map[int][]*Observation{}
	for _, r := range rules {
		for _, o := range r.observations() {
			observed[o.kind] = append(observed[o.kind], o)
		}
	}
	for k := range kinds {
		if len(observed[k]) == 0 {
			continue
		}
		for _, h := range kinds[k].hooks {
			always := h.Selectors
			if k == kindOf(kindOpen) {
				h.Selectors = openSelectors(&h, observed[k])
			} else if selectors := h.selectors(observed[k]); len(selectors) > mostSelectors {
				notes = append(notes, fmt.Sprintf("every call of %s is told: there is room for %d selectors", h.Function, mostSelectors))
			} else if len(selectors) > 0 {
				h.Selectors = selectors
			}
			if len(h.Selectors) == 0 {
				h.Selectors = always
			}
			hooks = append(hooks, h)
		}
	}
	return hooks, notes
}

// observations are all of a rule, those of what must have happened before included.
func (r *Rule) observations() (all []*Observation) {
	for i := range r.Observe {
		all = append(all, &r.Observe[i])
	}
	for s := range r.before {
		for i := range r.before[s].observe {
			all = append(all, &r.before[s].observe[i])
		}
	}
	return all
}

// selectors let pass what one of the observations admits; none if that is every call.
func (h *Hook) selectors(observed []*Observation) (list []Selector) {
	for _, o := range observed {
		alternatives := []Selector{{}}
		for i := range o.filters {
			alternatives = both(alternatives, o.filters[i].kernel(h))
		}
		for _, s := range alternatives {
			if len(s.Filters) == 0 {
				return nil
			}
			list = join(list, s)
		}
	}
	return list
}

// both are selectors that match where one of each list does; an empty second list asks for nothing.
func both(list, more []Selector) (all []Selector) {
	if len(more) == 0 {
		return list
	}
	for _, a := range list {
		for _, b := range more {
			all = append(all, Selector{Filters: slices.Concat(a.Filters, b.Filters)})
		}
	}
	return all
}

// join adds a selector, to another that differs in the values of one filter only if there is one.
func join(list []Selector, s Selector) []Selector {
	last := len(s.Filters) - 1
	for i := range list {
		other := list[i].Filters
		if len(other) != len(s.Filters) || !slices.EqualFunc(other[:last], s.Filters[:last], Filter.equal) ||
			other[last].Place != s.Filters[last].Place || other[last].Operator != s.Filters[last].Operator {
			continue
		}
		other[last].Values = sortedOnce(slices.Concat(other[last].Values, s.Filters[last].Values))
		return list
	}
	return append(list, s)
}

func (f Filter) equal(other Filter) bool {
	return f.Place == other.Place && f.Operator == other.Operator && slices.Equal(f.Values, other.Values)
}

func sortedOnce(values []string) []string {
	slices.Sort(values)
	return slices.Compact(values)
}

// kernel is a filter in the words of policies, as alternatives.
func (f *filterValues) kernel(h *Hook) (alternatives []Selector) {
	add := func(label, operator string, values []string) {
		if place := h.place(label); place >= 0 && len(values) > 0 {
			alternatives = append(alternatives, Selector{Filters: []Filter{{place, operator, sortedOnce(slices.Clone(values))}}})
		}
	}
	var numbers []string
	for _, n := range f.numbers {
		numbers = append(numbers, strconv.FormatInt(n, 10))
	}
	for _, label := range f.row.labels {
		switch f.row.how {
		case byText:
			for operator, values := range f.text.operators() {
				add(label, operator, values)
			}
		case byNumber:
			add(label, "Equal", numbers)
			if f.mask != 0 {
				add(label, "Mask", []string{strconv.FormatInt(f.mask, 10)})
			}
		case byPort: // what a sockaddr holds is its source to filters, whatever it is used for
			add(label, "SPort", numbers)
		case byAddress:
			var prefixes []string
			for _, p := range f.addresses {
				prefixes = append(prefixes, p.String())
			}
			add(label, "SAddr", prefixes)
		case byAccess: // see openSelectors
		}
	}
	slices.SortFunc(alternatives, func(a, b Selector) int { return strings.Compare(a.Filters[0].Operator, b.Filters[0].Operator) })
	return alternatives
}

// openSelectors of a call that opens files. The first selector that matches what the call is given decides, so there is one for each way
// of opening, and each compares the path that the kernel found with parts of all paths that are asked for opened that way, or in a way
// that comes later: a file that is opened to be written may be read, too. Where the flags are not known (openat2), they are all one.
func openSelectors(h *Hook, observed []*Observation) (list []Selector) {
	flags, mode := h.place(labelFlags), h.place(labelMode)
	ways, names := accesses, accessNames()
	if flags < 0 {
		ways = ways[len(ways)-1:]
	}
	for i, way := range ways {
		parts, every, any := partsOf(observed, func(name string) bool { return flags < 0 || slices.Contains(names[i:], name) })
		if !any {
			continue
		}
		var s Selector
		if way.flags != 0 && flags >= 0 {
			s.Filters = append(s.Filters, Filter{flags, "Mask", []string{strconv.FormatInt(way.flags, 10)}})
		}
		if way.mode != 0 && mode >= 0 {
			s.Filters = append(s.Filters, Filter{mode, "Mask", []string{strconv.FormatInt(way.mode, 10)}})
		}
		if !every {
			s.Returned = []Filter{{0, "SubString", parts}}
		}
		list = append(list, s)
	}
	if slices.ContainsFunc(list, func(s Selector) bool { return len(s.Filters)+len(s.Returned) == 0 }) {
		return nil
	}
	return list
}

// partsOf are texts of which one is a part of each path that is asked for, opened in a way that is wanted. every: any path is; any: there
// is such an observation at all.
func partsOf(observed []*Observation, wanted func(access string) bool) (parts []string, every, any bool) {
	for _, o := range observed {
		var text *texts
		opened := accessNames()
		for i := range o.filters {
			switch f := &o.filters[i]; f.row.how {
			case byText:
				text = &f.text
			case byAccess:
				opened = f.access
			}
		}
		if !slices.ContainsFunc(opened, wanted) {
			continue
		}
		any = true
		if text == nil {
			every = true
			continue
		}
		parts = append(parts, text.all()...)
	}
	parts = sortedOnce(parts)
	return slices.DeleteFunc(slices.Clone(parts), func(part string) bool { // those that hold another are needless
		return slices.ContainsFunc(parts, func(other string) bool { return other != part && strings.Contains(part, other) })
	}), every, any
}
