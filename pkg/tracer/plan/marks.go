// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"fmt"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// maxMarks is the bits of process_state.marks.
const maxMarks = 64

// Mark is a bit that a process has: because it runs a program, or has a process ID, or descends from one that has it.
type Mark struct {
	// Binary is set for a mark of programs, PIDs for one of process IDs.
	Binary *policy.BinaryFilter
	PIDs   *policy.PIDFilter
	// Inherited: descendants have it too, whatever they run.
	Inherited bool
}

// Marks are those of a session: filters that ask the same share one.
type Marks struct {
	All []Mark
	// State is set when some filter asks what a process was at its exec, though it may be no mark.
	State bool
	keys  []string
}

// NeedState notes that process states are needed.
func (m *Marks) NeedState() { m.State = true }

// Binaries returns the bit of a filter on programs.
func (m *Marks) Binaries(f policy.BinaryFilter) (uint64, error) {
	return m.add(Mark{Binary: &f, Inherited: f.FollowChildren}, fmt.Sprint("binary", f.Match, f.FollowChildren, f.Values))
}

// Descendants returns the bit of a filter on process IDs and those that descend from them.
func (m *Marks) Descendants(f policy.PIDFilter) (uint64, error) {
	return m.add(Mark{PIDs: &f, Inherited: true}, fmt.Sprint("pid", f.InNamespace, f.Values))
}

func (m *Marks) add(mark Mark, key string) (uint64, error) {
	m.State = true
	if i := slices.Index(m.keys, key); i >= 0 {
		return 1 << i, nil
	}
	if len(m.All) == maxMarks {
		return 0, errTooManyMarks
	}
	m.All, m.keys = append(m.All, mark), append(m.keys, key)
	return 1 << (len(m.All) - 1), nil
}
