// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// asksForChanges says whether a policy has filters on what has changed of a process.
func asksForChanges(p *policy.Policy) bool {
	return slices.ContainsFunc(p.Hooks, func(h policy.Hook) bool {
		return slices.ContainsFunc(h.Selectors, func(s policy.Selector) bool { return len(s.NamespaceChanges)+len(s.CapabilityChanges) > 0 })
	})
}

// beginAnew has changes that were told be none any more. A process has one state to compare with: one policy must not have another's
// changes end, so where several ask for changes, these are since the exec.
func (c *compiler) beginAnew(s *policy.Selector) (actions bpf.HookHookActions) {
	if len(s.NamespaceChanges)+len(s.CapabilityChanges) == 0 {
		return 0
	}
	if c.node.Marks.severalChange {
		c.notes = append(c.notes, "changes are those since the exec, those that were told before included: several policies of the session ask for changes")
		return 0
	}
	if len(s.NamespaceChanges) > 0 {
		actions |= bpf.HookHookActionsACTION_TAKE_NAMESPACES
	}
	if len(s.CapabilityChanges) > 0 {
		actions |= bpf.HookHookActionsACTION_TAKE_CAPABILITIES
	}
	return actions
}
