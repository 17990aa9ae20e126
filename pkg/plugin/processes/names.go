// SPDX-License-Identifier: Apache-2.0

package processes

import "slices"

// mostExecs is how many exec_ids of a process are remembered: that of the first program that is known of it, and the last ones.
const mostExecs = 8

// beforeFirst is the number of a program that a process ran before the first that is known of it.
const beforeFirst = -1

// exec is the hash of an exec_id, 0 for none, and the number of its program.
type exec struct {
	hash   uint64
	number int32
}

// name makes a process known by the exec_id of one more of its programs.
func (t *Table) name(p *Process, e exec) {
	if _, known := p.ran(e.hash); known || e.hash == 0 {
		return
	}
	if p.firstExec.hash == 0 {
		p.firstExec = e
	} else {
		if len(p.laterExecs) == mostExecs-1 {
			t.unname(p, p.laterExecs[0].hash)
			p.laterExecs = slices.Delete(p.laterExecs, 0, 1)
			t.charge(-execBytes)
		}
		p.laterExecs = append(p.laterExecs, e)
		t.charge(execBytes)
	}
	if t.byExec[e.hash] == nil { // else a node gave it to two processes, and they are told apart by their pids
		t.byExec[e.hash] = p
	}
}

func (t *Table) unname(p *Process, hash uint64) {
	if t.byExec[hash] == p {
		delete(t.byExec, hash)
	}
}

// ran says whether a process runs, or has run, the program of an exec_id, and its number.
func (p *Process) ran(hash uint64) (number int32, ok bool) {
	if p.firstExec.hash == hash {
		return p.firstExec.number, true
	}
	for _, e := range p.laterExecs {
		if e.hash == hash {
			return e.number, true
		}
	}
	return 0, false
}
