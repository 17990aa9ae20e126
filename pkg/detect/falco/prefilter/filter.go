// SPDX-License-Identifier: Apache-2.0

package prefilter

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Kind says what a filter compares.
type Kind uint8

// The kinds.
const (
	// Equal, Prefix, Postfix and SubString compare a path or a raw text with Texts: one has to fit.
	Equal Kind = iota
	Prefix
	Postfix
	SubString
	// Mask: one of the bits of Numbers is set.
	Mask
	// Integer equals one of Numbers.
	Integer
	// Return lies in one of Ranges.
	Return
	// Family of the socket address is one of Numbers.
	Family
	// Address of the other end lies in one of Prefixes.
	Address
	// Port of the other end is one of Numbers.
	Port
	// Capability: the thread has one of Numbers, in the set that Subject names.
	Capability
)

// kindNames are what filters are called in messages.
var kindNames = [...]string{
	"Equal", "Prefix", "Postfix", "SubString", "Mask", "Integer", "Return", "Family", "Address", "Port", "Capability",
}

// String is the kind's name.
func (k Kind) String() string { return kindNames[k] }

// Subjects that are no parameters of the event.
const (
	// FilePath is the path that fd.name tells.
	FilePath = "fd.name"
	// RawPath is the first path argument as the process wrote it.
	RawPath = "fd.nameraw"
	// Effective and Permitted are sets of capabilities.
	Effective = "cap_effective"
	Permitted = "cap_permitted"
)

// Range of numbers, both ends included.
type Range struct{ From, To int64 }

// Filter is one thing that a kernel can decide.
type Filter struct {
	Kind Kind
	// Subject is FilePath, RawPath, Effective, Permitted or the name of the event's parameter; empty where the kind says it.
	Subject string
	// Denied turns a filter of capabilities or addresses round. That of addresses lets a call pass that failed, but for EINPROGRESS,
	// and one that has no address.
	Denied   bool
	Texts    []string
	Numbers  []int64
	Ranges   []Range
	Prefixes []netip.Prefix

	text string // what String says
}

// String is the filter in one line. It is made once: a filter does not change.
func (f *Filter) String() string {
	if f.text == "" {
		f.text = f.written()
	}
	return f.text
}

func (f *Filter) written() string {
	var values []string
	for _, text := range f.Texts {
		values = append(values, fmt.Sprintf("%q", text))
	}
	for _, n := range f.Numbers {
		values = append(values, fmt.Sprint(n))
	}
	for _, r := range f.Ranges {
		values = append(values, fmt.Sprintf("%d..%d", r.From, r.To))
	}
	for _, p := range f.Prefixes {
		values = append(values, p.String())
	}
	not := ""
	if f.Denied {
		not = "not "
	}
	return strings.TrimSpace(fmt.Sprintf("%s%s %s", not, f.Kind, f.Subject)) + " " + strings.Join(values, "|")
}

// size is how many values it has.
func (f *Filter) size() int { return len(f.Texts) + len(f.Numbers) + len(f.Ranges) + len(f.Prefixes) }

// mergeable says whether two filters differ in their values only, so that one with both admits what either does.
func (f *Filter) mergeable(other *Filter) bool {
	return f.Kind == other.Kind && f.Subject == other.Subject && !f.Denied && !other.Denied
}

// merged admits what either does.
func (f *Filter) merged(other *Filter) *Filter {
	m := *f
	m.text = ""
	m.Texts = union(f.Texts, other.Texts, strings.Compare)
	m.Numbers = union(f.Numbers, other.Numbers, cmp.Compare[int64])
	m.Ranges = union(f.Ranges, other.Ranges, func(a, b Range) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	m.Prefixes = union(f.Prefixes, other.Prefixes, func(a, b netip.Prefix) int { return strings.Compare(a.String(), b.String()) })
	return &m
}

func union[T comparable](a, b []T, compare func(a, b T) int) []T {
	both := append(slices.Clone(a), b...)
	slices.SortFunc(both, compare)
	return slices.Compact(both)
}

// Conjunct admits an event if all of its filters do. It is sorted by the filters' texts, each once.
type Conjunct []*Filter

// String joins the filters.
func (c Conjunct) String() string {
	texts := make([]string, len(c))
	for i, f := range c {
		texts[i] = f.String()
	}
	return strings.Join(texts, " and ")
}

// newConjunct sorts filters and takes doubles away.
func newConjunct(filters ...*Filter) Conjunct {
	c := Conjunct(slices.Clone(filters))
	slices.SortFunc(c, func(a, b *Filter) int { return strings.Compare(a.String(), b.String()) })
	return slices.CompactFunc(c, func(a, b *Filter) bool { return a.String() == b.String() })
}

// implies says whether all filters of other are in c: what c admits, other admits.
func (c Conjunct) implies(other Conjunct) bool {
	for _, f := range other {
		if !slices.ContainsFunc(c, func(g *Filter) bool { return g.String() == f.String() }) {
			return false
		}
	}
	return true
}
