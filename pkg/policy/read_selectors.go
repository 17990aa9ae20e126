// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"maps"
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// selectorReading is the state of reading one selector, and of the macros that it names.
type selectorReading struct {
	*reading
	selector *Selector
	// hook is nil for a macro that no hook uses.
	hook *Hook
	// macro: this is the body of one, where macros cannot be named.
	macro bool
	at    cursor
}

// selectorFields is a function because selectors and macros contain each other.
func selectorFields() []field[selectorReading] {
	return []field[selectorReading]{
		{name: "label", read: func(c cursor, s *selectorReading) { s.selector.Label, _ = c.text() }},
		{name: "macros", read: func(c cursor, s *selectorReading) { s.useMacros(c) }},
		{name: "matchPIDs", read: func(c cursor, s *selectorReading) { collect(c, &s.selector.PIDs, readPIDs) }},
		{name: "matchArgs", read: func(c cursor, s *selectorReading) { s.argumentFilters(c, &s.selector.Args, ofArgs) }},
		{name: "matchData", read: func(c cursor, s *selectorReading) { s.argumentFilters(c, &s.selector.Data, ofData) }},
		{name: "matchReturnArgs", read: func(c cursor, s *selectorReading) {
			if s.hasReturn(c) {
				s.argumentFilters(c, &s.selector.ReturnArgs, ofReturn)
			}
		}},
		{name: "matchNamespaces", read: func(c cursor, s *selectorReading) { collect(c, &s.selector.Namespaces, readNamespaces) }},
		{name: "matchNamespaceChanges", read: func(c cursor, s *selectorReading) {
			collect(c, &s.selector.NamespaceChanges, readNamespaceChanges)
		}},
		{name: "matchCapabilities", read: func(c cursor, s *selectorReading) { collect(c, &s.selector.Capabilities, readCapabilities) }},
		{name: "matchCapabilityChanges", read: func(c cursor, s *selectorReading) {
			collect(c, &s.selector.CapabilityChanges, readCapabilities)
		}},
		{name: "matchBinaries", older: []string{"matchBinarys"}, read: func(c cursor, s *selectorReading) {
			collect(c, &s.selector.Binaries, readBinaries)
		}},
		{name: "matchParentBinaries", read: func(c cursor, s *selectorReading) { collect(c, &s.selector.ParentBinaries, readBinaries) }},
		{name: "matchWorkloads", read: func(c cursor, s *selectorReading) {
			s.selector.Workloads = append(s.selector.Workloads, s.workload(c))
		}},
		{name: "matchActions", read: func(c cursor, s *selectorReading) { s.selector.Actions = s.actions(c, false) }},
		{name: "matchReturnActions", read: func(c cursor, s *selectorReading) {
			if s.hasReturn(c) {
				s.selector.ReturnActions = s.actions(c, true)
			}
		}},
	}
}

// selector reads one of a hook's.
func (h *hookReading) selector(c cursor) Selector {
	s := selectorReading{reading: h.reading, hook: h.hook, selector: &Selector{Position: c.position()}, at: c}
	if !c.null() { // "- " alone: matches everything
		object(c, selectorFields(), &s)
	}
	return *s.selector
}

// hasReturn reports a filter or an action for a return that the hook does not watch.
func (s *selectorReading) hasReturn(c cursor) bool {
	switch {
	case s.hook == nil || s.hook.ReturnArg != nil:
		return true
	case s.hook.Kind&(function|Uprobe) == 0:
		c.fail("%s has no return", s.hook.Kind.one())
	default:
		c.fail("the hook does not watch the return: want return: true and returnArg")
	}
	return false
}

// useMacros reads the bodies of macros as if they stood in the selector. A field may be in one place only.
func (s *selectorReading) useMacros(c cursor) {
	if s.macro {
		c.fail("macros do not nest")
		return
	}
	owner := map[string]string{}
	for _, p := range s.at.pairs() {
		owner[p.key.node.Value] = "the selector"
	}
	used := map[string]bool{}
	c.items(func(item cursor) {
		name, ok := item.text()
		m := s.macros[name]
		switch {
		case !ok:
			return
		case m == nil:
			item.fail("there is no macro %s in spec.selectorsMacros%s", shown(name), DidYouMean(name, slices.Collect(maps.Keys(s.macros))))
			return
		case used[name]:
			item.fail("macro %s is there twice", name)
			return
		}
		m.used, used[name] = true, true
		for _, p := range m.at.pairs() {
			field := p.key.node.Value
			if other := owner[field]; other != "" {
				item.fail("macro %s and %s both have %s", name, other, field)
			}
			owner[field] = "macro " + name
		}
		inner := *s
		inner.macro, inner.at = true, m.at
		object(m.at, selectorFields(), &inner)
	})
}

