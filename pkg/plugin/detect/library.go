// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/library"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
	builtin "github.com/kubectl-trace-sec/kubectl-trace-sec/rules"
)

// libraryLanguage is the name of the language in detections.
const libraryLanguage = "library"

// libraryRules are the built-in rules, and those of files in their format.
type libraryRules struct {
	all []*library.Rule
	// session is made when it is known which rules are wanted.
	session *library.Session
	people  *people
}

// Builtin stands for the built-in rules where files are named; a file of that name is ./builtin.
const Builtin = "builtin"

// split takes the files apart by what is in them: those of Falco, and those in the format of the library.
func split(files []string) (falco, own []string, builtin bool, err error) {
	for _, file := range files {
		if file == Builtin {
			builtin = true
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, false, err
		}
		if library.Own(text) {
			own = append(own, file)
		} else {
			falco = append(falco, file)
		}
	}
	return falco, own, builtin, nil
}

func loadLibrary(_ context.Context, o Options, into *Rules) (language, error) {
	l := &libraryRules{people: newPeople()}
	if o.Library {
		all, err := library.ReadAll(builtin.Files)
		if err != nil {
			return nil, fmt.Errorf("a bug in this program: %w", err)
		}
		l.all = all
	}
	var tunings []library.Tuning
	for _, name := range o.own {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		file, problems := library.Read(name, text)
		into.wrong(problems)
		tunings = append(tunings, file.Tunings...)
		for _, rule := range file.Rules { // the last of one ID, or title, counts
			l.all = append(slices.DeleteFunc(l.all, func(other *library.Rule) bool { return other.ID == rule.ID || other.Title == rule.Title }), rule)
		}
	}
	if !o.Library && len(o.own) == 0 {
		return nil, nil //nolint:nilnil // there are none
	}
	var problems []library.Problem
	l.all, problems = library.Tune(l.all, tunings)
	into.wrong(problems)
	return l, nil
}

func (r *Rules) wrong(problems []library.Problem) {
	for _, p := range problems {
		r.Problems = append(r.Problems, p.Error())
	}
}

func (l *libraryRules) rules() (all []Rule) {
	for _, r := range l.all {
		rule := Rule{
			Language: libraryLanguage, Name: r.Title, ID: r.ID, Severity: r.Severity, State: Armed, Tags: slices.Concat(r.Techniques, r.Tags), File: r.File, Line: r.Line, Library: r,
		}
		if r.Tier == library.TierFunction {
			rule.State, rule.Reasons = Degraded, []string{"needs a kernel in which functions can be hooked (kprobe or fentry)"}
		}
		all = append(all, rule)
	}
	return all
}

func (l *libraryRules) policies(wanted func(key) bool) (policies []compose.Policy, notes []string) {
	chosen := slices.DeleteFunc(slices.Clone(l.all), func(r *library.Rule) bool { return !wanted(key{libraryLanguage, r.Title}) })
	l.session = library.NewSession(chosen)
	hooks, notes := library.Hooks(chosen)
	for _, group := range library.Groups() {
		policy := compose.Policy{Name: library.PolicyPrefix + string(group)}
		for i := range hooks {
			if hooks[i].Group == group {
				policy.Kprobes = append(policy.Kprobes, libraryHook(&hooks[i]))
			}
		}
		if len(policy.Kprobes) > 0 {
			policies = append(policies, policy)
		}
	}
	return policies, notes
}

func libraryHook(h *library.Hook) compose.Hook {
	hook := compose.Hook{Call: h.Function, Syscall: new(h.Syscall), Ignore: &compose.Ignore{CallNotFound: true}}
	if h.Returns != "" {
		hook.Return, hook.ReturnArg = true, &compose.Argument{Type: h.Returns, Label: h.ReturnLabel}
	}
	for _, a := range h.Arguments {
		hook.Args = append(hook.Args, compose.Argument{Index: a.Index, Type: a.Type, Label: a.Label})
	}
	for i, a := range h.Acting {
		hook.Data = append(hook.Data, compose.Argument{Index: i, Type: a.Type, Label: a.Label, Source: currentTask, Resolve: a.Resolve})
	}
	for _, s := range h.Selectors {
		var to compose.Selector
		for _, f := range s.Filters {
			index := h.Arguments[f.Place].Index
			filter := compose.Filter{Index: index, Operator: f.Operator, Values: f.Values}
			if shared := slices.ContainsFunc(h.Arguments[:f.Place], func(a library.Argument) bool { return a.Index == index }) ||
				slices.ContainsFunc(h.Arguments[f.Place+1:], func(a library.Argument) bool { return a.Index == index }); shared {
				filter.Place = new(f.Place)
			}
			to.MatchArgs = append(to.MatchArgs, filter)
		}
		for _, f := range s.Returned {
			to.MatchReturnArgs = append(to.MatchReturnArgs, compose.Filter{Operator: f.Operator, Values: f.Values})
		}
		hook.Selectors = append(hook.Selectors, to)
	}
	return hook
}

func (*libraryRules) capabilities() bool { return false }

func (l *libraryRules) evaluator() evaluator { return &libraryEvaluator{rules: l} }

// troubles are what kept rules from being evaluated as they mean, a line each.
func (l *libraryRules) troubles() (lines []string) {
	for _, t := range l.session.Troubles() {
		if t.Failed > 0 {
			lines = append(lines, fmt.Sprintf("%s could not be evaluated %s: %s", t.ID, wording.Counted(t.Failed, "time"), t.Reason))
		}
		if t.Forgotten > 0 {
			lines = append(lines, fmt.Sprintf("%s had no room to remember everything: %d things were forgotten", t.ID, t.Forgotten))
		}
		if t.Excepted > 0 {
			lines = append(lines, fmt.Sprintf("%s did not fire %s because of its exceptions", t.ID, wording.Counted(t.Excepted, "time")))
		}
	}
	return lines
}

type libraryEvaluator struct {
	rules   *libraryRules
	matches []library.Match
}

func (l *libraryEvaluator) detections(it *pipeline.Item, found []event.Detection) []event.Detection {
	subject := l.rules.people.subject(it)
	l.matches = l.rules.session.Evaluate(subject, l.matches[:0])
	for _, m := range l.matches {
		d := event.Detection{
			Language: libraryLanguage, Rule: m.Title, ID: m.ID, Severity: m.Severity, Output: m.Output, Techniques: m.Techniques,
			Tags: slices.Concat(m.Techniques, m.Tags), File: m.File,
		}
		asFalco(it.Event, &d)
		found = append(found, d)
	}
	return found
}
