// SPDX-License-Identifier: Apache-2.0

package processes

import (
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Flags of records.
const (
	forked   = "clone"                // it has executed nothing yet
	first    = "execve rootcwd clone" // its first program
	replaced = "execve rootcwd"       // a program in place of another
	existing = "procFS rootcwd"       // it ran before tracing began
)

var began = time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)

func at(second int) *event.Timestamp {
	return &event.Timestamp{Time: began.Add(time.Duration(second) * time.Second)}
}

// record is one program of a process, which began at a second.
func record(exec, parent string, pid uint32, flags string, second int) *event.Process {
	r := &event.Process{ExecID: exec, ParentExecID: parent, Flags: flags, StartTime: at(second)}
	if pid != 0 {
		r.Pid = &pid
	}
	return r
}

func within(r *event.Process, container string) *event.Process {
	r.Docker = container
	return r
}

// Events, with the records of the process's parent and ancestors.
func execOf(r *event.Process, relatives ...*event.Process) *event.Event {
	parent, ancestors := split(relatives)
	return &event.Event{NodeName: "n", ProcessExec: &event.ProcessExec{Process: r, Parent: parent, Ancestors: ancestors}}
}

func exitOf(second int, r *event.Process, relatives ...*event.Process) *event.Event {
	parent, ancestors := split(relatives)
	return &event.Event{NodeName: "n", Time: at(second), ProcessExit: &event.ProcessExit{Process: r, Parent: parent, Ancestors: ancestors}}
}

func callOf(r *event.Process, relatives ...*event.Process) *event.Event {
	parent, ancestors := split(relatives)
	return &event.Event{NodeName: "n", ProcessKprobe: &event.ProcessKprobe{Process: r, Parent: parent, Hooked: event.Hooked{Ancestors: ancestors}}}
}

func split(relatives []*event.Process) (parent *event.Process, ancestors []*event.Process) {
	if len(relatives) == 0 {
		return nil, nil
	}
	return relatives[0], relatives[1:]
}

func newTestTable() *Table { return NewTable("n", NewBudget(SessionBytes)) }

