// SPDX-License-Identifier: Apache-2.0

package prefilter

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// normal is a filter as alternatives. One without filters admits everything, no alternative nothing.
type normal []Conjunct

// The constants.
var (
	everything = normal{{}}
	nothing    = normal{}
)

func of(f *Filter) normal {
	if f.size() == 0 {
		return nothing
	}
	return normal{{f}}
}

// everything says whether all events are admitted.
func (n normal) everything() bool { return len(n) == 1 && len(n[0]) == 0 }

// mostConjuncts and mostFilters that a hook has room for.
const (
	mostConjuncts = 16
	mostFilters   = 96
)

// or admits what either does.
func (n normal) or(other normal) normal {
	return append(slices.Clone(n), other...).reduced().bounded()
}

// and admits what both do.
func (n normal) and(other normal) normal {
	switch {
	case n.everything():
		return other
	case other.everything():
		return n
	}
	product := make(normal, 0, len(n)*len(other))
	for _, a := range n {
		for _, b := range other {
			product = append(product, newConjunct(append(slices.Clone(a), b...)...))
		}
	}
	return product.reduced().bounded()
}

// reduced takes conjuncts away that others make needless, and merges those that differ in the values of one filter.
func (n normal) reduced() normal {
	for {
		n = n.distinct()
		merged, changed := n.mergeOnce()
		if !changed {
			return n
		}
		n = merged
	}
}

// distinct takes away what implies another.
func (n normal) distinct() normal {
	kept := normal{}
	for i, c := range n {
		needless := false
		for j, other := range n {
			if i != j && c.implies(other) && (!other.implies(c) || j < i) {
				needless = true
				break
			}
		}
		if !needless {
			kept = append(kept, c)
		}
	}
	return kept
}

// mergeOnce merges two conjuncts, if any two differ in one filter only.
func (n normal) mergeOnce() (normal, bool) {
	for i, a := range n {
		for j := i + 1; j < len(n); j++ {
			if m, ok := merge(a, n[j]); ok {
				rest := slices.Delete(slices.Clone(n), j, j+1)
				rest[i] = m
				return rest, true
			}
		}
	}
	return n, false
}

// merge makes one conjunct of two that are equal but for the values of one filter.
func merge(a, b Conjunct) (Conjunct, bool) {
	if len(a) != len(b) {
		return nil, false
	}
	onlyA, onlyB := without(a, b), without(b, a)
	if len(onlyA) != 1 || len(onlyB) != 1 || !onlyA[0].mergeable(onlyB[0]) {
		return nil, false
	}
	both := slices.DeleteFunc(slices.Clone(a), func(f *Filter) bool { return f == onlyA[0] })
	return newConjunct(append(both, onlyA[0].merged(onlyB[0]))...), true
}

// without are the filters of a that b has not.
func without(a, b Conjunct) (rest Conjunct) {
	for _, f := range a {
		if !slices.ContainsFunc(b, func(g *Filter) bool { return g.String() == f.String() }) {
			rest = append(rest, f)
		}
	}
	return rest
}

// bounded makes a filter small enough by leaving filters out, which admits more: those of the kind and subject with the most values
// first, and such as leave every conjunct another filter if there are any.
func (n normal) bounded() normal {
	for len(n) > mostConjuncts || n.filters() > mostFilters {
		victim := n.victim()
		smaller := make(normal, len(n))
		for i, c := range n {
			smaller[i] = slices.DeleteFunc(slices.Clone(c), func(f *Filter) bool { return group(f) == victim })
		}
		n = smaller.reduced()
	}
	return n
}

func (n normal) filters() (count int) {
	for _, c := range n {
		count += len(c)
	}
	return count
}

// group is what filters are left out by.
func group(f *Filter) string { return f.Kind.String() + " " + f.Subject }

// victim is the group to leave out.
func (n normal) victim() string {
	values, alone := map[string]int{}, map[string]bool{}
	for _, c := range n {
		groups := map[string]bool{}
		for _, f := range c {
			values[group(f)] += f.size()
			groups[group(f)] = true
		}
		if len(groups) == 1 {
			maps.Copy(alone, groups)
		}
	}
	names := slices.Collect(maps.Keys(values))
	return slices.MinFunc(names, func(a, b string) int {
		if alone[a] != alone[b] {
			if alone[b] {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(values[b], values[a]), strings.Compare(a, b))
	})
}
