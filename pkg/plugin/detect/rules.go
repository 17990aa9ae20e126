// SPDX-License-Identifier: Apache-2.0

// Package detect evaluates rules over the events of a session: the built-in ones, those of Falco and of Sigma. What a rule says of an
// event stands beside it (event.Detection); what rules need of a session are policies that it composes.
package detect

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/library"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// Options say which rules are loaded.
type Options struct {
	// Library: the built-in rules.
	Library bool
	// Files are rule files, of Falco or in the format of the library, which their content says; Builtin is the built-in rules. Of rules and definitions of one name or
	// ID the last counts.
	Files []string
	// falco and own are Files by what is in them.
	falco, own []string
	// Exact compares Falco's paths only as the process wrote them, as Falco does.
	Exact bool
	// Local: events are of this machine, and not only of containers.
	Local bool
	// Sigma are rule files of Sigma, or directories of them. Level and Status are the lowest that are loaded; empty: low and test.
	Sigma         []string
	Level, Status string
	// Audited: Sigma's rules for the records of the audit daemon too.
	Audited bool
	// Only and Except name rules by name, id, tag, technique or severity; with a plus also the severities above.
	Only, Except []string
	// Strict: one mistake in any file, and nothing is loaded.
	Strict bool
}

// State is what can be expected of a rule.
type State string

// The states of rules, from the best.
const (
	Armed       State = "armed"
	Degraded    State = "degraded"
	Unsupported State = "unsupported"
	HostOnly    State = "host only"
	Disabled    State = "disabled"
)

// States are all of them, from the best.
func States() []State { return []State{Armed, Degraded, Unsupported, HostOnly, Disabled} }

// Rule is one that is loaded.
type Rule struct {
	Language, Name, ID string
	Severity           event.Severity
	State              State
	// Reasons for another state than Armed; Noise says what else may be told than the rule means.
	Reasons, Noise []string
	Tags           []string
	// File and Line that it is from.
	File string
	Line int
	// Library is the rule itself, of the built-in library or of its language; nil for those of others.
	Library *library.Rule
}

// Title is how the rule is called where there is one line for it: with its ID, if that is one to be typed.
func (r *Rule) Title() string {
	if r.Library != nil {
		return r.ID + " " + r.Name
	}
	return r.Name
}

// language is one in which rules are written.
type language interface {
	rules() []Rule
	// policies are what the rules need to be told of besides programs that run.
	// They are of the rules that are wanted, by the language and the name; notes say where more is told than these ask for.
	policies(wanted func(key) bool) (policies []compose.Policy, notes []string)
	// capabilities says whether rules ask for those of processes.
	capabilities() bool
	evaluator() evaluator
	// troubles are what kept rules from being evaluated as they mean, a line each.
	troubles() []string
}

// evaluator evaluates rules over one event after the other. It belongs to one goroutine.
type evaluator interface {
	// detections appends what rules say of an event.
	detections(it *pipeline.Item, found []event.Detection) []event.Detection
}

// Rules are all rules of a session. They do not change.
type Rules struct {
	languages []language
	// chosen are those that may say something; nil: all.
	chosen map[key]bool
	// All of them, in the order of their files.
	All      []Rule
	policies []compose.Policy
	// Problems are what is wrong in rule files, and what is not loaded of them and why, a line each.
	Problems []string
	// Notes say where more is told than rules ask for, a line each.
	Notes []string
}

// Load reads rule files. The error is about files that cannot be read, or with Options.Strict about anything that is wrong; other
// mistakes are in Rules.Problems.
func Load(ctx context.Context, o Options) (*Rules, error) {
	r := &Rules{}
	var err error
	var named bool
	if o.falco, o.own, named, err = split(o.Files); err != nil {
		return nil, err
	}
	o.Library = o.Library || named
	var errs []error
	for _, load := range []func(context.Context, Options, *Rules) (language, error){loadLibrary, loadFalco, loadSigma} {
		l, err := load(ctx, o, r)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if l != nil {
			r.languages = append(r.languages, l)
			r.All = append(r.All, l.rules()...)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if o.Strict && len(r.Problems) > 0 {
		return nil, errors.New(strings.Join(r.Problems, "\n"))
	}
	if err := r.choose(o.Only, o.Except); err != nil {
		return nil, err
	}
	for _, l := range r.languages {
		policies, notes := l.policies(func(k key) bool { return r.chosen == nil || r.chosen[k] })
		r.policies, r.Notes = append(r.policies, policies...), append(r.Notes, notes...)
	}
	return r, nil
}

// Policies are what the rules need to be told of besides programs that run.
func (r *Rules) Policies() []compose.Policy { return r.policies }

// Capabilities says whether rules ask for the capabilities of processes.
func (r *Rules) Capabilities() bool {
	return slices.ContainsFunc(r.languages, func(l language) bool { return l.capabilities() })
}

// Count of the rules in each state.
func (r *Rules) Count() map[State]int {
	counts := map[State]int{}
	for _, rule := range r.All {
		counts[rule.State]++
	}
	return counts
}

// Sorted are the rules by severity, the worst first, then by name.
func (r *Rules) Sorted() []Rule {
	severities := event.Severities()
	sorted := slices.Clone(r.All)
	slices.SortStableFunc(sorted, func(a, b Rule) int {
		return slices.Index(severities, b.Severity) - slices.Index(severities, a.Severity)
	})
	return sorted
}

// Troubles are what kept rules from being evaluated as they mean so far, a line each.
func (r *Rules) Troubles() (lines []string) {
	for _, l := range r.languages {
		lines = append(lines, l.troubles()...)
	}
	return lines
}