// collect reads a list of filters.
func collect[T any](c cursor, to *[]T, read func(cursor, *T)) {
	c.items(func(item cursor) {
		var filter T
		read(item, &filter)
		*to = append(*to, filter)
	})
}

// membership is the operators of filters that compare with a set.
var membership = &vocabulary{list: words("In NotIn")}

// inOrNot reads an operator that is In or NotIn.
func inOrNot(c cursor) (negated bool) {
	text, ok := c.text()
	n, known := membership.lookup(text)
	if ok && !known {
		c.fail("unknown operator %s%s", shown(text), DidYouMean(text, membership.names()))
	}
	return n == 1
}

// needValues reports a filter without values: it would match nothing, or all.
func needValues(c cursor, n int) {
	if n == 0 {
		c.fail("values is empty")
	}
}

// lookedUp reads a name of a vocabulary.
func lookedUp(c cursor, v *vocabulary, what string) (uint64, bool) {
	text, ok := c.text()
	if !ok {
		return 0, false
	}
	n, known := v.lookup(text)
	if !known {
		c.fail("unknown %s %s%s", what, shown(text), DidYouMean(text, v.names()))
	}
	return n, known
}

var pidFields = []field[PIDFilter]{
	{name: "operator", required: true, read: func(c cursor, f *PIDFilter) { f.Negated = inOrNot(c) }},
	{name: "values", required: true, read: func(c cursor, f *PIDFilter) {
		n := c.items(func(item cursor) {
			if pid, ok := item.integer(0, math.MaxUint32); ok {
				f.Values = append(f.Values, uint32(pid))
			}
		})
		needValues(c, n)
	}},
	{name: "isNamespacePID", read: func(c cursor, f *PIDFilter) { f.InNamespace, _ = c.boolean() }},
	{name: "followForks", read: func(c cursor, f *PIDFilter) { f.FollowForks, _ = c.boolean() }},
}

func readPIDs(c cursor, f *PIDFilter) { f.Position = c.position(); object(c, pidFields, f) }

var namespaceFields = []field[NamespaceFilter]{
	{name: "namespace", required: true, read: func(c cursor, f *NamespaceFilter) {
		n, _ := lookedUp(c, namespaces, "namespace")
		f.Namespace = Namespace(n)
	}},
	{name: "operator", required: true, read: func(c cursor, f *NamespaceFilter) { f.Negated = inOrNot(c) }},
	{name: "values", required: true, read: func(c cursor, f *NamespaceFilter) {
		n := c.items(func(item cursor) {
			text, ok := item.text()
			if text == "host_ns" {
				f.Host = true
				return
			}
			p := operandParser{typ: LookupArgumentType("uint32")}
			if inode, fits := p.number(text); fits {
				f.Inodes = append(f.Inodes, uint32(inode))
			} else if ok {
				item.fail("want the inode number of a namespace or host_ns: %v", p.err)
			}
		})
		needValues(c, n)
	}},
}

func readNamespaces(c cursor, f *NamespaceFilter) {
	f.Position = c.position()
	object(c, namespaceFields, f)
}

var namespaceChangeFields = []field[NamespaceChangeFilter]{
	{name: "operator", required: true, read: func(c cursor, f *NamespaceChangeFilter) { f.Negated = inOrNot(c) }},
	{name: "values", required: true, read: func(c cursor, f *NamespaceChangeFilter) {
		n := c.items(func(item cursor) {
			if n, ok := lookedUp(item, namespaces, "namespace"); ok {
				f.Namespaces = append(f.Namespaces, Namespace(n))
			}
		})
		needValues(c, n)
	}},
}

