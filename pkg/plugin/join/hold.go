// SPDX-License-Identifier: Apache-2.0

package join

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Patience is how long an event waits for the name of its container, from when it was received.
const Patience = 2 * time.Second

// maxUnnamed is how many containers are remembered as not worth waiting for.
const maxUnnamed = 4096

// Hold lets the events of one node wait for the names of their containers. It is for one goroutine.
type Hold struct {
	directory *Directory
	// unnamed are containers that nothing waits for any more: they were waited for, or are sandboxes.
	unnamed map[containerKey]struct{}
}

type containerKey struct{ pod, container string }

// NewHold returns a hold for the events of one node.
func NewHold(d *Directory) *Hold {
	return &Hold{directory: d, unnamed: map[containerKey]struct{}{}}
}

// Events yields a frame's events in order, with their pods. It blocks while the container of an event's process is not
// known, until Patience after the frame was received. A container that stays unknown is waited for only once, and is said
// with a notice before its event. When ctx ends so does the waiting, but not the events.
func (h *Hold) Events(ctx context.Context, f *wire.Frame, received time.Time) iter.Seq[*event.Event] {
	return func(yield func(*event.Event) bool) {
		h.noteSandboxes(f)
		for i := range f.Events {
			if p := f.Processes[f.Events[i].ProcessID]; p != nil && !h.await(ctx, p, received.Add(Patience)) {
				if !yield(h.notice(f, i, p)) {
					return
				}
			}
			if !yield(f.Event(i, h.directory.Complete)) {
				return
			}
		}
	}
}

// noteSandboxes lets nothing wait for containers that a pause process of this frame runs in: no status will ever name them.
// It looks at the whole frame because what starts a sandbox runs in it before pause does.
func (h *Hold) noteSandboxes(f *wire.Frame) {
	for _, p := range f.Processes {
		if isPause(p) {
			h.note(p)
		}
	}
}

func (h *Hold) note(p *wire.Process) {
	if len(h.unnamed) >= maxUnnamed {
		clear(h.unnamed) // they are waited for once more
	}
	h.unnamed[containerKey{p.PodUID, p.ContainerID}] = struct{}{}
}

// await waits until the container of p is known or no status will name it. It is false when it was waited for in vain, for
// the first time.
func (h *Hold) await(ctx context.Context, p *wire.Process, deadline time.Time) bool {
	if p.PodUID == "" {
		return true
	}
	if _, given := h.unnamed[containerKey{p.PodUID, p.ContainerID}]; given {
		return true
	}
	var timer *time.Timer
	for {
		update := h.directory.update() // before looking, so that nothing comes between
		if h.directory.settled(p) {
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
func (h *Hold) notice(f *wire.Frame, i int, p *wire.Process) *event.Event {
	text := fmt.Sprintf("the API server does not name container %s: its events are shown without the name", p.ContainerID)
	if p.ContainerID == "" || !h.directory.knows(p.PodUID) {
		text = "the API server does not show this pod: its events are shown without name and namespace"
	}
	return &event.Event{
		Notice:   &event.Notice{Level: event.LevelWarning, Subject: p.PodUID, Text: text},
		NodeName: f.Events[i].NodeName,
		Time:     f.Events[i].Time,
	}
}
