// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"math"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy/syscalls"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
)

// merged has one program do what several would that differ in nothing but where the arguments of their system calls stand: verifying
// is most of the time that it takes to begin. Only what is called all the time keeps its own, which need not look for where they stand.
func (n *Node) merged(all []*hook.Definition) (fewer []*hook.Definition) {
	var groups [][]*hook.Definition
	for _, d := range all {
		i := slices.IndexFunc(groups, func(g []*hook.Definition) bool {
			return len(g) < hook.MaxLayouts && n.mergeable(g[0]) && n.mergeable(d) && !slices.ContainsFunc(g, func(o *hook.Definition) bool { return !doSame(o, d) })
		})
		if i < 0 {
			groups = append(groups, []*hook.Definition{d})
			continue
		}
		groups[i] = append(groups[i], d)
	}
	for _, g := range groups {
		fewer = append(fewer, n.merge(g))
	}
	return fewer
}

// mergeable says whether a definition may share its program: it sees system calls where all pass, and none that is called all the time.
func (n *Node) mergeable(d *hook.Definition) bool {
	const keeps = uint32(bpf.HookHookFlagsHOOK_TRACKS_SOCKETS | bpf.HookHookFlagsHOOK_IS_SYSCALL)
	if len(d.Attachments) != 1 || len(d.Layouts) > 0 || d.Config.Flags&keeps != 0 {
		return false
	}
	a := d.Attachments[0]
	if a.Mechanism != hook.SyscallEnter && a.Mechanism != hook.SyscallExit {
		return false
	}
	return !n.sees(a, frequent)
}

// sees says whether an attachment is to one of some native system calls, by their names.
func (n *Node) sees(a hook.Attachment, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		number, err := n.syscall(syscalls.Native, name)
		return err == nil && slices.Contains(a.Syscalls, uint32(number))
	})
}

// doSame says whether two definitions differ in nothing but their system calls and where the arguments of these stand.
func doSame(a, b *hook.Definition) bool {
	one, other := a.Attachments[0], b.Attachments[0]
	return one.Stage == other.Stage && one.Mechanism == other.Mechanism && apart(one.Syscalls, other.Syscalls) && apart(one.Compat, other.Compat) &&
		a.Config == b.Config && a.RateLimited == b.RateLimited && len(a.Registers)+len(b.Registers) == 0 &&
		slices.Equal(a.Selectors, b.Selectors) && slices.Equal(a.Filters, b.Filters) && slices.Equal(a.Operands, b.Operands) &&
		slices.EqualFunc(a.Arguments, b.Arguments, func(x, y bpf.HookHookArgument) bool {
			return x == y || movable(x) && movable(y) && moved(x) == moved(y)
		})
}

// apart says whether two lists have nothing in common.
func apart(a, b []uint32) bool {
	return !slices.ContainsFunc(a, func(n uint32) bool { return slices.Contains(b, n) })
}

// movable says whether a layout can say where a word stands.
func movable(a bpf.HookHookArgument) bool {
	switch bpf.HookValueSource(a.Source) {
	case bpf.HookValueSourceFROM_REGISTERS:
		return a.Base == 0 && (a.Steps == 0 || a.Scale == 0)
	case bpf.HookValueSourceFROM_CONSTANT:
		return a.Steps == 0 && int64(a.Constant) >= math.MinInt32 && int64(a.Constant) <= math.MaxInt32
	}
	return false
}

// moved is an argument without where its word stands.
func moved(a bpf.HookHookArgument) bpf.HookHookArgument {
	if a.Source == uint8(bpf.HookValueSourceFROM_CONSTANT) {
		a.Constant = 0
	}
	a.Source, a.Offset, a.Scale = uint8(bpf.HookValueSourceFROM_LAYOUT), 0, 0
	return a
}

// layoutWord is where the word of an argument stands.
func layoutWord(a bpf.HookHookArgument) bpf.HookLayoutWord {
	switch {
	case a.Source == uint8(bpf.HookValueSourceFROM_CONSTANT):
		return bpf.HookLayoutWord{Constant: int32(a.Constant)}
	case a.Scale == 1:
		return bpf.HookLayoutWord{Offset: a.Offset, Mask: math.MaxUint32}
	}
	return bpf.HookLayoutWord{Offset: a.Offset, Mask: math.MaxUint64}
}

// merge makes one definition of a group.
func (n *Node) merge(group []*hook.Definition) *hook.Definition {
	if len(group) == 1 {
		return group[0]
	}
	all := *group[0]
	all.Arguments, all.Attachments = slices.Clone(all.Arguments), slices.Clone(all.Attachments)
	at := &all.Attachments[0]
	at.Syscalls, at.Compat = nil, nil
	for place, first := range all.Arguments {
		if slices.ContainsFunc(group, func(d *hook.Definition) bool { return d.Arguments[place] != first }) {
			all.Arguments[place] = moved(first)
			all.Arguments[place].Offset = uint32(place)
		}
	}
	for _, d := range group {
		layout := hook.CallLayout{Syscalls: d.Attachments[0].Syscalls, Compat: d.Attachments[0].Compat}
		for place, a := range all.Arguments {
			word := bpf.HookLayoutWord{}
			if a.Source == uint8(bpf.HookValueSourceFROM_LAYOUT) {
				word = layoutWord(d.Arguments[place])
			}
			layout.Words = append(layout.Words, word)
		}
		all.Layouts = append(all.Layouts, layout)
		at.Syscalls, at.Compat = append(at.Syscalls, layout.Syscalls...), append(at.Compat, layout.Compat...)
	}
	all.Config.FunctionOffset = numberOffset[n.Registers.Architecture]
	return &all
}
