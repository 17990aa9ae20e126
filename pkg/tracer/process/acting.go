// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"slices"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// recentExits is how many processes are remembered after their exit: against the second record that kernels below 6.16 may
// make of it, and for hooks, since the files and sockets of a process are closed after its exit was told.
const recentExits = 64

// exited is a process as it was when it ended.
type exited struct {
	key   kernel.Key
	entry *entry
}

// remember keeps a process that ends for what may still be told of it.
func (t *Table) remember(key kernel.Key, e *entry) {
	asItWas := *e // the caller cuts off its parent
	t.exited[t.exits%recentExits] = exited{key, &asItWas}
	t.exits++
}

// lately is a process that ended not long ago; nil if it is none.
func (t *Table) lately(key kernel.Key) *entry {
	at := slices.IndexFunc(t.exited[:], func(e exited) bool { return e.key == key })
	if at < 0 {
		return nil
	}
	return t.exited[at].entry
}

// Passing says whether a process is in the scope only because it is on the way there: what a container runtime does before
// it executes the container's program, or the tracer before its command. That is not reported.
func (t *Table) Passing(key kernel.Key) bool {
	e := t.processes[key]
	return e != nil && e.image != nil && !e.traced && !e.standIn
}

// Acting is an event of a thread of a process, as that is now. A process that no record told of is looked for among the
// running ones; one that is not found is shown by what its key and its cgroup say, with the flag "unknown".
func (t *Table) Acting(key kernel.Key, cgroup uint64, tid uint32, e event.Event) Output {
	acting := wire.Event{Event: e}
	if tid != key.Tgid {
		acting.Tid = tid
	}
	by := t.acting(key)
	t.moved(by, cgroup)
	return output(acting, by)
}

// moved gives a process of which no pod is known the pod in which it acts now: only hooks tell of it, or it was moved there, as
// what a container runtime runs in a container is.
func (t *Table) moved(e *entry, cgroup uint64) {
	id := t.cgroups[cgroup]
	if e.image.PodUID != "" || id.PodUID == "" {
		return
	}
	image := *e.image // others may have been given the former
	t.setCgroup(&image, id)
	e.image, e.cgroup = &image, cgroup
}

// Left is a process that was moved out of the scope, as it was there; nil if it was not traced, or has left before.
func (t *Table) Left(key kernel.Key) *wire.Process {
	e := t.processes[key]
	if e == nil || !e.traced || e.left {
		return nil
	}
	e.left = true
	return e.image
}

func (t *Table) acting(key kernel.Key) *entry {
	e := t.processes[key]
	if e == nil {
		e = t.lately(key)
	}
	if e != nil && e.image != nil && (!e.standIn || e.sought) {
		return e
	}
	found, sought := t.seek(key)
	if found != nil {
		return found
	}
	if e == nil {
		e = &entry{}
		t.processes[key] = e
	}
	e.sought = e.sought || sought
	if e.image == nil {
		e.standIn = true
		e.image = &wire.Process{Process: event.Process{Flags: event.FlagUnknown.String()}}
		t.name(e.image, key, key.Start, e)
		t.setCgroup(e.image, t.cgroups[e.cgroup])
	}
	return e
}

// seek looks for a process among the running ones: one that is not known, or that is known by its fork only. It is nil when
// it does not run; sought is false when they can't be looked at right now.
func (t *Table) seek(key kernel.Key) (e *entry, sought bool) {
	running, ok := t.refresh()
	if !ok {
		return nil, false
	}
	at := slices.IndexFunc(running, func(i *kernel.Image) bool { return i.Header.Process == key })
	if at < 0 {
		return nil, true
	}
	e = t.processes[key]
	if e.image == nil || e.standIn {
		e.image, e.standIn, e.execed = t.describe(running[at], e, key.Start, event.FlagProcFS), false, true
	}
	return e, true
}

// refresh adds the running processes that are not known and returns all that run; not ok when that was done too lately. Those in the
// scope are on their way into a container, of which no record tells; but where records were lost they may be anybody, and are told.
func (t *Table) refresh() (running []*kernel.Image, ok bool) {
	now := time.Now()
	if now.Sub(t.refreshed) <= refreshInterval {
		return nil, false
	}
	t.refreshed = now
	running, err := t.Running()
	if err != nil {
		return nil, false // what the records say must do
	}
	lost := t.Lost()
	t.Seed(running, func(i *kernel.Image) bool { return lost && t.Target(i) })
	return running, true
}
