// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/util/validation"
)

// reading is the state of reading one policy.
type reading struct {
	policy *Policy
	spec   cursor
	lists  map[string]*list
	macros map[string]*macro
	// notes: there is an action NotifyEnforcer, and where the first is.
	notes *cursor
}

var documentFields = []field[reading]{
	{name: "apiVersion", read: ignored[reading]}, // checked with the kind
	{name: "kind", read: ignored[reading]},
	{name: "metadata", required: true, read: func(c cursor, r *reading) { object(c, metadataFields, r) }},
	{name: "spec", required: true, read: func(c cursor, r *reading) { r.readSpec(c) }},
	{name: "status", read: ignored[reading]},
}

// metadataFields: what a cluster adds is of no use here.
var metadataFields = append([]field[reading]{
	{name: "name", required: true, read: func(c cursor, r *reading) {
		name, ok := c.text()
		if problems := validation.IsDNS1123Subdomain(name); ok && len(problems) > 0 {
			c.fail("%s is not a name: %s", shown(name), problems[0])
		}
		r.policy.Name = name
	}},
	{name: "namespace", read: func(c cursor, r *reading) {
		name, ok := c.text()
		switch problems := validation.IsDNS1123Label(name); {
		case !ok:
		case r.policy.Kind != TracingPolicyNamespaced:
			c.fail("a %s applies to all namespaces: for one, use kind %s", r.policy.Kind, TracingPolicyNamespaced)
		case len(problems) > 0:
			c.fail("%s is not a namespace: %s", shown(name), problems[0])
		}
		r.policy.Namespace = name
	}},
}, ignoredFields("annotations", "labels", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "finalizers",
	"generateName", "generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid")...)

func ignoredFields(names ...string) (fields []field[reading]) {
	for _, name := range names {
		fields = append(fields, field[reading]{name: name, read: ignored[reading]})
	}
	return fields
}

func (r *reading) readSpec(c cursor) {
	r.spec = c
	if r.policy.Kind == ExecPolicy {
		object(c, execFields, r)
	} else {
		seen := object(c, specFields(), r)
		if r.notes != nil && !seen.has("enforcers") {
			r.notes.fail("%s leaves its note for spec.enforcers, and there are none", NotifyEnforcer)
		}
	}
	r.checkUnusedMacros()
	if len(r.policy.Hooks) == 0 && len(*c.problems) == 0 {
		c.fail("the policy watches nothing: want kprobes, fentries, tracepoints, lsmhooks, uprobes, usdts or loader")
	}
}

// specFields are in the order in which they depend on each other: hooks need lists and macros. It is a function because
// hooks, selectors and macros refer to each other.
func specFields() []field[reading] {
	return []field[reading]{
		{name: "options", read: func(c cursor, r *reading) { r.readOptions(c) }},
		{name: "lists", read: func(c cursor, r *reading) { r.readLists(c) }},
		{name: "selectorsMacros", read: func(c cursor, r *reading) { r.readMacros(c) }},
		{name: "podSelector", read: func(c cursor, r *reading) { r.policy.Scope.Pods = labelSelector(c, nil) }},
		{name: "containerSelector", read: func(c cursor, r *reading) { r.policy.Scope.Containers = labelSelector(c, containerKeys) }},
		{name: "hostSelector", read: func(c cursor, r *reading) { r.policy.Scope.Host = r.hostSelector(c) }},
		{name: "nodeSelector", read: func(c cursor, r *reading) { r.policy.Scope.Nodes = labelSelector(c, nil) }},
		{name: "enforcers", read: func(c cursor, r *reading) { c.items(func(item cursor) { object(item, enforcerFields, r) }) }},
		{name: "kprobes", read: section(Kprobe, kprobeFields)},
		{name: "fentries", read: section(Fentry, kprobeFields)},
		{name: "tracepoints", read: section(Tracepoint, tracepointFields)},
		{name: "lsmhooks", read: section(LSM, lsmFields)},
		{name: "uprobes", read: section(Uprobe, uprobeFields)},
		{name: "usdts", read: section(USDT, usdtFields)},
		{name: "loader", read: func(c cursor, r *reading) {
			if on, _ := c.boolean(); on {
				r.policy.Hooks = append(r.policy.Hooks, Hook{Position: c.position(), Kind: Loader})
			}
		}},
	}
}

