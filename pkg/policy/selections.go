// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/json"
	"fmt"
)

// MaxSelections is how many different selections the policies of a session may have together: a workload has a bit for each,
// and the last of its 64 is the session's own.
const MaxSelections = 63

// SessionSelection is the bit of what the session itself selects, beside its policies.
const SessionSelection = uint64(1) << MaxSelections

// Selection is pods, or containers of pods, that a policy or a matchWorkloads is about.
type Selection struct {
	Scope Scope
	// Namespace that the pods are in; empty for all, or with Namespaced for the caller's.
	Namespace string
	// Namespaced: of a policy that is for one namespace.
	Namespaced bool
}

// Selection is what the policy as a whole is about. The host is left out: what is not of pods has every selection.
func (p *Policy) Selection() Selection {
	s := Selection{Scope: p.Scope, Namespace: p.Namespace, Namespaced: p.Kind == TracingPolicyNamespaced}
	s.Scope.Host = false
	if s.Scope.Pods != nil && len(s.Scope.Pods.Requirements) == 0 {
		s.Scope.Pods = nil
	}
	return s
}

// HostOnly says whether it is about processes outside of pods and nothing else: for a pod it does not hold.
func (s Selection) HostOnly() bool {
	return s.Scope.Host && s.Scope.Pods == nil && s.Scope.Containers == nil
}

// everything says whether a selection leaves no pod out.
func (s Selection) everything() bool {
	return !s.Scope.Selects() && !s.Namespaced
}

// key tells selections apart. JSON, because what a selector's text looks like is up to who wrote the policy.
func (s Selection) key() string {
	text, err := json.Marshal(s)
	if err != nil { // of texts, lists and flags: it cannot fail
		panic(err)
	}
	return string(text)
}

// Selections are the different ones of some policies, each with the number of a bit that a workload has when the selection
// holds for it. Whoever reads the same policies in the same order finds the same numbers.
type Selections struct {
	all     []Selection
	numbers map[string]int
}

// NumberSelections finds the selections of policies. The error is a Problem of the first policy that has one too many.
func NumberSelections(policies []*Policy) (*Selections, error) {
	s := &Selections{numbers: map[string]int{}}
	for _, p := range policies {
		if own := p.Selection(); !own.everything() {
			s.add(own)
		}
		for i := range p.Hooks {
			for j := range p.Hooks[i].Selectors {
				for _, w := range p.Hooks[i].Selectors[j].Workloads {
					s.add(Selection{Scope: w})
				}
			}
		}
		if len(s.all) > MaxSelections {
			return nil, Problem{p.Position, fmt.Sprintf("with this policy there are %d different selections of workloads (podSelector, containerSelector, nodeSelector, namespace, "+
				"matchWorkloads), at most %d can be told apart in one session", len(s.all), MaxSelections)}
		}
	}
	return s, nil
}

func (s *Selections) add(one Selection) {
	key := one.key()
	if _, known := s.numbers[key]; !known {
		s.numbers[key] = len(s.all)
		s.all = append(s.all, one)
	}
}

// All are the selections, each at its number. The caller must not change them.
func (s *Selections) All() []Selection { return s.all }

// OfPolicy is the bit of what a policy selects, 0 if that is everything. The policy is one of those that were numbered.
func (s *Selections) OfPolicy(p *Policy) uint64 {
	if own := p.Selection(); !own.everything() {
		return s.bit(own)
	}
	return 0
}

// OfWorkload is the bit of a matchWorkloads.
func (s *Selections) OfWorkload(w Scope) uint64 { return s.bit(Selection{Scope: w}) }

func (s *Selections) bit(one Selection) uint64 { return 1 << s.numbers[one.key()] }
