// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/nearest"
)

// defining are the keys that every full definition has.
var defining = []string{"condition", "output", "desc", "priority"}

// rule defines or changes a rule.
func (it *item) rule() {
	rule := it.set.rules[it.name]
	switch {
	case rule == nil && it.set.foreign[it.name] && !slices.ContainsFunc(defining, func(key string) bool { return it.has(key) && it.override == nil }):
		it.fail(UnknownSource, it.keys["rule"], "rule '%s' is of another source and not loaded: there is nothing to change", it.name)
	case it.override != nil:
		if rule == nil {
			it.missing(it.ruleNames)
			return
		}
		it.changeRule(rule)
	case !slices.ContainsFunc(defining, it.has) && it.has("enabled"):
		it.switchRule(rule)
	default:
		it.defineRule(rule)
	}
}

func (it *item) ruleNames() []string {
	return namesOf(it.set.Rules, func(r *Rule) string { return r.Name })
}

// switchRule is the deprecated way to enable or disable a rule.
func (it *item) switchRule(rule *Rule) {
	it.fail(DeprecatedItem, it.names["enabled"], "a rule with nothing but 'enabled' is deprecated: use an override with enabled: replace")
	enabled := it.boolean("enabled", true)
	switch {
	case it.failed:
	case rule == nil:
		it.fail(ErrValidate, it.keys["rule"], "rule '%s' has 'enabled' but no rule of that name was defined before%s", it.name,
			it.set.DidYouMean(it.name, it.ruleNames))
	default:
		rule.Enabled = enabled
		rule.Changed = append(rule.Changed, it.place())
	}
}

// defineRule reads a full definition. One that is wrong leaves an earlier one as it is.
func (it *item) defineRule(old *Rule) {
	source := SyscallSource
	if it.has("source") {
		source = it.keys["source"].Value
	}
	switch {
	case old != nil && old.Source != source:
		it.fail(ErrValidate, it.keys["source"], "rule '%s' has been re-defined with another source: %s instead of %s", it.name, source, old.Source)
		return
	case source != SyscallSource:
		it.set.foreign[it.name] = true
		it.fail(UnknownSource, it.keys["source"], "unknown source %s: the rule is not loaded, only those of %s are", source, SyscallSource)
		return
	}
	r := &Rule{
		Name: it.name, Source: source, Condition: it.text("condition"), Output: it.text("output"), Desc: it.text("desc"), Priority: it.priority(),
		Enabled: it.boolean("enabled", true), WarnEventTypes: it.boolean("warn_evttypes", true),
		SkipUnknown: it.boolean("skip-if-unknown-filter", false), Tags: it.tags(), Exceptions: it.exceptions(nil),
	}
	if it.failed {
		return
	}
	r.Place = it.place()
	if old != nil {
		*old = *r
		return
	}
	it.set.rules[it.name] = r
	it.set.Rules = append(it.set.Rules, r)
}

func (it *item) priority() Priority {
	if !it.has("priority") {
		it.fail(ErrYAMLValidate, nil, "item has no mapping for key 'priority'")
		return 0
	}
	node := it.keys["priority"]
	p, ok := ParsePriority(strings.TrimSpace(node.Value))
	if !ok {
		it.fail(ErrYAMLValidate, node, "invalid priority '%s'%s", node.Value, nearest.DidYouMean(node.Value, Priorities()))
	}
	return p
}

func (it *item) tags() []string {
	if !it.has("tags") {
		return nil
	}
	tags := namesOf(it.texts("tags"), func(i Item) string { return i.Text })
	slices.Sort(tags)
	return slices.Compact(tags)
}

// changeRule appends to a rule or replaces parts of it.
func (it *item) changeRule(rule *Rule) {
	changed := *rule
	if len(it.override) == 0 {
		it.fail(ErrYAMLValidate, nil, "an appended rule has a condition, an output, a desc, tags or exceptions")
	}
	for _, part := range []struct {
		key string
		of  **Text
	}{{"condition", &changed.Condition}, {"output", &changed.Output}, {"desc", &changed.Desc}} {
		it.changeText(part.key, part.of)
	}
	switch it.override["tags"] {
	case appends:
		changed.Tags = append(slices.Clone(changed.Tags), it.tags()...)
		slices.Sort(changed.Tags)
		changed.Tags = slices.Compact(changed.Tags)
	case replaces:
		changed.Tags = it.tags()
	}
	switch it.override["exceptions"] {
	case appends:
		changed.Exceptions = it.exceptions(changed.Exceptions)
	case replaces:
		changed.Exceptions = it.exceptions(nil)
	}
	if it.override["priority"] != "" {
		changed.Priority = it.priority()
	}
	for key, of := range map[string]*bool{"enabled": &changed.Enabled, "warn_evttypes": &changed.WarnEventTypes, "skip-if-unknown-filter": &changed.SkipUnknown} {
		if it.override[key] != "" {
			*of = it.boolean(key, *of)
		}
	}
	if it.failed {
		return
	}
	changed.Changed = append(changed.Changed, it.place())
	*rule = changed
}

// changeText appends to a text or replaces it.
func (it *item) changeText(key string, of **Text) {
	operation := it.override[key]
	if operation == "" {
		return
	}
	text := it.text(key)
	if text == nil {
		return
	}
	if operation == replaces {
		*of = text
		return
	}
	joined := **of
	joined.append(text)
	*of = &joined
}
