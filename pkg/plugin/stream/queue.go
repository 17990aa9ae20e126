// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Part is which events of a frame an item is about.
type Part int

const (
	// Whole: all of them.
	Whole Part = iota
	// Enforced: those that stopped something. They pass the others where items wait; the rest of the frame follows in its place.
	Enforced
	// Rest: all but those.
	Rest
)

// backlog is how many bytes of frames have to wait before anything passes them: less is delivered in a moment, in its order.
const backlog = 64 << 10

// queue is items on their way to deliver, bounded by a budget of bytes. What has no room is dropped and counted in a Gap in its
// place; hello, heartbeats, notices, bye and items without a frame never are, and neither are events that enforced something:
// these and the losses pass the others.
type queue struct {
	budget *Budget

	mu      sync.Mutex
	changed sync.Cond // waits for mu
	// urgent goes first.
	urgent, items []queued
	// bytes of frames in items.
	bytes  int
	closed bool
	// abandoned: nobody will pop any more.
	abandoned atomic.Bool
	// dropped is the gap that the next item follows.
	dropped *Gap
	// last is the log time of the last frame that was not dropped.
	last time.Time
}

type queued struct {
	item Item
	size int
}

func newQueue(budget *Budget) *queue {
	q := &queue{budget: budget}
	q.changed.L = &q.mu
	return q
}

// push appends an item, whose frame had size bytes. It waits only where events that enforced something have no room.
func (q *queue) push(it Item, size int) {
	it.Part = Whole
	switch f := it.Frame; {
	case f == nil:
		q.append(queued{item: it}, it.Gap != nil)
	case f.Count == 0:
		q.budget.wait(size, q.abandoned.Load)
		q.append(queued{it, size}, f.Heartbeat != nil)
	case f.Enforced > 0 && q.waits():
		urgent := it
		urgent.Part = Enforced
		q.budget.wait(size, q.abandoned.Load)
		q.append(queued{urgent, size}, true)
		it.Part = Rest
		q.offer(it, size, f.Count-f.Enforced)
	case f.Enforced > 0:
		q.budget.wait(size, q.abandoned.Load)
		q.append(queued{it, size}, false)
	default:
		q.offer(it, size, f.Count)
	}
}

// waits says whether so much waits that urgent items pass it.
func (q *queue) waits() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.behind()
}

// behind is waits; q.mu is held.
func (q *queue) behind() bool { return q.bytes > backlog || q.dropped != nil }

// offer appends a frame of so many events, or drops it. Once there is no room there is none until half is free: one long gap is
// easier to read than many short ones.
func (q *queue) offer(it Item, size, events int) {
	q.mu.Lock()
	dropping := q.dropped != nil
	q.mu.Unlock()
	if q.budget.take(size, dropping) {
		q.append(queued{it, size}, false)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.dropped == nil {
		q.dropped = &Gap{Cause: event.LostDisplay, FirstEvent: it.Frame.First, From: q.last}
	}
	q.dropped.Frames++
	q.dropped.Events += uint64(events)
}

func (q *queue) append(it queued, urgent bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if urgent && q.behind() {
		q.urgent = append(q.urgent, it)
		q.changed.Signal()
		return
	}
	q.flushDropped(it.item.LogTime)
	if it.item.Frame != nil {
		q.last = it.item.LogTime
	}
	q.items = append(q.items, it)
	q.bytes += it.size
	q.changed.Signal()
}

// flushDropped tells of what was dropped; q.mu is held.
func (q *queue) flushDropped(until time.Time) {
	if q.dropped != nil {
		gap := *q.dropped
		gap.To = until
		q.dropped = nil
		if it := (queued{item: Item{Gap: &gap}}); q.bytes > backlog {
			q.urgent = append(q.urgent, it)
		} else {
			q.items = append(q.items, it)
		}
	}
}

// close lets pop end when all items are taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.flushDropped(time.Time{})
	q.closed = true
	q.changed.Broadcast()
}

// abandon says that nobody pops any more: push waits for nothing.
func (q *queue) abandon() {
	q.abandoned.Store(true)
	q.budget.wake()
}

// pop waits for an item; ok is false when there will be none any more.
func (q *queue) pop() (it Item, ok bool) {
	q.mu.Lock()
	for len(q.items)+len(q.urgent) == 0 && !q.closed {
		q.changed.Wait()
	}
	from := &q.urgent
	if len(q.urgent) == 0 {
		from = &q.items
	}
	if len(*from) == 0 {
		q.mu.Unlock()
		return Item{}, false
	}
	head := (*from)[0]
	(*from)[0] = queued{} // let go of it
	if from == &q.items {
		q.bytes -= head.size
	}
	*from = (*from)[1:]
	q.mu.Unlock()
	q.budget.give(head.size)
	return head.item, true
}