// hostSelector is null or {}.
func (r *reading) hostSelector(c cursor) bool {
	switch {
	case r.policy.Kind == TracingPolicyNamespaced:
		c.fail("the host is in no namespace: a %s has no hostSelector", r.policy.Kind)
	case len(c.pairs()) > 0:
		c.fail("hosts have no labels: want {} for the host or null for none")
	default:
		return true
	}
	return false
}

var enforcerFields = []field[reading]{
	{name: "calls", required: true, read: func(c cursor, r *reading) {
		c.items(func(item cursor) {
			text, ok := item.text()
			if !ok {
				return
			}
			calls, pattern := r.calls(item, text, checkedCall)
			if pattern != nil {
				item.fail("an enforcer needs functions that can be made to fail: a list of type %s names any", patternList)
			}
			r.policy.Enforcers = append(r.policy.Enforcers, calls...)
		})
	}},
}

// option is one row of the vocabulary of spec.options.
type option struct {
	name string
	set  func(o *Options, value string) error
}

var options = []option{
	{"disable-kprobe-multi", func(o *Options, v string) (err error) { o.DisableKprobeMulti, err = parseBool(v); return err }},
	{"disable-uprobe-multi", func(o *Options, v string) (err error) { o.DisableUprobeMulti, err = parseBool(v); return err }},
	{"override-method", func(o *Options, v string) (err error) {
		o.OverrideMethod, err = oneOf(v, OverrideFmod, OverrideReturn)
		return err
	}},
	{"policy-mode", func(o *Options, v string) (err error) { o.Mode, err = oneOf(v, ModeEnforce, ModeMonitor); return err }},
	{"sleepable-preload-size", func(o *Options, v string) error {
		n, err := strconv.ParseUint(v, 0, 31)
		if err != nil {
			return fmt.Errorf("want a number of bytes up to %d, got %s", math.MaxInt32, shown(v))
		}
		o.SleepablePreloadSize = int(n)
		return nil
	}},
}

func parseBool(text string) (bool, error) {
	value, err := strconv.ParseBool(text)
	if err != nil {
		err = fmt.Errorf("want \"true\" or \"false\", got %s", shown(text))
	}
	return value, err
}

func oneOf[T ~string](text string, values ...T) (T, error) {
	if slices.Contains(values, T(text)) {
		return T(text), nil
	}
	return "", fmt.Errorf("want one of %v, got %s", values, shown(text))
}

// namedValue is one entry of spec.options.
type namedValue struct {
	name, value string
}

var optionFields = []field[namedValue]{
	{name: "name", required: true, read: func(c cursor, o *namedValue) { o.name, _ = c.text() }},
	{name: "value", required: true, read: func(c cursor, o *namedValue) { o.value, _ = c.text() }},
}

func (r *reading) readOptions(c cursor) {
	given := map[string]bool{}
	c.items(func(item cursor) {
		var o namedValue
		seen := object(item, optionFields, &o)
		i := slices.IndexFunc(options, func(row option) bool { return row.name == o.name })
		switch {
		case o.name == "" || !seen.has("value"):
		case i < 0:
			var known []string
			for _, row := range options {
				known = append(known, row.name)
			}
			seen["name"].fail("unknown option %s%s", shown(o.name), DidYouMean(o.name, known))
		case given[o.name]:
			item.fail("option %s is there twice", o.name)
		default:
			if err := options[i].set(&r.policy.Options, o.value); err != nil {
				seen["value"].fail("option %s: %v", o.name, err)
			}
		}
		given[o.name] = true
	})
}

// macro is one entry of spec.selectorsMacros. Its filters are read for each hook that uses it: what a value is depends on
// the hook's arguments.
type macro struct {
	at   cursor
	used bool
}

func (r *reading) readMacros(c cursor) {
	for _, p := range c.pairs() {
		r.macros[p.key.node.Value] = &macro{at: p.value}
	}
}

// checkUnusedMacros reads what no hook has read, as far as it can be read without one.
func (r *reading) checkUnusedMacros() {
	for _, name := range slices.Sorted(maps.Keys(r.macros)) {
		if m := r.macros[name]; !m.used {
			s := &selectorReading{reading: r, selector: &Selector{}, macro: true}
			object(m.at, selectorFields(), s)
		}
	}
}
