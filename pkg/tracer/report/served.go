// SPDX-License-Identifier: Apache-2.0

//go:build linux

package report

import (
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/plan"
)

// served is a hook with what its records and its events have in common.
type served struct {
	hook   *policy.Hook
	policy *policy.Policy
	// name of the call that is served.
	name      string
	way       plan.Way
	places    []place
	arguments int
	data      int
	isSyscall bool
	// compat: all of the system calls are of the ABI for 32 bits.
	compat bool
	// together: a program sees several functions or system calls.
	together bool
	// returnDecides: filters on what is returned say whether a call is an event.
	returnDecides bool
	body          func(*call, *event.Event)
}

// place is what stands in one place of a record.
type place struct {
	role  plan.Role
	slot  int // in the event's list of its role
	value *hook.Value
	label string
	// atReturn: it is read when the function returns.
	atReturn bool
}

func newServed(h plan.Hook, w plan.Way) *served {
	s := &served{hook: h.Hook, policy: h.Policy, name: h.Name, way: w, body: bodies[h.Hook.Kind]}
	for _, d := range w.Definitions {
		s.together = s.together || d.Config.Flags&uint32(bpf.HookHookFlagsHOOK_HAS_COOKIE|bpf.HookHookFlagsHOOK_IS_SYSCALL) != 0
		s.isSyscall = s.isSyscall || d.Config.Flags&uint32(bpf.HookHookFlagsHOOK_IS_SYSCALL) != 0
		s.returnDecides = s.returnDecides || d.Config.Flags&uint32(bpf.HookHookFlagsHOOK_RETURN_DECIDES) != 0
		for _, a := range d.Attachments {
			s.compat = s.compat || len(a.Compat) > 0
		}
	}
	for i, p := range w.Places {
		s.places = append(s.places, s.place(i, p))
	}
	s.arguments, s.data = s.number(plan.Argument), s.number(plan.Data)
	return s
}

func (s *served) place(i int, p plan.Place) place {
	shown := place{role: p.Role, label: p.Label, slot: p.Index}
	if p.Role != plan.Hidden {
		shown.value = hook.LookupValue(p.Type)
	}
	if shown.value == nil || !shown.value.Shown() {
		shown.role = plan.Hidden
	}
	for _, d := range s.way.Definitions {
		if i < len(d.Arguments) && d.Arguments[i].Flags&uint8(bpf.HookArgumentFlagsARGUMENT_AT_RETURN) != 0 {
			shown.atReturn = true
		}
	}
	return shown
}

// number gives the places of a role their slots, in the policy's order, and returns how many there are.
func (s *served) number(role plan.Role) int {
	var of []*place
	for i := range s.places {
		if s.places[i].role == role {
			of = append(of, &s.places[i])
		}
	}
	slices.SortStableFunc(of, func(a, b *place) int { return a.slot - b.slot })
	for slot, p := range of {
		p.slot = slot
	}
	return len(of)
}

// selector is the policy's that matched; nil if there is none: a hook can have one that is not the policy's.
func (s *served) selector(number int32) *policy.Selector {
	if number < 0 || int(number) >= len(s.hook.Selectors) {
		return nil
	}
	return &s.hook.Selectors[number]
}

// function is the name of what was called, by its number in a record.
func (s *served) function(number uint32, compat bool, names *syscallNames) string {
	switch {
	case int64(number) < int64(len(s.way.Functions)):
		return s.way.Functions[number]
	case s.isSyscall && (compat || s.compat):
		return names.compat.of(number)
	case s.isSyscall:
		return names.native.of(number)
	}
	return s.name
}
