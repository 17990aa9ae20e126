// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
)

// Policy plans every hook of a policy. Hooks without a way are in the plan too, with the reasons.
func (n *Node) Policy(p *policy.Policy) (hooks []Hook) {
	for i := range p.Hooks {
		h := &p.Hooks[i]
		for _, calls := range n.shared(p, h) {
			planned := Hook{Policy: p, Hook: h, Name: nameOf(h, calls)}
			n.plan(&planned, calls)
			hooks = append(hooks, planned)
		}
	}
	return hooks
}

// shared splits the calls of a hook into those that share programs.
func (n *Node) shared(p *policy.Policy, h *policy.Hook) (groups [][]policy.Call) {
	var syscalls, functions int
	calls, all := h.Calls, h.Pattern == nil
	if !all && n.noMulti(p) != nil {
		calls, all = n.singly(h)
	}
	for _, c := range calls {
		if c.Syscall != "" {
			syscalls++
		} else {
			functions++
		}
	}
	share := functions > fewFunctions && n.noMulti(p) == nil
	byABI := map[string][]policy.Call{}
	var many []policy.Call
	for _, c := range calls {
		switch {
		case c.Syscall != "" && syscalls > fewSyscalls:
			byABI[string(c.ABI)] = append(byABI[string(c.ABI)], c)
		case c.Syscall == "" && share:
			many = append(many, c)
		default:
			groups = append(groups, []policy.Call{c})
		}
	}
	if len(many) > 0 || !all {
		groups = append(groups, many)
	}
	for _, abi := range slices.Sorted(maps.Keys(byABI)) {
		groups = append(groups, byABI[abi])
	}
	if len(groups) == 0 { // a hook that is no call
		groups = append(groups, nil)
	}
	return groups
}

// nameOf a hook, or of one of its calls.
func nameOf(h *policy.Hook, calls []policy.Call) string {
	if len(calls) == 1 {
		return calls[0].String()
	}
	return h.Name()
}

// plan finds the ways of one hook.
func (n *Node) plan(p *Hook, calls []policy.Call) {
	var routes []route
	switch h := p.Hook; h.Kind {
	case policy.Kprobe, policy.Fentry:
		switch {
		case len(calls) == 0 || len(calls) > 1 && calls[0].Syscall == "":
			routes, p.Refused = n.manySites(p.Policy, h, calls)
		case calls[0].Syscall != "":
			routes, p.Refused = n.syscallSites(p.Policy, h, calls)
		default:
			routes, p.Refused = n.functionSites(p.Policy, h, calls[0].Function)
		}
	case policy.LSM:
		routes, p.Refused = n.lsmSites(p.Policy, h, calls[0].Function)
	case policy.Tracepoint:
		routes, p.Refused = n.tracepointSites(h)
	case policy.RawTracepoint:
		routes, p.Refused = n.rawTracepointSites(h.Event)
	case policy.Uprobe, policy.USDT:
		routes, p.Refused = n.programSites(p.Policy, h)
	case policy.Loader:
		routes, p.Refused = n.loaderSites(p.Policy)
	}
	for _, r := range routes {
		way, err := n.way(p, r)
		if err != nil {
			p.Refused = append(p.Refused, Refusal{r[0].backend, err})
			continue
		}
		p.Ways = append(p.Ways, way)
	}
}

// way compiles a hook for a route.
func (n *Node) way(p *Hook, r route) (Way, error) {
	first := r[0]
	w := Way{Via: first.via, Prevents: first.denies, Functions: first.functions, Tier: hook.TierTracepoint}
	mechanisms := []string{}
	implied := implied{reasons: map[int][]string{}, dead: map[int]int{}}
	var pointless []*hook.Definition
	for _, s := range r {
		h := p.Hook
		if s.hook != nil {
			h = s.hook
		}
		d, places, notes, err := compile(n, p.Policy, h, p.Name, s)
		if err != nil {
			return w, err
		}
		for _, a := range d.Attachments {
			if err := n.Unavailable(a.Mechanism); err != nil {
				return w, err
			}
			if !slices.Contains(mechanisms, string(a.Mechanism)) {
				mechanisms = append(mechanisms, string(a.Mechanism))
			}
			w.Tier = a.Mechanism.Tier()
		}
		if s.implies && implied.add(d, places) {
			pointless = append(pointless, d)
		}
		w.Definitions, w.Places = append(w.Definitions, d), places
		w.Prevents = w.Prevents || len(d.Registers) > 0
		for _, note := range notes {
			if !slices.Contains(w.Notes, note) {
				w.Notes = append(w.Notes, note)
			}
		}
	}
	w.Backend = strings.Join(mechanisms, " and ")
	unmatched, none := implied.sentences(len(p.Hook.Selectors))
	if none {
		return w, errors.New(strings.Join(unmatched, "; "))
	}
	w.Notes = append(w.Notes, unmatched...)
	w.Definitions = n.merged(slices.DeleteFunc(w.Definitions, func(d *hook.Definition) bool { return slices.Contains(pointless, d) }))
	if n.arms(p.Policy) && !w.Prevents {
		w.Notes = append(w.Notes, weakness(p.Hook)...)
	}
	return w, nil
}

// weakness says what enforcing does at a place that cannot deny.
func weakness(h *policy.Hook) (notes []string) {
	if overrides(h) {
		notes = append(notes, "Override is not carried out: nothing on this kernel can make this call fail")
	}
	if signals(h) {
		notes = append(notes, "signals are sent from here; what the call does may still happen before the process dies")
	}
	return notes
}

// Missing says whether the kernel lacks what the hook asks for, rather than a way to serve it.
func (h *Hook) Missing() bool {
	return slices.ContainsFunc(h.Refused, func(r Refusal) bool { return errors.Is(r.Reason, btf.ErrNotFound) })
}

// Why says in a line why the hook is not served: that the kernel lacks what it asks for if that is so, else all reasons.
func (h *Hook) Why() string {
	for _, r := range h.Refused {
		if errors.Is(r.Reason, btf.ErrNotFound) {
			return r.Reason.Error()
		}
	}
	return h.Reasons()
}

// Reasons says in a line why each way of serving the hook is refused.
func (h *Hook) Reasons() string {
	var all []string
	for _, r := range h.Refused {
		all = append(all, r.Backend+": "+r.Reason.Error())
	}
	return strings.Join(all, "; ")
}
