// SPDX-License-Identifier: Apache-2.0

// Package processes is the one table of processes that the plugin keeps: who they are, who started them, which programs they
// run, and what other stages remember of them.
//
// A Table belongs to one goroutine, that of its node's events: it has no locks. What that goroutine may do alone is said at each
// method; the exported fields of a Process and its Parent may be read by everyone.
package processes

import (
	"container/list"
	"sync/atomic"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Process is one process of a node, through all programs that it runs. Its address is its identity: later events of the same
// process have the same one, as long as the table remembers it.
type Process struct {
	// Node is the name of the process's node.
	Node string
	// PID is its thread group id in the node's pid namespace; 0: not known.
	PID uint32
	// Start is when the first program that is known of it began, or it itself if it has executed none; zero: not known.
	Start time.Time

	parent atomic.Pointer[Process]

	// What follows belongs to the table's goroutine.
	table *Table
	// position is the place in the table's order, nil for a process that was forgotten.
	position *list.Element
	// firstExec and laterExecs are of its programs, the latest last.
	firstExec  exec
	laterExecs []exec
	// parentProgram is the number of the parent's program that started it.
	parentProgram int32
	program       program
	// fromBirth: it ran nothing before Start, whether seen or not.
	fromBirth bool
	exited    bool
	notes     []note
}

// program is what is known of the program that a process runs, besides its exec_id.
type program struct {
	// number of programs that it was seen to run before.
	number int32
	source *source
	start  time.Time
	// forkOnly: it is the parent's; the process has executed nothing yet.
	forkOnly bool
}

// Parent is the process that started this one, nil if it is not known or was forgotten. It may be called by any goroutine. Who
// follows it upwards comes to an end.
func (p *Process) Parent() *Process { return p.parent.Load() }

// ParentProgram is which of the programs of the parent started this process, counted as Facts.Program; -1: one before the first
// that is known. It belongs to the table's goroutine.
func (p *Process) ParentProgram() int32 { return p.parentProgram }

// Facts is what the table says of the process of one event, at that event. It holds no text that a process chose, so there is
// nothing in it to redact.
type Facts struct {
	// Process is nil for an event about no process.
	Process *Process
	// Source names the container that the program runs in, or the node: two processes are of one container if it is equal.
	Source string
	// Reused is the process that had the pid before and whose exit was missed; nil for most events.
	Reused *Process
	// Lifetime is the time from the start of its program to the exit that the event tells; negative: the event is none, or it is
	// not known.
	Lifetime time.Duration
	// Program is how many other programs the process was seen to run before the one that it runs now.
	Program int32
	// Known: an earlier event told of the process, if only as a parent or ancestor.
	Known bool
	// ParentFound: the parent is known from this event on.
	ParentFound bool
	// Exited: the process has ended, by this event or before.
	Exited bool
}

// SourceKey tells containers of a node apart, and the node itself, in which a process runs as its record says.
func SourceKey(p *event.Process, node string) string {
	key := "node " + node
	if p.Pod != nil {
		key = "pod " + p.Pod.UID + " " + p.Pod.Namespace + "/" + p.Pod.Name
	}
	return key + " " + p.Docker
}

// lifetime of the program of a process that left, negative when it is not known (or the event is no exit).
func lifetime(e *event.Event) time.Duration {
	x := e.ProcessExit
	if x == nil || x.Process == nil || x.Process.StartTime == nil {
		return -1
	}
	end := x.Time
	if end == nil {
		end = e.Time
	}
	if end == nil {
		return -1
	}
	return end.Sub(x.Process.StartTime.Time)
}

func pidOf(r *event.Process) uint32 {
	if r.Pid == nil {
		return 0
	}
	return *r.Pid
}

func startOf(r *event.Process) time.Time {
	if r.StartTime == nil {
		return time.Time{}
	}
	return r.StartTime.Time
}
