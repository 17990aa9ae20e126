// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// ruleKeys are the keys of a rule that are read, beside logsource and detection; others mean nothing here.
var ruleKeys = map[string]func(*document, *yaml.Node){
	"title":          func(d *document, n *yaml.Node) { d.rule.Title = d.text(n, "title") },
	"id":             func(d *document, n *yaml.Node) { d.rule.ID = d.text(n, "id") },
	"author":         (*document).author,
	"description":    func(d *document, n *yaml.Node) { d.rule.Description = n.Value },
	"date":           func(d *document, n *yaml.Node) { d.rule.Date = n.Value },
	"modified":       func(d *document, n *yaml.Node) { d.rule.Modified = n.Value },
	"references":     func(d *document, n *yaml.Node) { d.rule.References = d.texts(n) },
	"tags":           func(d *document, n *yaml.Node) { d.rule.Tags = d.texts(n) },
	"falsepositives": func(d *document, n *yaml.Node) { d.rule.FalsePositives = d.texts(n) },
	"fields":         func(d *document, n *yaml.Node) { d.rule.Fields = d.texts(n) },
	"level":          (*document).level,
	"status":         (*document).status,
	"related":        (*document).related,
}

// firstKeys are read before others, for a refusal to have them.
var firstKeys = []string{"title", "id"}

// refusedKeys are keys that make a document something else than a rule, or a part of several.
var refusedKeys = []struct {
	key     string
	reason  Reason
	message string
}{
	{"correlation", ReasonCorrelation, "correlations need more than one event, and are not supported"},
	{"action", ReasonAction, "documents that are parts of one rule (action: global, repeat, reset) are not supported: write each rule out"},
	{"filter", ReasonFilter, "filter documents are not supported: write the filter into the rule's condition"},
}

// read makes a rule of a document; it is complete if there are no problems.
func (d *document) read(root *yaml.Node) *Rule {
	root, _ = d.visit(root)
	d.rule.Position = Position{d.file, root.Line, root.Column}
	if root.Kind != yaml.MappingNode {
		d.fail(root, ReasonNoRule, "a rule is a mapping, not %s", kindOf(root))
		return nil
	}
	all := d.entries(root)
	at := map[string]entry{}
	for _, e := range all {
		at[e.key.Value] = e
	}
	for _, key := range firstKeys {
		if e, there := at[key]; there {
			ruleKeys[key](d, e.value)
		}
	}
	for _, refused := range refusedKeys {
		if e, there := at[refused.key]; there {
			d.fail(e.key, refused.reason, "%s", refused.message)
			return nil
		}
	}
	detection, hasDetection := at["detection"]
	source, hasSource := at["logsource"]
	if !hasDetection && !hasSource {
		d.fail(root, ReasonNoRule, "neither logsource nor detection: not a Sigma rule")
		return nil
	}
	if hasSource && !d.logSource(source.value) {
		return nil // of the many rules for others no more is read
	}
	for _, e := range all {
		if read := ruleKeys[e.key.Value]; read != nil && !slices.Contains(firstKeys, e.key.Value) {
			read(d, e.value)
		}
	}
	if d.rule.Title == "" {
		d.fail(root, ReasonInvalid, "the rule has no title")
	}
	if !hasSource {
		d.fail(root, ReasonInvalid, "the rule has no logsource")
	}
	if !hasDetection {
		d.fail(root, ReasonInvalid, "the rule has no detection")
		return nil
	}
	d.detection(detection)
	return &d.rule
}

// author may be a list: all of them are named.
func (d *document) author(n *yaml.Node) {
	for _, item := range d.items(n) {
		name := d.text(item, "author")
		if d.rule.Author != "" {
			d.rule.Author += ", "
		}
		d.rule.Author += name
	}
}

func (d *document) level(n *yaml.Node) {
	d.rule.Level = Level(d.text(n, "level"))
	if d.rule.Level != "" && !d.rule.Level.Known() {
		d.fail(n, ReasonInvalid, "level %s: want one of %s", shown(n.Value), oneOf(levels))
	}
}

func (d *document) status(n *yaml.Node) {
	d.rule.Status = Status(d.text(n, "status"))
	if d.rule.Status != "" && !d.rule.Status.Known() {
		d.fail(n, ReasonInvalid, "status %s: want one of %s", shown(n.Value), oneOf(statuses))
	}
}

func (d *document) related(n *yaml.Node) {
	for _, item := range d.items(n) {
		if item.Kind != yaml.MappingNode {
			d.fail(item, ReasonInvalid, "an entry of related is a mapping with id and type, not %s", kindOf(item))
			continue
		}
		var r Related
		for _, e := range d.entries(item) {
			switch e.key.Value {
			case "id":
				r.ID = d.text(e.value, "id")
			case "type":
				r.Type = d.text(e.value, "type")
			}
		}
		d.rule.Related = append(d.rule.Related, r)
	}
}
