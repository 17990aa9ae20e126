// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// ResolveTimeout is how long an event waits for the name of its container, from when it was received.
const ResolveTimeout = 2 * time.Second

// maxUnnamed is how many containers are remembered as not worth waiting for.
const maxUnnamed = 4096

// Resolver lets the events of one node wait for the names of their containers. It is for one goroutine.
type Resolver struct {
	index *Index
	// unnamed are containers that nothing waits for any more: they were waited for, or are sandboxes.
	unnamed map[containerKey]struct{}
	// inPods: all that is traced is in pods. missed: it was said that a process came without its pod.
	inPods, missed bool
}

type containerKey struct{ pod, container string }

// NewResolver returns a resolver for the events of one node. inPods says that only pods are traced there: then an event without
// one is said, once, with a notice before it.
func NewResolver(d *Index, inPods bool) *Resolver {
	return &Resolver{index: d, inPods: inPods, unnamed: map[containerKey]struct{}{}}
}

// Events yields a frame's events in order, with their numbers and pods; events of a process share its record. Notices among them have
// the number 0. It blocks while the container of an event's process is not
// known, until ResolveTimeout after the frame was received. A container that stays unknown is waited for only once, and is said
// with a notice before its event. When ctx ends so does the waiting, but not the events.
func (h *Resolver) Events(ctx context.Context, f *wire.Frame, received time.Time) iter.Seq2[uint64, *event.Event] {
	return func(yield func(uint64, *event.Event) bool) {
		h.noteSandboxes(f)
		resolved := make(map[*wire.Process]*event.Process, len(f.Processes))
		resolve := func(p *wire.Process) *event.Process {
			if resolved[p] == nil {
				resolved[p] = h.index.Resolve(p)
			}
			return resolved[p]
		}
		for i := range f.Events {
			switch p := f.Processes[f.Events[i].ProcessID]; {
			case p == nil || p.PodUID == "":
				if h.misses(&f.Events[i]) && !yield(0, podless(&f.Events[i])) {
					return
				}
			case !h.await(ctx, p, received.Add(ResolveTimeout)) && !yield(0, h.notice(f, i, p)):
				return
			}
			if !yield(f.First+uint64(i), f.Take(i, resolve)) {
				return
			}
		}
	}
}

// Pod is what is known of the pod whose cgroup has this UID; nil if there is none.
func (h *Resolver) Pod(uid string) *event.Pod { return h.index.Resolve(&wire.Process{PodUID: uid}).Pod }

// noteSandboxes lets nothing wait for containers that a pause process of this frame runs in: no status will ever name them.
// It looks at the whole frame because what starts a sandbox runs in it before pause does.
func (h *Resolver) noteSandboxes(f *wire.Frame) {
	for _, p := range f.Processes {
		if isPause(p) {
			h.note(p)
		}
	}
}

func (h *Resolver) note(p *wire.Process) {
	if len(h.unnamed) >= maxUnnamed {
		clear(h.unnamed) // they are waited for once more
	}
	h.unnamed[containerKey{p.PodUID, p.ContainerID}] = struct{}{}
}

// await waits until the container of p is known or no status will name it. It is false when it was waited for in vain, for
// the first time.
func (h *Resolver) await(ctx context.Context, p *wire.Process, deadline time.Time) bool {
	if _, given := h.unnamed[containerKey{p.PodUID, p.ContainerID}]; given {
		return true
	}
	var timer *time.Timer
	for {
		update := h.index.update() // before looking, so that nothing comes between
		if h.index.settled(p) {
			return true
		}
		if timer == nil {
			timer = time.NewTimer(time.Until(deadline))
			defer timer.Stop()
		}
		select {
		case <-update:
		case <-timer.C:
			h.note(p)
			return false
		case <-ctx.Done():
			return true
		}
	}
}

// notice says that a container has no name.
func (h *Resolver) notice(f *wire.Frame, i int, p *wire.Process) *event.Event {
	text := fmt.Sprintf("the API server does not name container %s: its events are shown without the name", p.ContainerID)
	if p.ContainerID == "" || !h.index.knows(p.PodUID) {
		text = "the API server does not show this pod: its events are shown without name and namespace"
	}
	return &event.Event{
		Notice:   &event.Notice{Level: event.LevelWarning, Subject: p.PodUID, Text: text},
		NodeName: f.Events[i].NodeName,
		Time:     f.Events[i].Time,
	}
}

// misses says whether e is the first event of a process in a pod that comes without the pod.
func (h *Resolver) misses(e *wire.Event) bool {
	if _, about := e.Subjects(); !about || !h.inPods || h.missed {
		return false
	}
	h.missed = true
	return true
}

// podless says why an event is shown without its pod.
func podless(e *wire.Event) *event.Event {
	return &event.Event{
		Notice: &event.Notice{Level: event.LevelWarning, Text: "the tracer does not know in which pod a process runs (what told of its " +
			"start or of its cgroup was lost): its events are shown without the pod"},
		NodeName: e.NodeName, Time: e.Time,
	}
}
