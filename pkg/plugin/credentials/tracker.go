// SPDX-License-Identifier: Apache-2.0

// Package credentials completes the events of compose.Credentials: what a process had before, and whether its privilege rises.
package credentials

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
)

// mostChanges of a process are remembered, for the processes that it has made.
const mostChanges = 16

// Filter is which changes are shown.
type Filter struct {
	// Every commit, also of what the process has already.
	Every bool
	// Rises only.
	Rises bool
	// ToUIDs: only changes by which a user id became one of these; none: all.
	ToUIDs []uint32
}

// CredentialTracker is a pipeline.Stage that remembers the credentials of processes: where tracepoints stand in for the kernel's
// function, only the new ones are seen. Events have to tell of processes what wire.ProcessDetail.Credentials asks for.
type CredentialTracker struct {
	filter Filter
	// histories are those of processes that have not ended.
	histories *processes.Slot[*history]
}

// history is what is known of the credentials of one process.
type history struct {
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

// New is for the events of one session.
func New(f Filter) *CredentialTracker {
	return &CredentialTracker{filter: f, histories: processes.NewSlot[*history]()}
}

// Pass sets the event's Credentials and says whether it is shown.
func (t *CredentialTracker) Pass(it *pipeline.Item) bool {
	e := it.Event
	if it.Process.Process == nil || e.Process() == nil || e.Process().Pid == nil {
		return true
	}
	switch k := e.ProcessKprobe; {
	case e.ProcessExec != nil:
		t.exec(it)
	case e.ProcessExit != nil:
		t.histories.Clear(it.Process.Process)
	case k == nil || k.PolicyName != compose.CredentialsPolicy:
	case k.FunctionName == compose.CommitCredentials:
		return t.commit(it)
	case k.FunctionName == compose.CreateUserNamespace:
		return len(t.filter.ToUIDs) == 0
	}
	return true
}

// exec notes what a program begins with. Where a tracepoint stands in for commit_creds, it tells of the exec after it.
func (t *CredentialTracker) exec(it *pipeline.Item) {
	before, _ := t.known(it)
	h := t.remember(it, it.Event.Process().ProcessCredentials)
	h.execID, h.beforeExec = strings.Clone(it.Event.Process().ExecID), before
}

// commit completes a change, and says whether it is one that is asked for.
func (t *CredentialTracker) commit(it *pipeline.Item) bool {
	e := it.Event
	after := argument(e.ProcessKprobe.Args, 0)
	if after == nil {
		return true
	}
	before := t.before(it)
	told := t.shared(it.Process.Process, before)
	h := t.remember(it, after)
	e.Credentials = &event.CredentialsChange{Before: before, Rises: before != nil && rises(before, after)}
	tid := *e.Process().Pid
	if e.Process().Tid != nil {
		tid = *e.Process().Tid
	}
	repeated := h.last.tid != tid && h.last.after != nil && same(h.last.before, before) && same(h.last.after, after)
	if before == nil || !same(before, after) {
		h.last.tid, h.last.before, h.last.after = tid, told, h.changes[len(h.changes)-1].now
	}
	return t.shows(before, after, e.Credentials.Rises, repeated)
}

func (t *CredentialTracker) shows(before, after *event.ProcessCredentials, rise, repeated bool) bool {
	switch {
	case len(t.filter.ToUIDs) > 0 && !becomes(before, after, t.filter.ToUIDs):
		return false
	case t.filter.Rises && !rise:
		return false
	case t.filter.Every:
		return true
	}
	return !repeated && (before == nil || !same(before, after))
}

// before are the credentials until a commit: those that the kernel's function found, else those that are remembered.
func (t *CredentialTracker) before(it *pipeline.Item) *event.ProcessCredentials {
	p, k := it.Event.Process(), it.Event.ProcessKprobe
	if k.Via == "" {
		return argument(k.Data, compose.CredentialsBefore)
	}
	if h, ok := t.histories.Get(it.Process.Process); ok && h.execID != "" && h.execID == p.ExecID {
		h.execID = ""
		return h.beforeExec
	}
	if known, ok := t.known(it); ok {
		return known
	}
	return p.ProcessCredentials
}

// known are a process's credentials as far as its own events and those of who made it tell them; false when only what was told
// of its program is left.
func (t *CredentialTracker) known(it *pipeline.Item) (*event.ProcessCredentials, bool) {
	if h, ok := t.histories.Get(it.Process.Process); ok {
		return h.changes[len(h.changes)-1].now, true
	}
	// A process that has executed something began with what its parent had; one that was only forked too, and its record has
	// what its parent's program began with.
	p, parent := it.Event.Process(), it.Event.Parent()
	forked := !strings.Contains(p.Flags, "execve")
	if parent == nil || parent.Pid == nil || !(forked || it.Event.ProcessExec != nil) {
		return nil, false
	}
	if h, ok := t.histories.Get(it.Process.Process.Parent()); ok {
		return h.at(p.StartTime), true
	}
	return parent.ProcessCredentials, parent.ProcessCredentials != nil
}

// at is what a process had at a time.
func (h *history) at(t *event.Timestamp) *event.ProcessCredentials {
	for _, c := range slices.Backward(h.changes) {
		if t == nil || !c.at.After(t.Time) {
			return c.now
		}
	}
	return h.changes[0].now
}

// remember notes what a process has from an event on.
func (t *CredentialTracker) remember(it *pipeline.Item, now *event.ProcessCredentials) *history {
	p := it.Process.Process
	h, ok := t.histories.Get(p)
	if !ok {
		h = &history{}
	}
	c := change{now: t.shared(p, now)}
	if it.Event.Time != nil {
		c.at = it.Event.Time.Time
	}
	if len(h.changes) == mostChanges {
		h.changes = slices.Delete(h.changes, 0, 1)
	}
	h.changes = append(h.changes, c)
	t.histories.Set(p, h, t.bytes(p, h))
	return h
}

// shared are credentials as they are remembered of the process or its parent already, if they are the same: most processes have
// what their parents have.
func (t *CredentialTracker) shared(p *processes.Process, now *event.ProcessCredentials) *event.ProcessCredentials {
	for _, p := range [...]*processes.Process{p, p.Parent()} {
		if h, ok := t.histories.Get(p); ok {
			if before := h.changes[len(h.changes)-1].now; before != nil && now != nil && reflect.DeepEqual(before, now) {
				return before
			}
		}
	}
	return now
}

// argument is the credentials in a place, nil if there are none.
func argument(list []event.Argument, place int) *event.ProcessCredentials {
	if place < len(list) {
		return list[place].ProcessCredentialsArg
	}
	return nil
}
