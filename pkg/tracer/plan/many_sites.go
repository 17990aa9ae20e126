// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
)

const (
	// fewFunctions is how many functions of one hook get programs of their own: those cost least when they run, but each takes
	// its time to be loaded and attached. More share one.
	fewFunctions = 8
	// mostSingly is how many functions that match a pattern get programs of their own where none can share one.
	mostSingly = 64
	// mostFunctions of one hook: a pattern that matches more is a mistake.
	mostFunctions = 20000
)

// noMulti says why functions cannot share a program; nil if they can.
func (n *Node) noMulti(p *policy.Policy) error {
	if p.Options.DisableKprobeMulti {
		return errors.New("the policy's option disable-kprobe-multi forbids it")
	}
	return n.Unavailable(hook.KprobeMulti)
}

// singly are the calls of a hook with those of the functions that match its pattern; false if these are not to be had, or too
// many, or if the kernel has no way to see any function, of which manySites tells.
func (n *Node) singly(h *policy.Hook) (calls []policy.Call, all bool) {
	if n.Unavailable(hook.FEntry) != nil && n.Unavailable(hook.Kprobe) != nil {
		return h.Calls, false
	}
	names, err := n.matching(h.Pattern)
	if err != nil || len(names) > mostSingly {
		return h.Calls, false
	}
	calls = slices.Clone(h.Calls)
	for _, name := range names {
		calls = append(calls, policy.Call{Function: name})
	}
	return calls, true
}

// manySites are the places where many functions can be seen by one program.
func (n *Node) manySites(p *policy.Policy, h *policy.Hook, calls []policy.Call) ([]route, []Refusal) {
	refuse := func(err error) ([]route, []Refusal) { return nil, []Refusal{{string(hook.KprobeMulti), err}} }
	var names []string
	for _, c := range calls {
		names = append(names, c.Function)
	}
	if h.Pattern != nil {
		more, err := n.matching(h.Pattern)
		if err != nil {
			return refuse(err)
		}
		names = append(names, more...)
	}
	if err := n.noMulti(p); err != nil {
		if len(names) > mostSingly {
			err = fmt.Errorf("%d functions match, at most %d get programs of their own where none can share one: %w", len(names), mostSingly, err)
		}
		return refuse(err)
	}
	if len(names) > mostFunctions {
		return refuse(fmt.Errorf("%d functions, at most %d at once", len(names), mostFunctions))
	}
	spec, err := n.Kernel.Spec()
	if err != nil {
		return refuse(err)
	}
	s := &site{
		backend: string(hook.KprobeMulti), spec: spec, functions: names,
		entry: attached(hook.Entry, hook.KprobeMulti, names...), result: attached(hook.Return, hook.KretprobeMulti, names...),
		register: inContext,
	}
	for i := range names {
		s.entry.Cookies = append(s.entry.Cookies, uint64(i))
	}
	s.result.Cookies = s.entry.Cookies
	s.config.Flags |= uint32(bpf.HookHookFlagsHOOK_HAS_COOKIE)
	n.inFunctionRegisters(s, 0)
	return []route{{s}}, nil
}

// matching are the kernel functions that can be traced and match a pattern.
func (n *Node) matching(pattern *regexp.Regexp) (names []string, err error) {
	all, err := n.Functions()
	if err != nil {
		return nil, err
	}
	for _, name := range all {
		if pattern.MatchString(name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no function of this kernel that can be traced matches %s", pattern)
	}
	return names, nil
}
