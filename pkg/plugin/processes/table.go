// SPDX-License-Identifier: Apache-2.0

package processes

import (
	"container/list"
	"hash/maphash"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Table knows the processes of one node from its events. All its methods belong to one goroutine.
type Table struct {
	node   string
	budget *Budget
	seed   maphash.Seed // exec_ids are hostile: nobody may guess which of them collide

	byExec map[uint64]*Process
	// byPID are those that run.
	byPID   map[uint32]*Process
	sources map[string]*source
	// running and exited are of *Process, what was not heard of for the longest time first.
	running, exited *list.List
	bytes           int
}

// source is a container, or the node itself, that remembered processes run in.
type source struct {
	key       string
	processes int
}

// NewTable makes the table of a node. Close it when the node's events have ended.
func NewTable(node string, budget *Budget) *Table {
	budget.tables.Add(1)
	return &Table{
		node: node, budget: budget, seed: maphash.MakeSeed(), byExec: map[uint64]*Process{}, byPID: map[uint32]*Process{},
		sources: map[string]*source{}, running: list.New(), exited: list.New(),
	}
}

// Observe takes each event of the node once, in the order of their times, and says what it is now known to be about. It finds or
// adds the event's process and, as far as the event names them, its parent and ancestors. It neither keeps nor changes the event.
//
// Which process an event is about is decided by one rule. The exec_id tells, and without one the pid. A new exec_id of a pid that
// runs is a program that replaced another one, told by its exec or missed, if the process that runs has executed nothing yet or
// the new program's record does not say that its process was just forked (flag "clone"). Otherwise the pid was given out again:
// an exit was missed. A record that is older than the program that runs changes nothing.
func (t *Table) Observe(e *event.Event) Facts {
	s, about := e.Subjects()
	if !about || *s.Process == nil {
		return Facts{Lifetime: -1}
	}
	f := t.subject(e, *s.Process)
	p := f.Process
	f.ParentFound = t.findParent(p, s, !f.Known)
	if e.ProcessExit != nil {
		f.Lifetime = lifetime(e)
		t.end(p)
	}
	t.touch(p)
	t.trim(p)
	f.Source, f.Program, f.Exited = p.program.source.key, p.program.number, p.exited
	return f
}

// Close gives back the memory when the node's events have ended. Processes that sinks still have to show keep their parents.
func (t *Table) Close() {
	t.budget.tables.Add(-1)
	for _, order := range [...]*list.List{t.exited, t.running} {
		for order.Len() > 0 {
			t.remove(order.Front().Value.(*Process))
		}
	}
}

// subject finds or adds the process that an event is about.
func (t *Table) subject(e *event.Event, r *event.Process) Facts {
	f := Facts{Lifetime: -1}
	if r.ExecID == "" && e.ProcessExec == nil && e.ProcessExit == nil {
		f.Process = t.byPID[pidOf(r)]
		if f.Process == nil { // one process stands for all of the source of which nothing is known
			unknown := *r
			unknown.ExecID, unknown.Pid = "of "+SourceKey(r, t.node), nil
			r = &unknown
		}
	}
	if f.Process == nil {
		f.Process, f.Reused = t.find(r)
	}
	f.Known = f.Process != nil
	if !f.Known {
		f.Process = t.add(r)
	}
	return f
}

// find returns the process that a record of a program is about, nil if it has to be added; reused had its pid until now.
func (t *Table) find(r *event.Process) (p, reused *Process) {
	hash, pid := t.hash(r.ExecID), pidOf(r)
	if hash != 0 {
		if p := t.byExec[hash]; p != nil && (p.PID == pid || p.PID == 0 || pid == 0) {
			return p, nil
		}
	}
	p = t.byPID[pid]
	if p == nil || hash == 0 {
		return p, nil
	}
	if _, known := p.ran(hash); known {
		return p, nil
	}
	flags := event.ParseFlags(r.Flags)
	switch {
	case older(r, p):
		if p.fromBirth && r.StartTime.Before(p.Start) { // it is of who had the pid before
			return nil, nil
		}
		t.name(p, exec{hash, beforeFirst})
	case p.program.forkOnly || flags&event.FlagClone == 0:
		t.replace(p, r, hash)
	default:
		t.end(p)
		return nil, p
	}
	return p, nil
}

// older says that a record is of a program that began before the one that a process runs.
func older(r *event.Process, p *Process) bool {
	return r.StartTime != nil && !p.program.start.IsZero() && r.StartTime.Before(p.program.start)
}

// add makes a process of a record.
func (t *Table) add(r *event.Process) *Process {
	flags := event.ParseFlags(r.Flags)
	p := &Process{Node: t.node, PID: pidOf(r), Start: startOf(r), table: t, fromBirth: flags&event.FlagClone != 0}
	forkOnly := p.fromBirth && flags&(event.FlagExecve|event.FlagProcFS) == 0
	p.program = program{source: t.enter(r), start: p.Start, forkOnly: forkOnly}
	t.charge(processBytes)
	p.position = t.running.PushBack(p)
	if p.PID != 0 {
		if at := t.byPID[p.PID]; at == nil {
			t.byPID[p.PID] = p
		} else { // it had the pid before the one that runs
			t.end(p)
		}
	}
	t.name(p, exec{hash: t.hash(r.ExecID)})
	return p
}

// replace notes that a process runs another program.
func (t *Table) replace(p *Process, r *event.Process, hash uint64) {
	former := p.program
	p.program = program{number: former.number + 1, source: t.enter(r), start: startOf(r)}
	t.leave(former.source)
	t.name(p, exec{hash, p.program.number})
}

// end notes that a process has ended.
func (t *Table) end(p *Process) {
	if p.exited {
		return
	}
	p.exited = true
	t.running.Remove(p.position)
	p.position = t.exited.PushBack(p)
	if t.byPID[p.PID] == p {
		delete(t.byPID, p.PID)
	}
}

// enter finds or adds the source of a record for one more process.
func (t *Table) enter(r *event.Process) *source {
	key := SourceKey(r, t.node)
	s := t.sources[key]
	if s == nil {
		s = &source{key: key}
		t.sources[key] = s
		t.charge(s.bytes())
	}
	s.processes++
	return s
}

func (t *Table) leave(s *source) {
	if s.processes--; s.processes == 0 {
		delete(t.sources, s.key)
		t.charge(-s.bytes())
	}
}

func (t *Table) hash(execID string) uint64 {
	if execID == "" {
		return 0
	}
	return max(maphash.String(t.seed, execID), 1)
}
