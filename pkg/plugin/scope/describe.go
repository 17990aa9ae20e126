// SPDX-License-Identifier: Apache-2.0

package scope

import (
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// Workloads says what a matchWorkloads selects.
func Workloads(w policy.Scope) string {
	parts := selectors(w)
	if w.Host {
		parts = append(parts, "the host")
	}
	return strings.Join(parts, ", ")
}

// WorkloadsOf are the different ones of matchWorkloads in a policy.
func WorkloadsOf(p *policy.Policy) (all []string) {
	for i := range p.Hooks {
		for _, s := range p.Hooks[i].Selectors {
			for _, w := range s.Workloads {
				if text := Workloads(w); !slices.Contains(all, text) {
					all = append(all, text)
				}
			}
		}
	}
	return all
}

// selectors are those of a scope in words.
func selectors(of policy.Scope) (parts []string) {
	for _, s := range []struct {
		what     string
		selector *policy.LabelSelector
	}{{"pods", of.Pods}, {"containers", of.Containers}, {"nodes", of.Nodes}} {
		switch {
		case s.selector == nil:
		case s.selector.String() == "":
			parts = append(parts, "all "+s.what)
		default:
			parts = append(parts, s.what+" "+s.selector.String())
		}
	}
	return parts
}

// Describe says what a policy is about as a whole, beside what the command that runs it is given.
func Describe(p *policy.Policy) string {
	parts := selectors(p.Scope)
	if p.Scope.Host && p.Scope.Selects() {
		parts = append(parts, "the host")
	}
	if len(parts) == 0 && p.Kind != policy.TracingPolicyNamespaced {
		return "pods and host"
	}
	if len(parts) == 0 {
		parts = []string{"all pods"}
	}
	what := strings.Join(parts, ", ")
	switch {
	case p.Namespace != "":
		return what + " of namespace " + p.Namespace
	case p.Kind == policy.TracingPolicyNamespaced:
		return what + " of the command's namespace"
	}
	return what
}
