// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// processFilters compiles the filters of a selector that are about the current process: they are all cheap.
func (c *compiler) processFilters(s *policy.Selector) (all []bpf.HookHookFilter, err error) {
	var errs []error
	add := func(f bpf.HookHookFilter) {
		f.Flags |= cheap
		all = append(all, f)
	}
	for _, f := range s.PIDs {
		compiled, err := c.pidFilter(f)
		errs = append(errs, at0(f.Position, err))
		add(compiled)
	}
	for _, f := range c.workloadFilters(s) {
		add(f)
	}
	for _, f := range s.Namespaces {
		add(c.namespaceFilter(f))
	}
	if c.site.executed && len(s.NamespaceChanges)+len(s.CapabilityChanges) > 0 {
		errs = append(errs, fmt.Errorf("%s: matchNamespaceChanges, matchCapabilityChanges: %s is seen when the exec is over, with which they begin anew", s.Position, c.site.via))
	}
	for _, f := range s.NamespaceChanges {
		c.node.Marks.Needed = true
		var mask uint64
		for _, n := range f.Namespaces {
			mask |= 1 << namespacePlace(n)
		}
		if f.Negated { // a change of another one
			mask = ^mask
		}
		add(maskFilter(bpf.HookFilterSubjectSUBJECT_NAMESPACE_CHANGES, 0, false, mask))
	}
	for _, f := range s.Capabilities {
		add(maskFilter(bpf.HookFilterSubjectSUBJECT_CAPABILITIES, int(f.Set), f.Negated, f.Capabilities))
		if f.InNamespace {
			add(c.inUserNamespace())
		}
	}
	for _, f := range s.CapabilityChanges {
		c.node.Marks.Needed = true
		add(maskFilter(bpf.HookFilterSubjectSUBJECT_CAPABILITY_CHANGES, int(f.Set), f.Negated, f.Capabilities))
		if f.Negated { // a change of others, of which there has to be one
			add(maskFilter(bpf.HookFilterSubjectSUBJECT_CAPABILITY_CHANGES, int(f.Set), false, ^f.Capabilities))
		}
		if f.InNamespace {
			add(c.inUserNamespace())
		}
	}
	for _, f := range s.Binaries {
		mask, err := c.node.Marks.binaries(f, c.byName(s, f))
		errs = append(errs, at0(f.Position, err))
		add(maskFilter(c.marks(), 0, f.Negated, mask))
	}
	for _, f := range s.ParentBinaries {
		mask, err := c.node.Marks.parentBinaries(f, c.byName(s, f))
		errs = append(errs, at0(f.Position, err))
		add(maskFilter(bpf.HookFilterSubjectSUBJECT_PARENT_MARKS, 0, f.Negated, mask))
	}
	return all, errors.Join(errs...)
}

// byName says whether programs count by the names that they are given when they are executed, of links and of scripts: ends of paths do,
// where that can only have more told. Nothing that is done, or left out, depends on names that whoever is watched chooses.
func (c *compiler) byName(s *policy.Selector, f policy.BinaryFilter) bool {
	silent := slices.ContainsFunc(s.Actions, func(a policy.Action) bool { return a.Kind == policy.NoPost })
	return f.Match == policy.MatchPostfix && !f.Negated && !silent && !enforces(c.hook)
}

// marks are those of the program that makes the call.
func (c *compiler) marks() bpf.HookFilterSubject {
	if c.site.executed {
		return bpf.HookFilterSubjectSUBJECT_MARKS_BEFORE
	}
	return bpf.HookFilterSubjectSUBJECT_MARKS
}

func (c *compiler) inUserNamespace() bpf.HookHookFilter {
	return c.numberFilter(bpf.HookFilterSubjectSUBJECT_IN_USER_NAMESPACE, 0, false, false, []policy.Range{{Min: 1, Max: 1}})
}

func (c *compiler) pidFilter(f policy.PIDFilter) (bpf.HookHookFilter, error) {
	if f.FollowForks {
		mask, err := c.node.Marks.descendants(f)
		return maskFilter(c.marks(), 0, f.Negated, mask), err
	}
	subject := bpf.HookFilterSubjectSUBJECT_PID
	if f.InNamespace {
		subject = bpf.HookFilterSubjectSUBJECT_NAMESPACE_PID
	}
	return c.numberFilter(subject, 0, f.Negated, false, exactly(f.Values)), nil
}

// namespacePlace is a namespace's place in struct namespaces of bpf/records.h, which has the policy's order.
func namespacePlace(n policy.Namespace) int { return int(n) }

func (c *compiler) namespaceFilter(f policy.NamespaceFilter) bpf.HookHookFilter {
	inodes := f.Inodes
	if f.Host {
		inodes = append(slices.Clip(inodes), c.node.HostNamespaces[namespacePlace(f.Namespace)])
	}
	return c.numberFilter(bpf.HookFilterSubjectSUBJECT_NAMESPACE, namespacePlace(f.Namespace), f.Negated, false, exactly(inodes))
}
