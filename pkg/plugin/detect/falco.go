// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"context"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/fields"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/output"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/rulefile"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// falcoLanguage is the name of the language in detections.
const falcoLanguage = "falco"

// falcoRules are the rules of Falco.
type falcoRules struct {
	engine *falco.Engine
	states []fields.Report
	// local: events are of this machine.
	local bool
	// mute are the rules for events of a type of which nobody knows what they ask for. What is not delivered counts as if it held, so
	// they would say something of each.
	mute map[muteKey]bool
	// suffix is what all outputs end with: container and pod, which are beside the event anyway.
	suffix *output.Template
}

// muteKey is a rule, by its number in the engine, for events of a type, by its number.
type muteKey struct{ rule, event int }

func loadFalco(_ context.Context, o Options, into *Rules) (language, error) {
	if len(o.falco) == 0 {
		return nil, nil //nolint:nilnil // there are none
	}
	container := logic.InContainer
	if o.Local {
		container = logic.AnyContainer
	}
	engine := falco.Load(rulefile.Read(o.falco...), falco.Options{Exact: o.Exact, Strict: o.Strict, Matching: falco.All, Container: container})
	for _, p := range engine.Problems {
		switch {
		case p.Code == rulefile.ErrFileRead:
			return nil, p
		case p.Code.IsError():
			into.Problems = append(into.Problems, p.Error())
		}
	}
	suffix, err := output.Parse("", true)
	if err != nil {
		return nil, err
	}
	r := &falcoRules{engine: engine, local: o.Local, mute: map[muteKey]bool{}, suffix: suffix}
	for _, rule := range engine.Rules {
		report := fields.StateOf(engine, rule)
		for _, arm := range report.Arms {
			if arm.State == fields.Unsupported {
				r.mute[muteKey{rule.Number, arm.Event.Number}] = true
			}
		}
		r.states = append(r.states, report)
	}
	return r, nil
}

// falcoStates are the states as they are shown.
var falcoStates = map[fields.State]State{
	fields.Armed: Armed, fields.ArmedNoisy: Armed, fields.Approximate: Degraded, fields.Unsupported: Unsupported, fields.HostOnly: HostOnly,
}

func (f *falcoRules) rules() (rules []Rule) {
	for i := range f.states {
		report := &f.states[i]
		rule := Rule{
			Language: falcoLanguage, Name: report.Rule.Name, Severity: falcoSeverity(report.Rule.Priority),
			State: falcoStates[report.State], Reasons: report.Reasons(), Tags: report.Rule.Tags, File: report.Rule.Place.File, Line: report.Rule.Place.Line,
		}
		for _, arm := range report.Arms {
			rule.Noise = append(rule.Noise, arm.Noise...)
		}
		if !report.Rule.Enabled {
			rule.State = Disabled
		}
		rules = append(rules, rule)
	}
	return rules
}

// falcoSeverities are what Falco's priorities are in the scale of all rules, from Emergency to Debug.
var falcoSeverities = [...]event.Severity{
	event.SeverityCritical, event.SeverityCritical, event.SeverityCritical, event.SeverityHigh, event.SeverityMedium, event.SeverityLow,
	event.SeverityInformational, event.SeverityInformational,
}

func falcoSeverity(p rulefile.Priority) event.Severity {
	if int(p) < 0 || int(p) >= len(falcoSeverities) {
		return event.SeverityMedium
	}
	return falcoSeverities[p]
}

func (f *falcoRules) capabilities() bool {
	return slices.ContainsFunc(f.engine.Rules, func(rule *falco.Rule) bool {
		return rule.Enabled && slices.ContainsFunc(rule.Whole.Atoms(), func(atom *logic.Atom) bool {
			return slices.ContainsFunc(atom.Slots(), func(slot *logic.Slot) bool { return strings.HasPrefix(slot.Reference.Name, "thread.cap_") })
		})
	})
}

func (*falcoRules) troubles() []string { return nil }

func (f *falcoRules) evaluator() evaluator {
	return &falcoEvaluator{rules: f, evaluator: f.engine.NewEvaluator()}
}

type falcoEvaluator struct {
	rules     *falcoRules
	evaluator *falco.Evaluator
	values    fields.Event
	matches   []falco.Match
}

func (f *falcoEvaluator) detections(it *pipeline.Item, found []event.Detection) []event.Detection {
	kind := f.values.Reset(it.Event)
	if kind == nil {
		return found
	}
	f.matches = f.evaluator.Evaluate(kind, &f.values, f.matches[:0])
	for i := range f.matches {
		if !f.rules.mute[muteKey{f.matches[i].Rule.Number, kind.Number}] {
			found = append(found, f.detection(it.Event, &f.matches[i]))
		}
	}
	return found
}

func (f *falcoEvaluator) detection(e *event.Event, m *falco.Match) event.Detection {
	alert := m.Alert(eventTime(e), e.NodeName, &f.values, nil)
	d := event.Detection{
		Language: falcoLanguage, Rule: alert.Rule, Severity: falcoSeverity(m.Rule.Priority), Priority: alert.Priority,
		Output: strings.TrimSuffix(alert.Text, f.rules.suffix.Render(&f.values, m.View)),
		Tags:   alert.Tags, Techniques: techniques(alert.Tags), File: m.Rule.Place.File, Degraded: m.Degraded, Text: alert.Line(output.Times{}),
	}
	if m.View != compare.Lexical {
		d.View = m.View.String()
	}
	d.Line, _ = alert.JSON(output.Times{ISO8601: true}) // values are texts, numbers and truths
	return d
}
