// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"sync"
	"sync/atomic"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/process"
)

// queue holds events between the goroutine that reads the ring and the one that writes. They are handed over many at a time:
// to wake a goroutine for each would cost more than all that is done with the event.
type queue struct {
	// full has a value when batchLength events wait.
	full chan struct{}

	mutex   sync.Mutex
	waiting []process.Output
	// taken are events that are being handed over and count as waiting.
	taken atomic.Int64
	// spare is memory that waiting had before.
	spare []process.Output
}

// put adds an event; it never waits. It is false when there is no room: others leave some for enforcement events.
func (q *queue) put(e process.Output, enforcement bool) bool {
	most := queueLength
	if enforcement {
		most = 2 * queueLength
	}
	q.mutex.Lock()
	length := len(q.waiting)
	room := length+int(q.taken.Load()) < most
	if room {
		q.waiting = append(q.waiting, e)
	}
	q.mutex.Unlock()
	if room && length+1 == batchLength {
		select {
		case q.full <- struct{}{}:
		default: // it is known already
		}
	}
	return room
}

// each calls use for each waiting event, in order, until that fails.
func (q *queue) each(use func(*process.Output) error) error {
	q.mutex.Lock()
	batch := q.waiting
	q.waiting = q.spare
	q.taken.Store(int64(len(batch)))
	q.mutex.Unlock()
	for i := range batch {
		if err := use(&batch[i]); err != nil {
			return err
		}
		batch[i] = process.Output{} // does not keep anything alive
		q.taken.Add(-1)
	}
	q.spare = batch[:0]
	if cap(batch) > 4*batchLength {
		q.spare = nil
	}
	return nil
}
