// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/scope"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// Served is how a tracer would serve a hook.
type Served struct {
	// Policy counts policies from 0, Hook those of the policy; Hook is -1 for an enforcer.
	Policy, Hook int
	// Ways in the order in which they are tried; Refused says why one cannot be gone. The first that is not refused would be
	// taken.
	Ways []event.Hook
}

// Taken is the way that would be taken; nil if all are refused.
func (s *Served) Taken() *event.Hook {
	for i := range s.Ways {
		if s.Ways[i].Refused == "" {
			return &s.Ways[i]
		}
	}
	return nil
}

// Policy is what is said of one policy; as JSON and YAML too.
type Policy struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	// About says which pods and nodes.
	About string `json:"about"`
	Hooks []Hook `json:"hooks"`
}

// Hook is what is said of one of its hooks.
type Hook struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Taken is the way that would be taken, null if none.
	Taken *event.Hook `json:"taken"`
	// Ways in the order in which they are tried, those that are refused with the reason.
	Ways []event.Hook `json:"ways"`
	// Enforces says whether an action changes what processes do.
	Enforces bool `json:"enforces,omitempty"`
	// Effect is what comes of such actions, in words; empty if they are not armed or the hook is not served.
	Effect string `json:"effect,omitempty"`
	// Selectors in words. All that they compare is evaluated in the kernel.
	Selectors []string `json:"selectors,omitempty"`
}

// Policies puts together what is said of policies and how they would be served; armed: by a session that enforces.
func Policies(policies []*policy.Policy, served []Served, armed bool) []Policy {
	all := make([]Policy, len(policies))
	for i, p := range policies {
		all[i] = Policy{Kind: string(p.Kind), Name: p.Name, About: scope.Describe(p)}
	}
	enforcers := make([]bool, len(policies))
	for i, p := range policies {
		enforcers[i] = len(p.Enforcers) > 0 && !slices.ContainsFunc(served, func(s Served) bool { return s.Policy == i && s.Hook < 0 && s.Taken() == nil })
	}
	for i := range served {
		s := &served[i]
		h := Hook{Kind: "enforcer", Taken: s.Taken(), Ways: s.Ways}
		if len(s.Ways) > 0 {
			h.Name = s.Ways[0].Name
		}
		if s.Hook >= 0 {
			hook := &policies[s.Policy].Hooks[s.Hook]
			h.Kind, h.Selectors, h.Enforces = hook.Kind.String(), Selectors(hook, armed), enforces(hook)
			if armed && h.Enforces && h.Taken != nil {
				h.Effect = effect(hook, h.Taken.Prevents, enforcers[s.Policy])
			}
			if h.Name == "" {
				h.Name = hook.Name()
			}
		}
		all[s.Policy].Hooks = append(all[s.Policy].Hooks, h)
	}
	return all
}