func readNamespaceChanges(c cursor, f *NamespaceChangeFilter) {
	f.Position = c.position()
	object(c, namespaceChangeFields, f)
}

var capabilityFields = []field[CapabilityFilter]{
	{name: "type", read: func(c cursor, f *CapabilityFilter) { // Effective by default, as in the CRD
		n, _ := lookedUp(c, capabilitySets, "set")
		f.Set = CapabilitySet(n)
	}},
	{name: "operator", required: true, read: func(c cursor, f *CapabilityFilter) { f.Negated = inOrNot(c) }},
	{name: "values", required: true, read: func(c cursor, f *CapabilityFilter) {
		n := c.items(func(item cursor) {
			if n, ok := lookedUp(item, capabilities, "capability"); ok {
				f.Capabilities |= 1 << n
			}
		})
		needValues(c, n)
	}},
	{name: "isNamespaceCapability", read: func(c cursor, f *CapabilityFilter) { f.InNamespace, _ = c.boolean() }},
}

func readCapabilities(c cursor, f *CapabilityFilter) {
	f.Position = c.position()
	object(c, capabilityFields, f)
}

// binaryMatches is of the vocabulary of matchBinaries[].operator.
var binaryMatches = []struct {
	name    string
	match   Match
	negated bool
}{
	{"In", MatchEqual, false}, {"NotIn", MatchEqual, true}, {"Prefix", MatchPrefix, false}, {"NotPrefix", MatchPrefix, true},
	{"Postfix", MatchPostfix, false}, {"NotPostfix", MatchPostfix, true},
}

var binaryFields = []field[BinaryFilter]{
	{name: "operator", required: true, read: func(c cursor, f *BinaryFilter) {
		v := &vocabulary{}
		for _, row := range binaryMatches {
			v.list = append(v.list, row.name)
		}
		n, _ := lookedUp(c, v, "operator")
		f.Match, f.Negated = binaryMatches[n].match, binaryMatches[n].negated
	}},
	{name: "values", required: true, read: func(c cursor, f *BinaryFilter) { f.Values = binaries(c, f, checkBinary) }},
	{name: "followChildren", read: func(c cursor, f *BinaryFilter) { f.FollowChildren, _ = c.boolean() }},
}

func readBinaries(c cursor, f *BinaryFilter) { f.Position = c.position(); object(c, binaryFields, f) }

// kernelBinary is what threads of the kernel have as the path of their program.
const kernelBinary = "<kernel>"

// checkBinary refuses a name where a whole path is compared: it never is one.
func checkBinary(c cursor, f *BinaryFilter, text string) {
	if f.Match == MatchEqual && text != kernelBinary && !strings.Contains(text, "/") {
		c.fail("%s is no path, and In and NotIn compare the whole path of a program: write /usr/bin/%s, or use operator %s with /%s",
			shown(text), text, map[bool]string{false: "Postfix", true: "NotPostfix"}[f.Negated], text)
	}
}

// binaries reads paths of programs or parts of them.
func binaries(c cursor, f *BinaryFilter, check func(cursor, *BinaryFilter, string)) (values []string) {
	n := c.items(func(item cursor) {
		text, ok := item.text()
		p := operandParser{typ: LookupArgumentType("string")}
		if parsePart(&p, text); ok && p.err != nil {
			item.fail("%v", p.err)
		} else if ok {
			check(item, f, p.out.Strings[0])
			values = append(values, p.out.Strings...)
		}
	})
	needValues(c, n)
	return values
}

// workload reads matchWorkloads: the selectors that spec has too.
func (s *selectorReading) workload(c cursor) (scope Scope) {
	if c.node.Kind != yaml.MappingNode || len(c.pairs()) == 0 {
		c.fail("want a mapping with podSelector, containerSelector or hostSelector, got %s", c.kind())
		return scope
	}
	object(c, []field[Scope]{
		{name: "podSelector", read: func(c cursor, to *Scope) { to.Pods = labelSelector(c, nil) }},
		{name: "containerSelector", read: func(c cursor, to *Scope) { to.Containers = labelSelector(c, containerKeys) }},
		{name: "hostSelector", read: func(c cursor, to *Scope) { to.Host = s.hostSelector(c) }},
	}, &scope)
	return scope
}
