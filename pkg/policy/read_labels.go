// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"
)

// containerKeys are what containers can be selected by.
var containerKeys = []string{ContainerName, ContainerRepo}

// labelOperators of matchExpressions, with whether they have values.
var labelOperators = map[string]bool{"In": true, "NotIn": true, "Exists": false, "DoesNotExist": false}

// labelReading is the state of reading a label selector.
type labelReading struct {
	// keys that are allowed; nil for those of labels.
	keys     []string
	selector LabelSelector
}

var labelFields = []field[labelReading]{
	{name: "matchLabels", read: func(c cursor, l *labelReading) {
		for _, p := range c.pairs() {
			if value, ok := p.value.text(); ok {
				l.add(p.key, Requirement{p.key.node.Value, "In", []string{value}})
			}
		}
	}},
	{name: "matchExpressions", read: func(c cursor, l *labelReading) {
		c.items(func(item cursor) {
			var r Requirement
			if seen := object(item, requirementFields, &r); seen.has("key") && seen.has("operator") {
				l.add(item, r)
			}
		})
	}},
}

var requirementFields = []field[Requirement]{
	{name: "key", required: true, read: func(c cursor, r *Requirement) { r.Key, _ = c.text() }},
	{name: "operator", required: true, read: func(c cursor, r *Requirement) {
		text, ok := c.text()
		if _, known := labelOperators[text]; ok && !known {
			c.fail("unknown operator %s%s", shown(text), DidYouMean(text, []string{"In", "NotIn", "Exists", "DoesNotExist"}))
		} else {
			r.Operator = text
		}
	}},
	{name: "values", read: func(c cursor, r *Requirement) { r.Values = c.texts() }},
}

// labelSelector reads a label selector; {} is one that selects everything.
func labelSelector(c cursor, keys []string) *LabelSelector {
	l := labelReading{keys: keys}
	object(c, labelFields, &l)
	return &l.selector
}

func (l *labelReading) add(c cursor, r Requirement) {
	if r.Key == "k8s:"+NamespaceLabel { // Cilium's spelling says where a label is from; Kubernetes does not allow the colon
		r.Key = NamespaceLabel
	}
	before := len(*c.problems)
	switch values := labelOperators[r.Operator]; {
	case r.Operator == "": // reported
	case values && len(r.Values) == 0:
		c.fail("operator %s needs values", r.Operator)
	case !values && len(r.Values) > 0:
		c.fail("operator %s takes no values", r.Operator)
	}
	if l.keys != nil {
		if !slices.Contains(l.keys, r.Key) {
			c.fail("unknown key %s%s", shown(r.Key), DidYouMean(r.Key, l.keys))
		}
	} else {
		checkLabel(c, r)
	}
	if len(*c.problems) == before && r.Operator != "" {
		l.selector.Requirements = append(l.selector.Requirements, r)
	}
}

// checkLabel refuses what no object in a cluster can have.
func checkLabel(c cursor, r Requirement) {
	if problems := validation.IsQualifiedName(r.Key); len(problems) > 0 {
		c.fail("%s is not the key of a label: %s", shown(r.Key), problems[0])
	}
	for _, value := range r.Values {
		if problems := validation.IsValidLabelValue(value); len(problems) > 0 {
			c.fail("%s is not the value of a label: %s", shown(value), problems[0])
		}
	}
}
