// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/fields"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/prefilter"
)

// Hook is a system call that is watched.
type Hook struct {
	// Event is the type of its events, and the name of the call.
	Event string
	Group Group
	// Arguments of the call, and Acting: what is told of its thread.
	Arguments, Acting []Argument
	// Returns is the type of what is returned, ReturnLabel its label.
	Returns, ReturnLabel string
	// Selectors, of which one has to let a call pass; without any each passes.
	Selectors []Selector
	// Notes say why more calls pass than rules ask for, a line each.
	Notes []string
}

// Options of a plan.
type Options struct {
	// Architectures of the nodes, as Go calls them.
	Architectures []string
	// Wanted says which rules are evaluated; nil: all that are enabled.
	Wanted func(*falco.Rule) bool
}

// Plan makes the hooks that the enabled rules of an engine need, in the order of the table. Event types for which no rule can hold
// are left out, and those for which what a rule asks is known of no event (fields.StateOf says so of the rule).
func Plan(e *falco.Engine, o Options) (hooks []Hook) {
	w := wanted{}
	for _, rule := range e.Rules {
		if rule.Enabled && (o.Wanted == nil || o.Wanted(rule)) {
			w.add(e, rule)
		}
	}
	programs := w.programs(e, o)
	for i := range calls {
		c := &calls[i]
		if h, needed := c.hook(programs[c.event]); needed {
			if len(h.Selectors)+len(c.always) == 0 {
				h.Notes = append(h.Notes, w.causes(e, o, c)...)
			}
			h.narrow(c)
			hooks = append(hooks, h)
		}
	}
	return hooks
}

// wanted are the rules that are evaluated, by event types.
type wanted map[string][]*falco.Rule

func (w wanted) add(e *falco.Engine, rule *falco.Rule) {
	report := fields.StateOf(e, rule)
	for i := range report.Arms {
		if arm := &report.Arms[i]; arm.State != fields.Unsupported {
			w[arm.Event.Name] = append(w[arm.Event.Name], rule)
		}
	}
}

// programs are the filters of each architecture by event types.
func (w wanted) programs(e *falco.Engine, o Options) map[string][]prefilter.Program {
	all := map[string][]prefilter.Program{}
	for _, arch := range o.Architectures {
		options := prefilter.Options{Arch: arch, Wanted: func(r *falco.Rule, t *catalog.EventType) bool { return slices.Contains(w[t.Name], r) }}
		for _, p := range prefilter.Derive(e, options) {
			all[p.Event.Name] = append(all[p.Event.Name], p)
		}
	}
	return all
}

// causes name the rules because of which every call is told.
func (w wanted) causes(e *falco.Engine, o Options, c *call) (notes []string) {
	event, _ := catalog.EventTypeOf(c.event)
	for _, rule := range w[c.event] {
		for _, arch := range o.Architectures {
			p := prefilter.Rule(e, rule, event, prefilter.Options{Arch: arch})
			if p.All || slices.ContainsFunc(p.Conjuncts, func(conjunct prefilter.Conjunct) bool { return c.selector(conjunct).empty() }) {
				notes = appendNew(notes, fmt.Sprintf("every call of %s is told because of rule %q", c.event, rule.Name))
			}
		}
	}
	return notes
}

// hook makes the hook of an event type from its filters, those of several architectures.
func (c *call) hook(programs []prefilter.Program) (h Hook, needed bool) {
	h = Hook{Event: c.event, Group: c.group, Arguments: c.arguments, Acting: acting, Returns: c.returns}
	if c.returns == asFile {
		h.ReturnLabel = resolved
	}
	all := false
	var conjuncts []prefilter.Conjunct
	for _, p := range programs {
		all = all || p.All
		conjuncts = append(conjuncts, p.Conjuncts...)
	}
	if all || len(conjuncts) == 0 {
		return h, all
	}
	selectors, narrow := c.selectors(conjuncts)
	h.Selectors = selectors
	if !narrow {
		h.Notes = append(h.Notes, fmt.Sprintf("more calls of %s are told than rules ask for: there is room for %d selectors", c.event, mostSelectors))
	}
	return h, true
}

// narrow adds what always has to hold.
func (h *Hook) narrow(c *call) {
	if len(c.always) > 0 && len(h.Selectors) == 0 {
		h.Selectors = []Selector{{}}
	}
	for i := range h.Selectors {
		h.Selectors[i].Filters = append(slices.Clone(c.always), h.Selectors[i].Filters...)
	}
}

func appendNew(texts []string, text string) []string {
	if slices.Contains(texts, text) {
		return texts
	}
	return append(texts, text)
}

// Limits of a hook in the language of policies.
const (
	mostSelectors = 16
	mostFilters   = 96
)

