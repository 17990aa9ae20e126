// SPDX-License-Identifier: Apache-2.0

// Package credentials completes the events of compose.Credentials: what a process had before, and whether its privilege rises.
package credentials

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
)

const (
	// mostProcesses are remembered; beyond that all are forgotten, and known again by what events tell of them.
	mostProcesses = 100_000
	// mostChanges of a process are remembered, for the processes that it has made.
	mostChanges = 16
)

// Asked is which changes are shown.
type Asked struct {
	// Every commit, also of what the process has already.
	Every bool
	// Rises only.
	Rises bool
	// ToUIDs: only changes by which a user id became one of these; none: all.
	ToUIDs []uint32
}

// Memory remembers the credentials of processes: where tracepoints stand in for the kernel's function, only the new ones are
// seen. Its methods may be called at the same time. Events of a node have to come in their order, and to tell of processes what
// wire.ProcessDetail.Credentials asks for.
type Memory struct {
	asked Asked

	mu        sync.Mutex
	processes map[processKey]*process
}

type processKey struct {
	node string
	pid  uint32
}

// process is what is known of one.
type process struct {
	// changes, the latest last; at least one.
	changes []change
	// execID of the program whose credentials will be told as those of an exec, and beforeExec what they were.
	execID     string
	beforeExec *event.ProcessCredentials
	// last is the latest change that was told, and by which thread: the others of the process do the same after it.
	last struct {
		tid           uint32
		before, after *event.ProcessCredentials
	}
}

type change struct {
	at  time.Time
	now *event.ProcessCredentials
}

// NewMemory is for the events of one session.
func NewMemory(asked Asked) *Memory {
	return &Memory{asked: asked, processes: map[processKey]*process{}}
}

// Complete sets the event's Credentials and says whether it is shown.
func (m *Memory) Complete(e *event.Event) bool {
	p := e.Process()
	if p == nil || p.Pid == nil {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := processKey{e.NodeName, *p.Pid}
	switch k := e.ProcessKprobe; {
	case e.ProcessExec != nil:
		m.exec(key, e)
	case e.ProcessExit != nil:
		delete(m.processes, key)
	case k == nil || k.PolicyName != compose.CredentialsPolicy:
	case k.FunctionName == compose.CommitCredentials:
		return m.commit(key, e)
	case k.FunctionName == compose.CreateUserNamespace:
		return len(m.asked.ToUIDs) == 0
	}
	return true
}

// exec notes what a program begins with. Where a tracepoint stands in for commit_creds, it tells of the exec after it.
func (m *Memory) exec(key processKey, e *event.Event) {
	before, _ := m.known(key, e)
	p := m.remember(key, e, e.Process().ProcessCredentials)
	p.execID, p.beforeExec = e.Process().ExecID, before
}

// commit completes a change, and says whether it is one that is asked for.
func (m *Memory) commit(key processKey, e *event.Event) bool {
	k := e.ProcessKprobe
	after := argument(k.Args, 0)
	if after == nil {
		return true
	}
	before := m.before(key, e)
	p := m.remember(key, e, after)
	e.Credentials = &event.CredentialsChange{Before: before, Rises: before != nil && rises(before, after)}
	tid := *e.Process().Pid
	if e.Process().Tid != nil {
		tid = *e.Process().Tid
	}
	repeated := p.last.tid != tid && p.last.after != nil && same(p.last.before, before) && same(p.last.after, after)
	if before == nil || !same(before, after) {
		p.last.tid, p.last.before, p.last.after = tid, before, after
	}
	return m.shows(before, after, e.Credentials.Rises, repeated)
}

func (m *Memory) shows(before, after *event.ProcessCredentials, rise, repeated bool) bool {
	switch {
	case len(m.asked.ToUIDs) > 0 && !becomes(before, after, m.asked.ToUIDs):
		return false
	case m.asked.Rises && !rise:
		return false
	case m.asked.Every:
		return true
	}
	return !repeated && (before == nil || !same(before, after))
}

// before are the credentials until a commit: those that the kernel's function found, else those that are remembered.
func (m *Memory) before(key processKey, e *event.Event) *event.ProcessCredentials {
	k := e.ProcessKprobe
	if k.Via == "" {
		return argument(k.Data, compose.CredentialsBefore)
	}
	p := m.processes[key]
	if p != nil && p.execID != "" && p.execID == e.Process().ExecID {
		p.execID = ""
		return p.beforeExec
	}
	if known, ok := m.known(key, e); ok {
		return known
	}
	return e.Process().ProcessCredentials
}

// known are a process's credentials as far as its own events and those of who made it tell them; false when only what was told
// of its program is left.
func (m *Memory) known(key processKey, e *event.Event) (*event.ProcessCredentials, bool) {
	if p := m.processes[key]; p != nil {
		return p.changes[len(p.changes)-1].now, true
	}
	// A process that has executed something began with what its parent had; one that was only forked too, and its record has
	// what its parent's program began with.
	parent := e.Parent()
	forked := !strings.Contains(e.Process().Flags, "execve")
	if parent == nil || parent.Pid == nil || !(forked || e.ProcessExec != nil) {
		return nil, false
	}
	if p := m.processes[processKey{key.node, *parent.Pid}]; p != nil {
		return p.at(e.Process().StartTime), true
	}
	return parent.ProcessCredentials, parent.ProcessCredentials != nil
}

// at is what a process had at a time.
func (p *process) at(t *event.Timestamp) *event.ProcessCredentials {
	for _, c := range slices.Backward(p.changes) {
		if t == nil || !c.at.After(t.Time) {
			return c.now
		}
	}
	return p.changes[0].now
}

// remember notes what a process has from an event on.
func (m *Memory) remember(key processKey, e *event.Event, now *event.ProcessCredentials) *process {
	p := m.processes[key]
	if p == nil {
		if len(m.processes) >= mostProcesses {
			clear(m.processes)
		}
		p = &process{}
		m.processes[key] = p
	}
	c := change{now: now}
	if e.Time != nil {
		c.at = e.Time.Time
	}
	if len(p.changes) == mostChanges {
		p.changes = slices.Delete(p.changes, 0, 1)
	}
	p.changes = append(p.changes, c)
	return p
}

// argument is the credentials in a place, nil if there are none.
func argument(list []event.Argument, place int) *event.ProcessCredentials {
	if place < len(list) {
		return list[place].ProcessCredentialsArg
	}
	return nil
}
