// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
)

// mark is a bit that a process has: because it runs a program, or has a process ID, or descends from one that has it.
type mark struct {
	key string
	// binary is set for a mark of programs, pids for one of process IDs and all who descend from them.
	binary *policy.BinaryFilter
	// named: programs count by the name too that whoever executes them chooses.
	named bool
	pids  *policy.PIDFilter
}

// Marks are those of a session: filters that ask the same share one.
type Marks struct {
	all []mark
	// Needed: some filter asks what a process was at its exec, though it may be for no mark.
	Needed bool
	// Runtime is the inode number of the mount namespace of the container runtime, which hooks are not about; or 0.
	Runtime uint32
	// parents are asked for.
	parents bool
	// severalChange: several policies ask what has changed of a process.
	severalChange bool
}

// NewMarks are those for a session of some policies.
func NewMarks(policies []*policy.Policy) *Marks {
	count := 0
	for _, p := range policies {
		if asksForChanges(p) {
			count++
		}
	}
	return &Marks{severalChange: count > 1}
}

// errTooManyMarks: there is a bit for each.
var errTooManyMarks = fmt.Errorf("more than %d different filters on programs and descendants in one session", hook.MaxMarks)

// binaries returns the bit of a filter on programs. named: they count by the name too that the call or argv[0] gives them, which is for
// filters by which more is told, and never less.
func (m *Marks) binaries(f policy.BinaryFilter, named bool) (uint64, error) {
	return m.add(mark{key: fmt.Sprint("binary", f.Match, f.FollowChildren, f.Values, named), binary: &f, named: named})
}

// parentBinaries returns the bit of a filter on the programs of parents.
func (m *Marks) parentBinaries(f policy.BinaryFilter, named bool) (uint64, error) {
	m.parents = true
	return m.binaries(f, named)
}

// descendants returns the bit of a filter on process IDs and those that descend from them.
func (m *Marks) descendants(f policy.PIDFilter) (uint64, error) {
	return m.add(mark{key: fmt.Sprint("pid", f.InNamespace, f.Values), pids: &f})
}

func (m *Marks) add(wanted mark) (uint64, error) {
	m.Needed = true
	if i := slices.IndexFunc(m.all, func(have mark) bool { return have.key == wanted.key }); i >= 0 {
		return 1 << i, nil
	}
	if len(m.all) == hook.MaxMarks {
		return 0, errTooManyMarks
	}
	m.all = append(m.all, wanted)
	return 1 << (len(m.all) - 1), nil
}

// Marking is what the kernel side has to remember.
func (m *Marks) Marking() hook.Marking {
	c := &compiler{def: &hook.Definition{}}
	out := hook.Marking{Everywhere: m.parents, Inherited: m.inherited(true), Runtime: m.Runtime}
	for _, mark := range m.all {
		var f bpf.HookHookFilter
		switch {
		case mark.binary != nil:
			f.Subject, f.Match = uint8(bpf.HookFilterSubjectSUBJECT_TEXT), uint8(matchRows[mark.binary.Match].match)
			f.First, f.Count = c.texts(mark.binary.Values, false)
			if mark.named {
				f.Flags |= uint8(bpf.HookFilterFlagsFILTER_NAMED)
			}
		case mark.pids.InNamespace:
			f = c.numberFilter(bpf.HookFilterSubjectSUBJECT_NAMESPACE_PID, 0, false, false, exactly(mark.pids.Values))
		default:
			f = c.numberFilter(bpf.HookFilterSubjectSUBJECT_PID, 0, false, false, exactly(mark.pids.Values))
		}
		out.Marks = append(out.Marks, f)
	}
	out.Operands = c.def.Operands
	return out
}

// inherited are the bits that descendants have too. Those of IDs in a pid namespace end where another one begins: who enters a
// container's from outside does not descend from its first process.
func (m *Marks) inherited(sameNamespace bool) (bits uint64) {
	for i, mark := range m.all {
		if mark.pids != nil && (sameNamespace || !mark.pids.InNamespace) || mark.binary != nil && mark.binary.FollowChildren {
			bits |= 1 << i
		}
	}
	return bits
}

// exactly are ranges of one number each.
func exactly(values []uint32) (ranges []policy.Range) {
	for _, v := range values {
		ranges = append(ranges, policy.Range{Min: uint64(v), Max: uint64(v)})
	}
	return ranges
}

// Running returns the states of processes that ran before marking began, by tgid: their programs, and what they inherited
// from those of their ancestors that still run.
func (m *Marks) Running(images []*kernel.Image) map[uint32]bpf.HookProcessState {
	byKey := make(map[kernel.Key]*kernel.Image, len(images))
	for _, i := range images {
		byKey[i.Header.Process] = i
	}
	marks := make(map[kernel.Key]uint64, len(images))
	var of func(*kernel.Image) uint64
	of = func(i *kernel.Image) uint64 {
		if known, ok := marks[i.Header.Process]; ok {
			return known
		}
		marks[i.Header.Process] = 0 // a circle of parents, which cannot be, ends here
		bits := m.matches(i)
		if parent := byKey[i.Header.Parent]; parent != nil {
			bits |= of(parent) & m.inherited(parent.Namespaces.Pid == i.Namespaces.Pid)
		}
		marks[i.Header.Process] = bits
		return bits
	}
	states := make(map[uint32]bpf.HookProcessState, len(images))
	for _, i := range images {
		c := i.Credentials
		state := bpf.HookProcessState{
			Marks: of(i), Namespaces: bpf.HookNamespaces(i.Namespaces), Capabilities: [3]uint64{c.Effective, c.Inheritable, c.Permitted},
		}
		if m.Runtime != 0 && i.Namespaces.Mnt != m.Runtime {
			state.Origin = uint32(bpf.HookProcessOriginOF_CONTAINER)
		}
		states[i.Header.Process.Tgid] = state
	}
	return states
}

// matches are the bits of a process without its ancestors.
func (m *Marks) matches(i *kernel.Image) (bits uint64) {
	for n, mark := range m.all {
		var has bool
		switch {
		case mark.binary != nil:
			asked, _, _ := strings.Cut(i.Arguments, "\x00")
			has = mark.binary.Matches(i.Executable) || mark.named && mark.binary.Matches(asked)
		case mark.pids.InNamespace && i.PidNamespaceLevel == 0:
			has = slices.Contains(mark.pids.Values, 0) // as policies write the host
		case mark.pids.InNamespace:
			has = slices.Contains(mark.pids.Values, i.NamespacePid)
		default:
			has = slices.Contains(mark.pids.Values, i.Header.Process.Tgid)
		}
		if has {
			bits |= 1 << n
		}
	}
	return bits
}
