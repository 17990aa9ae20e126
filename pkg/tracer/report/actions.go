// SPDX-License-Identifier: Apache-2.0

//go:build linux

package report

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
)

const posted = uint32(bpf.HookHookActionsACTION_POST)

// actionName is what events call an action: Tetragon's numbers begin with one that is none.
func actionName(kind policy.ActionKind) string { return event.ActionName(uint32(kind) + 1) }

// lastAction is the last of a list that was carried out; empty if nothing was. What the kernel has no part in counts as
// carried out: whoever reads the event does it.
func lastAction(list []policy.Action, done uint32) (name string) {
	if done&posted != 0 {
		name = event.ActionPost
	}
	for i := range list {
		kind := list[i].Kind
		if bit := uint32(hook.ActionBit(kind)); bit&done != 0 || bit == 0 && kind != policy.NoPost {
			name = actionName(kind)
		}
	}
	return name
}

func (c *call) action() string {
	if s := c.of.selector(c.selector); s != nil {
		return lastAction(s.Actions, c.done)
	}
	return lastAction(nil, c.done)
}

func (c *call) returnAction() string {
	if !c.of.hook.Return || c.stages&hook.StageReturn == 0 {
		return ""
	}
	if s := c.of.selector(c.selector); s != nil {
		return lastAction(s.ReturnActions, c.doneAtReturn)
	}
	return lastAction(nil, c.doneAtReturn)
}

// namesOfActions are those of a set of bits, in the order of their numbers.
func namesOfActions(set uint32) (names []string) {
	if set == 0 {
		return nil
	}
	for kind := policy.Post; kind <= policy.Set; kind++ {
		if set&uint32(hook.ActionBit(kind)) != 0 {
			names = append(names, actionName(kind))
		}
	}
	return names
}

// askedOutside adds what actions ask of who reads the event.
func askedOutside(list []policy.Action, to *event.Handling) {
	for i := range list {
		switch a := &list[i]; a.Kind {
		case policy.GetURL:
			to.URLs = append(to.URLs, a.URL)
		case policy.DNSLookup:
			to.Domains = append(to.Domains, a.Domain)
		}
	}
}
