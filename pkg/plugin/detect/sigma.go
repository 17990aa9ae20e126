// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma/events"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
)

// sigmaLanguage is the name of the language in detections.
const sigmaLanguage = "sigma"

// sigmaRules are the rules of Sigma.
type sigmaRules struct{ plan *events.Plan }

func loadSigma(ctx context.Context, o Options, into *Rules) (language, error) {
	if len(o.Sigma) == 0 {
		return nil, nil //nolint:nilnil // there are none
	}
	loaded, err := sigma.Load(ctx, o.Sigma, sigma.Options{Level: sigma.Level(o.Level), Status: sigma.Status(o.Status), Auditd: o.Audited})
	if err != nil {
		return nil, fmt.Errorf("rules of Sigma: %w", err)
	}
	into.Problems = append(into.Problems, refusals(loaded)...)
	return &sigmaRules{events.NewPlan(loaded.Rules, events.Options{Opens: events.OpensByFlags})}, nil
}

// mostRefusals of one reason are told one by one; of more the number is.
const mostRefusals = 5

// refusals are what is not loaded, and why.
func refusals(loaded *sigma.Loaded) (lines []string) {
	counts := loaded.Reasons()
	for _, reason := range sigma.ReasonsInOrder(counts) {
		if counts[reason] > mostRefusals {
			lines = append(lines, fmt.Sprintf("%s not loaded: %s", wording.Counted(uint64(counts[reason]), "Sigma rule"), reason))
			continue
		}
		for _, r := range loaded.Refusals {
			if r.Reason() == reason {
				lines = append(lines, r.Error())
			}
		}
	}
	return lines
}

func (s *sigmaRules) rules() (rules []Rule) {
	for i := range s.plan.Rules {
		planned := &s.plan.Rules[i]
		rule := Rule{
			Language: sigmaLanguage, Name: planned.Title, ID: planned.ID, Severity: sigmaSeverity(planned.Level),
			State: State(planned.State), Reasons: planned.Reasons, Tags: planned.Tags, File: planned.File, Line: planned.Line,
		}
		for _, field := range planned.Approximate {
			rule.Noise = append(rule.Noise, field.Name+": "+field.Note)
		}
		rules = append(rules, rule)
	}
	return rules
}

// sigmaSeverity is a level, whose words are the severities'; a rule without one is of medium severity.
func sigmaSeverity(level sigma.Level) event.Severity {
	if level == "" {
		return event.SeverityMedium
	}
	return event.Severity(level)
}

// policies hook what the rules need: one policy for files, one for connections.
func (s *sigmaRules) policies(func(key) bool) (policies []compose.Policy, notes []string) {
	needs := s.plan.Needs()
	var files, network []events.Operation
	for _, n := range needs.Files {
		files = append(files, n.Operations...)
	}
	for _, n := range needs.Network {
		network = append(network, n.Operations...)
	}
	for _, group := range []struct {
		name       string
		operations []events.Operation
	}{{"sigma-files", files}, {"sigma-network", network}} {
		policy := compose.Policy{Name: group.name, AllPods: true}
		slices.Sort(group.operations)
		for _, operation := range slices.Compact(group.operations) {
			for _, hook := range events.Hooks(operation) {
				policy.Kprobes = append(policy.Kprobes, sigmaHook(hook))
			}
		}
		if len(policy.Kprobes) > 0 {
			policies = append(policies, policy)
		}
	}
	return policies, nil
}

func sigmaHook(h events.Hook) compose.Hook {
	hook := compose.Hook{Call: h.Function, Syscall: new(false), Ignore: &compose.Ignore{CallNotFound: true}}
	for _, a := range h.Arguments {
		hook.Args = append(hook.Args, compose.Argument{Index: a.Index, Type: a.Type, Label: a.Label, Resolve: a.Resolve, BTFType: a.BTFType})
	}
	if h.Return != "" {
		hook.Return, hook.ReturnArg = true, &compose.Argument{Type: h.Return}
	}
	return hook
}

func (*sigmaRules) capabilities() bool { return false }

func (*sigmaRules) troubles() []string { return nil }

func (s *sigmaRules) evaluator() evaluator { return &sigmaEvaluator{s.plan.Detector()} }

type sigmaEvaluator struct{ detector *events.Detector }

func (s *sigmaEvaluator) detections(it *pipeline.Item, found []event.Detection) []event.Detection {
	for _, m := range s.detector.Detect(it.Event) {
		alert := m.Alert()
		d := event.Detection{
			Language: sigmaLanguage, Rule: alert.Title, ID: alert.ID, Severity: sigmaSeverity(alert.Level), Priority: string(alert.Level),
			Tags: alert.Tags, Techniques: techniques(alert.Tags), Author: alert.Author, File: alert.File,
		}
		if alert.Truncated {
			d.Degraded = append(d.Degraded, "a value was cut")
		}
		if alert.Claimed {
			d.Degraded = append(d.Degraded, "by a name that the process chose itself")
		}
		if m.AlreadyRunning {
			d.Degraded = append(d.Degraded, "it was already running")
		}
		asFalco(it.Event, &d)
		found = append(found, d)
	}
	return found
}

// techniques are those of MITRE ATT&CK among tags: attack.t1059.004 of Sigma, T1059.004 of Falco.
func techniques(tags []string) (found []string) {
	for _, tag := range tags {
		name := strings.ToUpper(strings.TrimPrefix(strings.ToLower(tag), "attack."))
		if len(name) >= len("T1059") && name[0] == 'T' && strings.Trim(name[1:], "0123456789.") == "" {
			found = append(found, name)
		}
	}
	return found
}
