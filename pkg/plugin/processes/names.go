// SPDX-License-Identifier: Apache-2.0

package processes

import "slices"

// mostExecs is how many exec_ids of a process are remembered: that of the first program that is known of it, and the last ones.
const mostExecs = 8

// name makes a process known by an exec_id too.
func (t *Table) name(p *Process, exec uint64) {
	switch {
	case exec == 0 || p.ran(exec):
		return
	case p.firstExec == 0:
		p.firstExec = exec
	default:
		if len(p.laterExecs) == mostExecs-1 {
			t.unname(p, p.laterExecs[0])
			p.laterExecs = slices.Delete(p.laterExecs, 0, 1)
		}
		p.laterExecs = append(p.laterExecs, exec)
		t.charge(execBytes)
	}
	if t.byExec[exec] == nil { // else a node gave it to two processes, and they are told apart by their pids
		t.byExec[exec] = p
	}
}

func (t *Table) unname(p *Process, exec uint64) {
	if t.byExec[exec] == p {
		delete(t.byExec, exec)
	}
	if exec != p.firstExec {
		t.charge(-execBytes)
	}
}

// ran says whether a process runs, or has run, the program of an exec_id.
func (p *Process) ran(exec uint64) bool {
	return p.firstExec == exec || slices.Contains(p.laterExecs, exec)
}
