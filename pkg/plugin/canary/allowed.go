// SPDX-License-Identifier: Apache-2.0

// Package canary does what the actions GetUrl and DnsLookup of policies ask for: where the plugin runs, when an event says that
// they were due, and only for the URLs and names in the policies that the user gave. What a node says can make a call happen,
// and so can be heard by who owns the URL; it can't choose one.
package canary

import (
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// Allowed are the canaries of policies.
type Allowed struct {
	urls, domains []string
	// Policies are the names of those that have any.
	Policies []string
}

// Of collects them.
func Of(policies []*policy.Policy) (a Allowed) {
	for _, p := range policies {
		has := false
		for i := range p.Hooks {
			for j := range p.Hooks[i].Selectors {
				s := &p.Hooks[i].Selectors[j]
				has = a.add(s.Actions) || has
				has = a.add(s.ReturnActions) || has
			}
		}
		if has {
			a.Policies = append(a.Policies, p.Name)
		}
	}
	return a
}

func (a *Allowed) add(actions []policy.Action) (any bool) {
	for i := range actions {
		switch action := &actions[i]; action.Kind {
		case policy.GetURL:
			a.urls = append(a.urls, action.URL)
		case policy.DNSLookup:
			a.domains = append(a.domains, action.Domain)
		default:
			continue
		}
		any = true
	}
	return any
}

func (a *Allowed) url(text string) bool    { return slices.Contains(a.urls, text) }
func (a *Allowed) domain(text string) bool { return slices.Contains(a.domains, text) }
