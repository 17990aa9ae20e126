// SPDX-License-Identifier: Apache-2.0

package events

import "github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"

// State is how well a rule can be answered.
type State string

// States of a rule.
const (
	// Armed: the rule can match by all of its parts.
	Armed State = "armed"
	// Degraded: a part of the rule can never hold, or holds for more than it says.
	Degraded State = "degraded"
	// Unsupported: the rule can never match.
	Unsupported State = "unsupported"
)

// PlannedRule is a rule with how well it can be answered, and what it needs.
type PlannedRule struct {
	*sigma.Rule
	State State
	// Reasons for a state other than Armed.
	Reasons []string
	// Approximate are the rule's fields that are not exact, and why.
	Approximate []Field
	Needs       Needs

	// audited are the origins of records that the rule is tried on, of a rule of the audit daemon.
	audited [origins]bool
}

// Plan is what rules are to a session. It never changes.
type Plan struct {
	Rules   []PlannedRule
	options Options
}

// NewPlan plans rules of the three categories, and those of auditd among them.
func NewPlan(rules []*sigma.Rule, o Options) *Plan {
	p := &Plan{options: o}
	for _, rule := range rules {
		if rule.Source.Auditd() {
			p.Rules = append(p.Rules, planAudit(rule))
		} else {
			p.Rules = append(p.Rules, plan(rule, &o))
		}
	}
	return p
}

// plan says how well a rule of a category can be answered.
func plan(rule *sigma.Rule, o *Options) PlannedRule {
	planned := PlannedRule{Rule: rule, State: Armed, Needs: needsOf(rule)}
	for _, name := range rule.FieldsRead() {
		at, known := fieldPlaces[name]
		switch {
		case name == sigma.KeywordsField:
			planned.lacks("", "keywords: events have no text of a log")
			continue
		case !known || !fieldTable[at].of(rule.Source.Category):
			planned.lacks(name, "events of "+rule.Source.Category+" do not have it")
			continue
		}
		switch field := fieldTable[at].described(o); {
		case field.Unavailable:
			planned.lacks(name, field.Note)
		case field.Note != "":
			planned.Approximate = append(planned.Approximate, field)
		}
	}
	if note := o.Opens.note(); note != "" && rule.Source.Category == sigma.FileEvent {
		planned.degrade(note)
	}
	if planned.State != Armed && !rule.Needs(without{rule.Source.Category, o}) {
		planned.State, planned.Needs = Unsupported, Needs{}
	}
	return planned
}

// lacks notes a field that no event has.
func (r *PlannedRule) lacks(field, reason string) {
	if field != "" {
		reason = field + ": " + reason
	}
	r.degrade(reason)
}

func (r *PlannedRule) degrade(reason string) {
	r.State = Degraded
	r.Reasons = append(r.Reasons, reason)
}

// without is a record that lacks the fields that no event of the category has; all others may be anything.
type without struct {
	category string
	options  *Options
}

// Values implements sigma.Record.
func (w without) Values(name string) sigma.Values {
	at, known := fieldPlaces[name]
	if !known || !fieldTable[at].of(w.category) || fieldTable[at].described(w.options).Unavailable {
		return sigma.Values{}
	}
	return unknown
}

// Needs are what the rules need together.
func (p *Plan) Needs() (all Needs) {
	for _, rule := range p.Rules {
		all.add(rule.Needs)
	}
	return all
}