// Which process events are about: each step names the process by a letter, the same for the same one, and what else is said.
func TestIdentity(t *testing.T) {
	shell := record("shell", "", 1, existing, 0)
	type step struct {
		e    *event.Event
		want string
	}
	for name, steps := range map[string][]step{
		"a process and its end": {
			{execOf(record("a", "shell", 2, first, 1), shell), "A new parent"},
			{callOf(record("a", "shell", 2, first, 1), shell), "A"},
			{exitOf(3, record("a", "shell", 2, first, 1), shell), "A exited 2s"},
			{callOf(record("a", "shell", 2, first, 1), shell), "A exited"}, // late
			{exitOf(4, record("a", "shell", 2, first, 1), shell), "A exited 3s"},
		},
		"an exec that is told twice": {
			{execOf(record("a", "", 2, first, 1)), "A new"}, {execOf(record("a", "", 2, first, 1)), "A"},
		},
		"a chain of programs": {
			{execOf(record("a", "shell", 2, first, 1), shell), "A new parent"}, {execOf(record("b", "shell", 2, replaced, 2), shell), "A program 1"},
			{execOf(record("c", "shell", 2, replaced, 3), shell), "A program 2"}, {callOf(record("c", "shell", 2, replaced, 3), shell), "A program 2"},
			{exitOf(7, record("c", "shell", 2, replaced, 3), shell), "A program 2 exited 4s"},
		},
		"a missed exec": {
			{execOf(record("a", "", 2, first, 1)), "A new"}, {callOf(record("b", "", 2, replaced, 2)), "A program 1"},
			{execOf(record("b", "", 2, replaced, 2)), "A program 1"}, // it was only late
			{exitOf(5, record("c", "", 2, replaced, 3)), "A program 2 exited 2s"},
		},
		"a missed exit": {
			{execOf(record("a", "", 2, first, 1)), "A new"}, {execOf(record("b", "", 2, first, 9)), "B new reused A"},
			{exitOf(10, record("b", "", 2, first, 9)), "B exited 1s"}, {callOf(record("a", "", 2, first, 1)), "A exited"},
		},
		"a missed exit and a missed exec": {
			{execOf(record("a", "", 2, first, 1)), "A new"}, {callOf(record("b", "", 2, first, 9)), "B new reused A"},
		},
		"a pid that comes again": {
			{execOf(record("a", "", 2, first, 1)), "A new"}, {exitOf(2, record("a", "", 2, first, 1)), "A exited 1s"},
			{execOf(record("b", "", 2, first, 9)), "B new"},
		},
		"a pid that comes again in another container": {
			{execOf(within(record("a", "", 2, first, 1), "c1")), "A new in c1"}, {execOf(within(record("b", "", 2, first, 9), "c2")), "B new in c2 reused A"},
		},
		"a runtime that becomes the container's program": {
			{execOf(record("a", "", 2, first, 1)), "A new"}, {execOf(within(record("b", "", 2, replaced, 2), "c1")), "A program 1 in c1"},
		},
		"a shell that only forks": {
			{exitOf(4, record("fork", "shell", 3, forked, 2), shell), "A new parent exited 2s"},
		},
		"a fork that is known before it executes something": {
			{callOf(record("fork", "shell", 3, forked, 2), shell), "A new parent"}, {execOf(record("ls", "shell", 3, first, 3), shell), "A program 1"},
			{callOf(record("fork", "shell", 3, forked, 2), shell), "A program 1"}, // late
		},
		"a fork that is known as a parent": {
			{execOf(record("ls", "fork", 4, first, 3), record("fork", "shell", 3, forked, 2), shell), "A new parent"},
			{execOf(record("cat", "shell", 3, first, 5), shell), "B program 1"}, // it becomes a program itself
		},
		"an earlier program that is told late": {
			{execOf(record("b", "", 2, replaced, 5)), "A new"}, {callOf(record("a", "", 2, first, 3)), "A"}, {callOf(record("b", "", 2, replaced, 5)), "A"},
		},
		"who had the pid before is told late": {
			{execOf(record("b", "", 2, first, 5)), "A new"}, {callOf(record("a", "", 2, first, 3)), "B new exited"}, {callOf(record("b", "", 2, first, 5)), "A"},
		},
		"two processes with one exec_id": {
			{execOf(record("same", "", 2, first, 1)), "A new"}, {execOf(record("same", "", 3, first, 1)), "B new"},
			{callOf(record("same", "", 2, first, 1)), "A"}, {callOf(record("same", "", 3, first, 1)), "B"},
		},
		"no exec_id": {
			{execOf(record("", "", 2, first, 1)), "A new"}, {callOf(record("", "", 2, first, 1)), "A"}, {exitOf(2, record("", "", 2, first, 1)), "A exited 1s"},
			{callOf(record("", "", 5, first, 1)), "B new"}, {callOf(record("", "", 6, first, 1)), "B"}, // of whom nothing is known: one for all
			{callOf(within(record("", "", 7, first, 1), "c1")), "C new in c1"},
		},
		"nothing at all": {
			{execOf(&event.Process{}), "A new"}, {exitOf(1, &event.Process{}), "B new exited"}, {callOf(&event.Process{}), "C new"}, {callOf(&event.Process{}), "C"},
		},
		"its own parent": {{execOf(record("a", "a", 2, first, 1), record("a", "a", 2, first, 1)), "A new"}, {callOf(record("a", "a", 2, first, 1)), "A"}},
	} {
		t.Run(name, func(t *testing.T) {
			table, letters := newTestTable(), map[*Process]string{}
			for i, s := range steps {
				if got := describe(table.Observe(s.e), letters); got != s.want {
					t.Errorf("step %d: %s, want %s", i, got, s.want)
				}
			}
		})
	}
}

func TestEventsAboutNoProcess(t *testing.T) {
	table := newTestTable()
	for _, e := range []*event.Event{{}, {Loss: &event.Loss{}}, {ProcessExit: &event.ProcessExit{}}} {
		if f := table.Observe(e); f != (Facts{Lifetime: -1}) {
			t.Errorf("got %+v", f)
		}
	}
}

