// SPDX-License-Identifier: Apache-2.0

package library

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Observation is one thing that a rule is about: a kind of event, and filters of which all have to match. The kernel is asked to tell no
// more than what one of all rules' observations asks for; what it tells on top is compared here.
type Observation struct {
	kind    int
	filters []filterValues
}

// filterValues is a filter with its values; which fields are set depends on its row.
type filterValues struct {
	row  *filterKey
	text texts
	// numbers of which one is equal, or mask of which a bit is set.
	numbers   []int64
	mask      int64
	addresses []netip.Prefix
	access    []string
}

// texts are alternatives; what they compare is a path mostly.
type texts struct{ Equal, Prefix, Suffix, Contains []string }

func (t *texts) match(value string) bool {
	has := func(list []string, compare func(value, with string) bool) bool {
		return slices.ContainsFunc(list, func(with string) bool { return compare(value, with) })
	}
	return slices.Contains(t.Equal, value) || has(t.Prefix, strings.HasPrefix) || has(t.Suffix, strings.HasSuffix) || has(t.Contains, strings.Contains)
}

// all of them, of which one is a part of each value that matches.
func (t *texts) all() []string { return slices.Concat(t.Equal, t.Prefix, t.Suffix, t.Contains) }

// operators are the kernel's for each list.
func (t *texts) operators() map[string][]string {
	return map[string][]string{"Equal": t.Equal, "Prefix": t.Prefix, "Postfix": t.Suffix, "SubString": t.Contains}
}

// Kind is the name of what is observed.
func (o *Observation) Kind() string { return kinds[o.kind].name }

// String says what is observed, as the rule does.
func (o *Observation) String() string {
	parts := []string{kinds[o.kind].name}
	for _, f := range o.filters {
		var values []string
		values = append(append(values, f.text.all()...), f.access...)
		for _, n := range f.numbers {
			values = append(values, strconv.FormatInt(n, 10))
		}
		for _, a := range f.addresses {
			values = append(values, a.String())
		}
		if f.mask != 0 {
			values = append(values, "any bit of 0"+strconv.FormatInt(f.mask, 8))
		}
		parts = append(parts, f.row.key+" "+strings.Join(values, ", "))
	}
	return strings.Join(parts, "; ")
}

// matches says whether an event is what is observed.
func (o *Observation) matches(v *values) bool {
	return o.kind == v.kind && !slices.ContainsFunc(o.filters, func(f filterValues) bool { return !f.matches(v) })
}

func (f *filterValues) matches(v *values) bool {
	switch f.row.how {
	case byText:
		return slices.ContainsFunc(f.row.labels, func(label string) bool { return f.text.match(v.text(label)) })
	case byNumber:
		n, known := v.number(f.row.labels[0])
		return known && (slices.Contains(f.numbers, n) || n&f.mask != 0)
	case byPort:
		return slices.Contains(f.numbers, v.net.Port)
	case byAddress:
		address, err := netip.ParseAddr(v.net.Address)
		return err == nil && slices.ContainsFunc(f.addresses, func(p netip.Prefix) bool { return p.Contains(address.Unmap()) })
	case byAccess:
		return slices.ContainsFunc(f.access, func(name string) bool { return accessOf(name).matches(v) })
	}
	return false
}

// access is one row of the table of how files are opened.
type access struct {
	name string
	// flags of which one is set, of the call; 0: none of writing.
	flags int64
	// mode, of which a bit is set as well; 0: whatever it is.
	mode    int64
	matches func(*values) bool
}

// writing are the flags by which an open may change a file, or make one.
const writing = openWriteOnly | openReadWrite | openCreate | openTruncate

// runnable are the bits of a mode by which somebody may run a file.
const runnable = 0o111

// accesses is the table of how files are opened, in the order in which the kernel decides between them.
var accesses = []access{
	{"executable", openCreate, runnable, func(v *values) bool { return v.file.Create && v.file.Mode&runnable != 0 }},
	{"write", writing, 0, func(v *values) bool { return v.file.Write || v.file.Create || v.file.Truncate }},
	{"read", 0, 0, func(v *values) bool { return v.file.Read }},
}

func accessNames() (names []string) {
	for _, a := range accesses {
		names = append(names, a.name)
	}
	return names
}

// accessOf is the row of a name that was checked.
func accessOf(name string) *access {
	i := slices.IndexFunc(accesses, func(a access) bool { return a.name == name })
	return &accesses[i]
}
