// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"bytes"
	"slices"
	"strings"
)

// index leaves out rules that a record cannot match, by the last component of the paths in one field. Most rules for processes
// require that Image ends in one of a few names: a look into a map says which of them are worth evaluating.
type index struct {
	// field is the number of the field, -1 when there is no index.
	field int
	// always are the rules that the index does not know; all are all rules. A bit each.
	always, all []uint64
	// byName are the rules that require a last component.
	byName map[string][]uint64
}

// newIndex is by the field in which most rules look for last components.
func newIndex(s *Set) index {
	x := index{field: -1, all: make([]uint64, words(len(s.rules)))}
	rules := make([]int, len(s.fields))
	for i, rule := range s.rules {
		x.all[i/64] |= 1 << (i % 64)
		for number := range s.indexable(rule) {
			if rules[number]++; x.field < 0 || rules[number] > rules[x.field] {
				x.field = number
			}
		}
	}
	if x.field < 0 {
		return x
	}
	x.always, x.byName = slices.Clone(x.all), map[string][]uint64{}
	for i, rule := range s.rules {
		names, ok := required(rule.condition, func(it *item) ([]string, bool) { return it.lastComponents(s.fields[x.field]) })
		if !ok {
			continue
		}
		x.always[i/64] &^= 1 << (i % 64)
		for _, last := range names {
			if x.byName[last] == nil {
				x.byName[last] = make([]uint64, len(x.all))
			}
			x.byName[last][i/64] |= 1 << (i % 64)
		}
	}
	return x
}

// indexable are the numbers of the fields in which a rule looks for last components.
func (s *Set) indexable(rule *Rule) map[int]bool {
	numbers := map[int]bool{}
	rule.condition.each(func(it *item) {
		if _, ok := it.lastComponents(it.field); ok {
			numbers[s.fieldNumbers[it.field]] = true
		}
	})
	return numbers
}

// lastComponents are what stands after the last slash in any value that the item holds for, in lower case.
func (it *item) lastComponents(field string) (names []string, ok bool) {
	if it.field != field {
		return nil, false
	}
	comparisons, ok := it.comparisons()
	for _, c := range comparisons {
		slash := strings.LastIndexByte(c.Text, '/')
		if slash < 0 || c.Cased || c.Operator != Equals && c.Operator != EndsWith {
			return nil, false
		}
		names = append(names, c.Text[slash+1:])
	}
	return names, ok
}

// candidates sets the evaluator's wanted rules.
func (x *index) candidates(e *Evaluator) {
	if x.field < 0 {
		copy(e.wanted, x.all)
		return
	}
	copy(e.wanted, x.always)
	f := e.fieldAt(x.field)
	if f.unknown {
		copy(e.wanted, x.all)
		return
	}
	for i := range f.texts {
		t := &f.texts[i]
		if t.cut != 0 {
			copy(e.wanted, x.all)
			return
		}
		for j, word := range x.byName[string(t.lower[bytes.LastIndexByte(t.lower, '/')+1:])] {
			e.wanted[j] |= word
		}
	}
}
