// SPDX-License-Identifier: Apache-2.0

package scope

import (
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// Describe says what a policy is about, beside what the command that runs it is given.
func Describe(p *policy.Policy) string {
	var parts []string
	for _, s := range []struct {
		what     string
		selector *policy.LabelSelector
	}{{"pods", p.Scope.Pods}, {"containers", p.Scope.Containers}, {"nodes", p.Scope.Nodes}} {
		switch {
		case s.selector == nil:
		case s.selector.String() == "":
			parts = append(parts, "all "+s.what)
		default:
			parts = append(parts, s.what+" "+s.selector.String())
		}
	}
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
