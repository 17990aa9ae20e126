// SPDX-License-Identifier: Apache-2.0

// Package policyset is the policies of a session: read from files, or written by a command from its flags.
package policyset

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/scope"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Set is the policies of a session. The zero value is none.
type Set struct {
	// Policies and the texts that they were read from: the position of each has the name of its source.
	Policies []*policy.Policy
	Sources  []wire.PolicySource
}

// Composed is the set of policies that a command wrote from its flags; name is the command's.
func Composed(name string, policies []compose.Policy) (Set, error) {
	text, err := compose.YAML(policies...)
	if err != nil {
		return Set{}, err
	}
	file, err := policy.Parse("<"+name+">", strings.NewReader(string(text)))
	if err != nil {
		return Set{}, fmt.Errorf("a bug in this program: the policy of %s is wrong: %w\n%s", name, err, text)
	}
	return Set{file.Policies, []wire.PolicySource{{Name: "<" + name + ">", Text: string(text)}}}, nil
}

// Empty says whether there are none.
func (s Set) Empty() bool { return len(s.Sources) == 0 }

// Hooks of all policies.
func (s Set) Hooks() (all []*policy.Hook) {
	for _, p := range s.Policies {
		for i := range p.Hooks {
			all = append(all, &p.Hooks[i])
		}
	}
	return all
}

// About says which policies run, and what of them does not act because the session only observes.
func (s Set) About() string {
	names := make([]string, len(s.Policies))
	var idle []string
	for i, p := range s.Policies {
		names[i] = p.Name
		for _, action := range p.Enforcing() {
			if !slices.Contains(idle, action) {
				idle = append(idle, action)
			}
		}
	}
	text := "observing: policy " + strings.Join(names, ", ")
	if len(idle) > 0 {
		text += fmt.Sprintf(" (%s not carried out: events say where it would have been)", strings.Join(idle, ", "))
	}
	return text
}

// NotOnCluster says what of the policies has no meaning where all targets are pods.
func (s Set) NotOnCluster() (warnings []string) {
	for _, p := range s.Policies {
		if p.Scope.Host || selectsHost(p) {
			warnings = append(warnings, fmt.Sprintf("policy %s has a hostSelector: only pods are traced, processes outside of them are not", p.Name))
		}
	}
	return warnings
}

// selectsHost says whether a matchWorkloads selects processes outside of pods.
func selectsHost(p *policy.Policy) bool {
	return slices.ContainsFunc(p.Hooks, func(h policy.Hook) bool {
		return slices.ContainsFunc(h.Selectors, func(s policy.Selector) bool {
			return slices.ContainsFunc(s.Workloads, func(w policy.Scope) bool { return w.Host })
		})
	})
}

// NotLocal says what of the policies has no meaning on a machine without a cluster.
func (s Set) NotLocal() (warnings []string) {
	for _, p := range s.Policies {
		if p.Scope.Selects() || p.Kind == policy.TracingPolicyNamespaced {
			warnings = append(warnings, fmt.Sprintf("policy %s is about %s: --local knows no pods, so it applies to everything that is traced", p.Name, scope.Describe(p)))
		}
		if some := scope.WorkloadsOf(p); len(some) > 0 {
			warnings = append(warnings, fmt.Sprintf("policy %s has selectors for %s: --local knows no pods, so they apply to everything that is traced", p.Name, strings.Join(some, " / ")))
		}
	}
	return warnings
}

// Names of all policies, each once, in order.
func (s Set) Names() (names []string) {
	for _, p := range s.Policies {
		names = append(names, p.Name)
	}
	slices.SortFunc(names, cmp.Compare)
	return slices.Compact(names)
}

// And is the policies of both.
func (s Set) And(other Set) Set {
	return Set{slices.Concat(s.Policies, other.Policies), slices.Concat(s.Sources, other.Sources)}
}
