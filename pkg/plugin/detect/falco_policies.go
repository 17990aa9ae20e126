// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"runtime"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/hooks"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
)

// architectures of the nodes: of this machine, or all that there are tracers for.
func architectures(local bool) []string {
	if local {
		return []string{runtime.GOARCH}
	}
	return []string{"amd64", "arm64"}
}

// policies hook what the rules need: a policy for each group of hooks.
func (f *falcoRules) policies(wanted func(key) bool) (policies []compose.Policy, notes []string) {
	planned := hooks.Plan(f.engine, hooks.Options{
		Architectures: architectures(f.local), Wanted: func(r *falco.Rule) bool { return wanted(key{falcoLanguage, r.Name}) },
	})
	for _, group := range []hooks.Group{hooks.Files, hooks.Network, hooks.Calls} {
		policy := compose.Policy{Name: "falco-" + string(group)}
		for i := range planned {
			if planned[i].Group == group {
				policy.Kprobes = append(policy.Kprobes, falcoHook(&planned[i]))
				notes = append(notes, planned[i].Notes...)
			}
		}
		if len(policy.Kprobes) > 0 {
			policies = append(policies, policy)
		}
	}
	return policies, notes
}

// source of what is told of the thread that makes a call.
const currentTask = "current_task"

func falcoHook(h *hooks.Hook) compose.Hook {
	hook := compose.Hook{
		Call: "sys_" + h.Event, Syscall: new(true), Return: true, ReturnArg: &compose.Argument{Type: h.Returns, Label: h.ReturnLabel},
		Ignore: &compose.Ignore{CallNotFound: true},
	}
	for _, a := range h.Arguments {
		argument := compose.Argument{Index: a.Index, Type: a.Type, Label: a.Label}
		if a.SizeFrom > 0 {
			argument.SizeArgIndex, argument.ReturnCopy = a.SizeFrom+1, true
		}
		hook.Args = append(hook.Args, argument)
	}
	for i, a := range h.Acting {
		hook.Data = append(hook.Data, compose.Argument{Index: i, Type: a.Type, Label: a.Label, Source: currentTask, Resolve: a.Resolve})
	}
	for i := range h.Selectors {
		hook.Selectors = append(hook.Selectors, falcoSelector(&h.Selectors[i], h))
	}
	return hook
}

func falcoSelector(s *hooks.Selector, h *hooks.Hook) (to compose.Selector) {
	for _, f := range s.Filters {
		filter := compose.Filter{Index: h.Arguments[f.Place].Index, Operator: f.Operator, Values: f.Values}
		for place, a := range h.Arguments {
			if place != f.Place && a.Index == filter.Index { // arguments with one index are told apart by their places
				filter.Place = new(f.Place)
			}
		}
		to.MatchArgs = append(to.MatchArgs, filter)
	}
	for _, f := range s.Returned {
		to.MatchReturnArgs = append(to.MatchReturnArgs, compose.Filter{Operator: f.Operator, Values: f.Values})
	}
	for _, c := range s.Capabilities {
		operator := "In"
		if c.Denied {
			operator = "NotIn"
		}
		to.MatchCapabilities = append(to.MatchCapabilities, compose.Capabilities{Type: c.Set, Operator: operator, Values: c.Values})
	}
	return to
}
