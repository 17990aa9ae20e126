// SPDX-License-Identifier: Apache-2.0

// Package pipeline is the way of an event from a node's stream to what shows or keeps it: resolve → enrich → keep → redact →
// sinks. Each stage is one small interface; Chain puts them together.
package pipeline

import (
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
)

// Item is one event on its way, with what the stages found out about it.
type Item struct {
	// Event belongs to the item: a stage may change it, but not what it shares with other events (processes, pods, times).
	Event *event.Event
	// Process is what the node's process table says of the event's process; the zero value for an event about no process.
	Process processes.Facts
	// AboutProcess: the event is about a process. What the stream says of itself is not counted.
	AboutProcess bool
	// Urgent: it must not wait behind others, since it tells of something that was enforced, or of what was lost or left out.
	Urgent bool
	// Number of the event among those that its tracer wrote, from 1; 0: it is none of them. Received is when it was read, by this
	// machine's clock.
	Number   uint64
	Received time.Time
	// Unshown: it is left out of what is shown, as asked; only sinks that keep everything take it. Aside: because the command is not
	// about it, whatever the filters say.
	Unshown, Aside bool
}

// NewItem is an item of an event, before any stage.
func NewItem(e *event.Event) *Item {
	_, about := e.Subjects()
	return &Item{Event: e, AboutProcess: about, Urgent: e.Loss != nil || e.ProcessThrottle != nil || about && len(e.Enforced()) > 0}
}

// Stage looks at an item, completes or changes it. It is called by one goroutine for each node, in the order of the node's
// events, and must not wait for anything.
type Stage interface {
	// Pass returns false when the item is filtered out: the stages after it do not see it, and it is counted as filtered.
	Pass(*Item) bool
}

// Sink is where items end: a terminal, a file, a recorder. It is called by one goroutine at a time.
type Sink interface {
	// Take shows or keeps an item. An error means that the sink is of no use any more; it is returned again by later calls.
	Take(*Item) error
	// Flush shows what was held back for long enough, and writes what waits to be written. It is called when no more items are
	// there at the moment, and every 50 ms.
	Flush(now time.Time) error
	// Close writes what is held back. It does not close the output.
	Close() error
}
