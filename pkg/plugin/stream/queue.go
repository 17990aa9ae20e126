// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"sync"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// queue stands between the reader and a consumer that may be slow. Frames that find it full are dropped, and the gap says
// so in their place; what is said once (hello, notice, bye, gaps) always finds room.
type queue struct {
	limit int

	mu      sync.Mutex
	changed sync.Cond
	items   []queued
	bytes   int
	closed  bool
	// dropped is the gap that the next item follows.
	dropped *Gap
	// last is the log time of the last frame that was not dropped.
	last time.Time
}

type queued struct {
	item Item
	size int
}

func newQueue(limit int) *queue {
	q := &queue{limit: limit}
	q.changed.L = &q.mu
	return q
}

// push appends an item, whose frame had size bytes. It never waits.
func (q *queue) push(it Item, size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.full(size) && droppable(it.Frame) {
		q.drop(it)
		return
	}
	q.flushDropped(it.LogTime)
	if it.Frame != nil {
		q.last = it.LogTime
	}
	q.append(queued{it, size})
}

// full, once it is, stays so until half is free: one long gap is easier to read than many short ones.
func (q *queue) full(size int) bool {
	limit := q.limit
	if q.dropped != nil {
		limit /= 2
	}
	return q.bytes+size > limit
}

func droppable(f *wire.Frame) bool {
	return f != nil && f.Hello == nil && f.Notice == nil && f.Bye == nil
}

func (q *queue) drop(it Item) {
	if q.dropped == nil {
		q.dropped = &Gap{Cause: event.LostDisplay, FirstEvent: it.Frame.First, From: q.last}
	}
	q.dropped.Frames++
	q.dropped.Events += uint64(it.Frame.Count)
}

func (q *queue) flushDropped(until time.Time) {
	if q.dropped != nil {
		gap := *q.dropped
		gap.To = until
		q.dropped = nil
		q.append(queued{item: Item{Gap: &gap}})
	}
}

func (q *queue) append(item queued) {
	q.items = append(q.items, item)
	q.bytes += item.size
	q.changed.Signal()
}

// close lets pop end when all items are taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.flushDropped(time.Time{})
	q.closed = true
	q.changed.Broadcast()
}

// pop waits for an item; ok is false when there will be none any more.
func (q *queue) pop() (it Item, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.changed.Wait()
	}
	if len(q.items) == 0 {
		return Item{}, false
	}
	head := q.items[0]
	q.items[0] = queued{} // let go of it
	q.items = q.items[1:]
	q.bytes -= head.size
	return head.item, true
}
