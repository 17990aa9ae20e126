// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"fmt"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// followed are the selectors of a policy that follow descriptors, each with its action.
type followed struct {
	selector *policy.Selector
	action   policy.Action
}

func followedBy(p *policy.Policy) (all []followed) {
	for i := range p.Hooks {
		for j := range p.Hooks[i].Selectors {
			s := &p.Hooks[i].Selectors[j]
			for _, a := range s.Actions {
				if a.Kind == policy.FollowFD {
					all = append(all, followed{s, a})
				}
			}
		}
	}
	return all
}

// follow compiles what the older dialect means where FollowFD stands in a policy: its other hooks on descriptors see those
// alone that were followed. No note is kept of them: the file behind a descriptor and the process that has it are asked what
// the selector with FollowFD asks, which holds for copies, and for what was opened before, as well.
func (c *compiler) follow(p *policy.Policy) error {
	all := followedBy(p)
	if len(all) == 0 || slices.ContainsFunc(c.hook.Selectors, func(s policy.Selector) bool { return has(s, policy.FollowFD) }) {
		return nil
	}
	place, err := c.followedPlace()
	if err != nil || place < 0 {
		return err
	}
	if len(all) > 1 {
		return fmt.Errorf("%s: FollowFD stands in %d selectors of the policy: write a policy for each", c.hook.Position, len(all))
	}
	own, err := c.processFilters(all[0].selector)
	if err != nil {
		return err
	}
	for _, f := range all[0].selector.Args {
		if len(f.Args) != 1 || f.Args[0] != all[0].action.Name {
			continue
		}
		f.Args = []int{place}
		compiled, err := c.argumentFilter(f, Argument)
		if err != nil {
			return at0(f.Position, err)
		}
		own = append(own, compiled)
	}
	c.prepend(own)
	return nil
}

func has(s policy.Selector, kind policy.ActionKind) bool {
	return slices.ContainsFunc(s.Actions, func(a policy.Action) bool { return a.Kind == kind })
}

// followedPlace is where the hook has a descriptor that may be followed; -1 if it has none. Where UnfollowFD and CopyFD take a
// number, its file is read too.
func (c *compiler) followedPlace() (int, error) {
	for i := range c.hook.Args {
		if c.hook.Args[i].Type.Name == "fd" {
			return i, nil
		}
	}
	for _, s := range c.hook.Selectors {
		for _, a := range s.Actions {
			if a.Kind != policy.UnfollowFD && a.Kind != policy.CopyFD {
				continue
			}
			descriptor := c.hook.Args[a.FD]
			descriptor.Type = policy.LookupArgumentType("fd")
			value, err := c.value(&descriptor)
			if err != nil {
				return -1, fmt.Errorf("%s: %w", a.Position, err)
			}
			value.layout.Flags |= uint8(bpf.HookArgumentFlagsARGUMENT_UNSENT)
			return c.add(value.layout, Place{Role: Hidden, Type: value.typ}), nil
		}
	}
	return -1, nil
}