// A parent is found when an event names it, at once or later; after its end, too.
func TestParents(t *testing.T) {
	table := newTestTable()
	grandchild, child, shell, sshd := record("c", "b", 4, first, 3), record("b", "a", 3, first, 2), record("a", "s", 2, existing, 0), record("s", "", 1, existing, 0)
	if f := table.Observe(callOf(grandchild)); f.ParentFound || f.Process.Parent() != nil {
		t.Errorf("nobody told of a parent: %+v", f)
	}
	f := table.Observe(callOf(grandchild, child))
	if !f.ParentFound || pids(f.Process) != "4 3" {
		t.Errorf("the parent alone: %s", pids(f.Process))
	}
	if f = table.Observe(callOf(grandchild, child, shell, sshd)); f.ParentFound || pids(f.Process) != "4 3" {
		t.Errorf("what is further up is for the parent's own events: %s", pids(f.Process))
	}
	if f := table.Observe(exitOf(9, child, shell, sshd)); !f.ParentFound || !f.Known || pids(f.Process) != "3 2 1" {
		t.Errorf("the parent's event: %s", pids(f.Process))
	}
	if f = table.Observe(callOf(grandchild)); f.ParentFound || pids(f.Process) != "4 3 2 1" {
		t.Errorf("after that: %s", pids(f.Process))
	}
	if f := table.Observe(execOf(record("d", "b", 5, first, 7))); !f.ParentFound || pids(f.Process) != "5 3 2 1" {
		t.Errorf("a child of who has ended, by its exec_id: %s", pids(f.Process))
	}
	if f := table.Observe(execOf(record("e", "unknown", 6, first, 8), nil, shell)); pids(f.Process) != "6 2 1" {
		t.Errorf("a parent without a record: %s", pids(f.Process))
	}
}

// Sinks may come to show events only after a node's stream, and its table with it, has ended.
func TestParentsOutliveTheTable(t *testing.T) {
	table := newTestTable()
	p := table.Observe(execOf(record("b", "a", 3, first, 2), record("a", "s", 2, existing, 0), record("s", "", 1, existing, 0))).Process
	table.Close()
	if pids(p) != "3 2 1" {
		t.Errorf("after its end: %s", pids(p))
	}
}

// Nobody is its own ancestor, whatever a node says.
func TestNoCycles(t *testing.T) {
	for name, last := range map[string]*event.Event{
		"by a record":            callOf(record("a", "", 2, first, 1), record("c", "b", 4, first, 3)),
		"by an exec_id":          callOf(record("a", "c", 2, first, 1)),
		"by a record further up": callOf(record("a", "", 2, first, 1), record("d", "", 5, first, 0), record("c", "b", 4, first, 3)),
	} {
		table := newTestTable()
		a, b, c := record("a", "", 2, first, 1), record("b", "a", 3, first, 2), record("c", "b", 4, first, 3)
		for _, e := range []*event.Event{execOf(a), execOf(b, a), execOf(c, b, a), last} {
			table.Observe(e)
		}
		if got := pids(table.byExec[table.hash("c")]); got != "4 3 2" && got != "4 3 2 5" {
			t.Errorf("%s: %s", name, got)
		}
		check(t, table)
	}
}

// A process that replaces its program stays the parent of what it has started, and is known by all its exec_ids but those in the
// middle of many.
func TestManyPrograms(t *testing.T) {
	table := newTestTable()
	p := table.Observe(execOf(record("0", "", 2, first, 0))).Process
	for i := 1; i <= 100; i++ {
		if f := table.Observe(execOf(record(number(i), "", 2, replaced, i))); f.Process != p || f.Program != int32(i) {
			t.Fatalf("program %d: %+v", i, f)
		}
	}
	for _, exec := range []string{"0", "94", "100"} {
		if child := table.Observe(execOf(record("child of "+exec, exec, 3, first, 200))).Process; child.Parent() != p {
			t.Errorf("the child of program %s has the parent %v", exec, child.Parent())
		}
		table.Observe(exitOf(201, record("child of "+exec, exec, 3, first, 200)))
	}
	for exec, want := range map[string]int32{"0": 0, "94": 94, "100": 100, "50": 100} { // of one that is not remembered, the one that is told
		child := table.Observe(execOf(record("child", exec, 3, first, 300), record("100", "", 2, replaced, 100))).Process
		if got := child.ParentProgram(); child.Parent() != p || got != want {
			t.Errorf("program %s: started by the program %d, want %d", exec, got, want)
		}
		table.forget(child)
	}
	if len(table.byExec) != mostExecs+3 {
		t.Errorf("%d exec_ids are remembered", len(table.byExec))
	}
}