// selectors of a call, of which one lets pass what one of the conjuncts admits; none if that is every call. They are not narrow if there
// was no room for all.
func (c *call) selectors(conjuncts []prefilter.Conjunct) (list []Selector, narrow bool) {
	for _, conjunct := range conjuncts {
		s := c.selector(conjunct)
		if !slices.ContainsFunc(list, func(other Selector) bool { return other.key() == s.key() }) {
			list = append(list, s)
		}
	}
	list = append(list, c.incomparable(conjuncts)...)
	if c.returns == asFile {
		list = c.appendFound(list, conjuncts)
	}
	if slices.ContainsFunc(list, Selector.empty) {
		return nil, true
	}
	if !fits(list) {
		return c.wider(conjuncts), false
	}
	return list, true
}

func fits(list []Selector) bool {
	filters := 0
	for i := range list {
		filters += len(list[i].Filters) + len(list[i].Capabilities) + len(list[i].Returned)
	}
	return len(list) <= mostSelectors && filters <= mostFilters
}

// selector lets pass what a conjunct admits.
func (c *call) selector(conjunct prefilter.Conjunct) (s Selector) {
	for _, f := range conjunct {
		if translate, ok := translations[f.Kind]; ok {
			translate(&s, c, f, conjunct)
		}
	}
	return s
}

// incomparable lets pass what has a path that cannot be compared as it is written: one that is not absolute or was not readable when the
// call began, and one with a shorter form. What all conjuncts ask for besides has to hold.
func (c *call) incomparable(conjuncts []prefilter.Conjunct) (list []Selector) {
	shared := c.selector(common(conjuncts))
	for _, label := range c.compared(conjuncts) {
		if label == resolved { // the kernel's own
			continue
		}
		for _, f := range []struct {
			operator string
			values   []string
		}{{"NotPrefix", []string{"/"}}, {"SubString", []string{"//", "/./", "/../"}}, {"Postfix", []string{"/.", "/..", "/"}}} {
			s := Selector{Filters: slices.Clone(shared.Filters), Capabilities: shared.Capabilities}
			s.add(c, label, f.operator, f.values)
			list = append(list, s)
		}
	}
	return list
}

// common are the filters without texts that all conjuncts have.
func common(conjuncts []prefilter.Conjunct) (shared prefilter.Conjunct) {
	for _, f := range conjuncts[0] {
		everywhere := !isText(f)
		for _, other := range conjuncts[1:] {
			everywhere = everywhere && slices.ContainsFunc(other, func(g *prefilter.Filter) bool { return g.String() == f.String() })
		}
		if everywhere {
			shared = append(shared, f)
		}
	}
	return shared
}

// compared are the labels of the paths that conjuncts compare.
func (c *call) compared(conjuncts []prefilter.Conjunct) (labels []string) {
	for _, conjunct := range conjuncts {
		for _, f := range conjunct {
			if label := pathLabel(c, f.Subject); isText(f) && label != "" {
				labels = appendNew(labels, label)
			}
		}
	}
	return labels
}

// appendFound lets pass what opens a file that has one of the texts in the path that the kernel found.
func (c *call) appendFound(list []Selector, conjuncts []prefilter.Conjunct) []Selector {
	texts := parts(conjuncts, prefilter.FilePath, "name")
	if len(texts) == 0 {
		return list
	}
	s := c.selector(common(conjuncts))
	s.Returned = []Filter{{Operator: "SubString", Values: texts}}
	return append(list, s)
}

// parts are texts of which one is a part of each path that conjuncts admit by one of the subjects.
func parts(conjuncts []prefilter.Conjunct, subjects ...string) (texts []string) {
	for _, conjunct := range conjuncts {
		for _, f := range conjunct {
			if isText(f) && slices.Contains(subjects, f.Subject) {
				texts = append(texts, f.Texts...)
			}
		}
	}
	slices.Sort(texts)
	texts = slices.Compact(texts)
	return slices.DeleteFunc(slices.Clone(texts), func(text string) bool { // those that hold another are needless
		return slices.ContainsFunc(texts, func(other string) bool { return other != text && strings.Contains(text, other) })
	})
}

// wider are selectors for what there is no room for: for each path that all conjuncts compare, that it has one of their texts. None if
// that is not so of any path.
func (c *call) wider(conjuncts []prefilter.Conjunct) []Selector {
	for _, label := range c.compared(conjuncts) {
		compares := func(conjunct prefilter.Conjunct) bool {
			return slices.ContainsFunc(conjunct, func(f *prefilter.Filter) bool { return isText(f) && pathLabel(c, f.Subject) == label })
		}
		if slices.ContainsFunc(conjuncts, func(conjunct prefilter.Conjunct) bool { return !compares(conjunct) }) {
			continue
		}
		s := c.selector(common(conjuncts))
		s.add(c, label, "SubString", parts(conjuncts, label, prefilter.FilePath, prefilter.RawPath))
		list := append([]Selector{s}, c.incomparable(conjuncts)...)
		if c.returns == asFile {
			list = c.appendFound(list, conjuncts)
		}
		return list
	}
	return nil
}
