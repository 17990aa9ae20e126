// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/process"
)

// queue holds events between the goroutine that reads the ring and the one that writes. They are handed over many at a time:
// to wake a goroutine for each would cost more than all that is done with the event.
type queue struct {
	// full has a value when batchLength events wait, room when those that wait have become roomLength.
	full, room chan struct{}
	// length counts events that wait, those included that are being handed over. One goroutine puts.
	length atomic.Int64

	mutex   sync.Mutex
	waiting []process.Output
	// spare is memory that waiting had before.
	spare []process.Output
}

// put adds an event; it never waits. It is false when there is no room: others leave some for enforcement events.
func (q *queue) put(e process.Output, enforcement bool) bool {
	most := queueLength
	if enforcement {
		most = 2 * queueLength
	}
	if int(q.length.Load()) >= most {
		return false
	}
	q.length.Add(1)
	q.mutex.Lock()
	q.waiting = append(q.waiting, e)
	length := len(q.waiting)
	q.mutex.Unlock()
	if length == batchLength {
		signal(q.full)
	}
	return true
}

// signal gives a channel a value unless it has one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// await waits no longer than d until fewer than enoughLength events wait, and says whether that is so. It is for who puts.
func (q *queue) await(d time.Duration) bool {
	if q.length.Load() < enoughLength {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-q.room:
			if q.length.Load() < enoughLength { // else the value was left from before
				return true
			}
		case <-timer.C:
			return false
		}
	}
}

// each calls use for each waiting event, in order, until that fails.
func (q *queue) each(use func(*process.Output) error) error {
	q.mutex.Lock()
	batch := q.waiting
	q.waiting = q.spare
	q.mutex.Unlock()
	for i := range batch {
		if err := use(&batch[i]); err != nil {
			return err
		}
		batch[i] = process.Output{} // does not keep anything alive
		if q.length.Add(-1) == roomLength {
			signal(q.room)
		}
	}
	q.spare = batch[:0]
	if cap(batch) > 4*batchLength {
		q.spare = nil
	}
	return nil
}
