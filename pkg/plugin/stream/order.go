// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"math"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// order puts frames into the order of their numbers. It does no input or output and knows no clock.
type order struct {
	// emit takes frames in order, with the gaps between them.
	emit func(Item, int)
	// reject takes what contradicts the frames before it.
	reject func(received, error)

	// frame and event are the numbers that come next.
	frame, event uint64
	// last is the log time of the last frame that was emitted.
	last time.Time
	// done: bye was emitted, nothing comes any more.
	done bool
	// decoder is for the items.
	decoder *wire.FrameDecoder
	// waiting are frames behind a gap, by number, waitingBytes their size.
	waiting      map[uint64]received
	waitingBytes int
}

func newOrder(emit func(Item, int), reject func(received, error)) *order {
	return &order{emit: emit, reject: reject, frame: 1, event: 1, waiting: map[uint64]received{}}
}

// add takes a frame, and says whether it is a new one.
func (o *order) add(r received) bool {
	n := r.frame.Number
	if _, have := o.waiting[n]; have || n < o.frame || o.done {
		return false
	}
	if n > o.frame {
		o.waiting[n] = r
		o.waitingBytes += r.size
		return true
	}
	if !o.pass(r) {
		return false
	}
	o.release()
	return true
}

// gap says which frames are missing: those from first up to, without, end. There is none when both are equal.
func (o *order) gap() (first, end uint64) {
	if len(o.waiting) == 0 || o.done {
		return o.frame, o.frame
	}
	end = math.MaxUint64
	for n := range o.waiting {
		end = min(end, n)
	}
	return o.frame, end
}

// giveUp stops waiting for missing frames before number end.
func (o *order) giveUp(end uint64) {
	for {
		first, next := o.gap()
		if first == next || next > end {
			return
		}
		o.pass(o.take(next))
		o.release()
	}
}

// finish stops waiting for anything. Without bye, what the tracer left as its termination message may say the totals; it is
// emitted as a frame.
func (o *order) finish(farewell *event.Bye, session string) {
	o.giveUp(math.MaxUint64)
	if o.done {
		return
	}
	if farewell == nil {
		o.emit(Item{Gap: &Gap{Cause: event.LostWire, FirstEvent: o.event, From: o.last, Uncounted: true}}, 0)
		return
	}
	bye := &wire.Frame{Version: wire.Version, Session: session, Number: o.frame, First: max(o.event, farewell.Totals.Events+1), Bye: farewell, Lost: farewell.Totals.Lost}
	o.pass(received{frame: bye})
}

// release emits the frames that waited for the one just emitted.
func (o *order) release() {
	for len(o.waiting) > 0 && !o.done {
		if _, have := o.waiting[o.frame]; !have {
			return
		}
		o.pass(o.take(o.frame))
	}
}

func (o *order) take(n uint64) received {
	r := o.waiting[n]
	delete(o.waiting, n)
	o.waitingBytes -= r.size
	return r
}

// pass emits a frame, and before it the gap between the last one and this. It says whether the frame was fit for it.
func (o *order) pass(r received) bool {
	f := r.frame
	first := f.First
	if f.Bye != nil {
		first = max(first, f.Bye.Totals.Events+1)
	}
	if first < o.event {
		o.reject(r, fmt.Errorf("%w: frame %d begins with event %d, which was read before", wire.ErrMalformed, f.Number, first))
		return false
	}
	if f.Number > o.frame || first > o.event {
		o.emit(Item{Gap: &Gap{
			Cause:  event.LostWire,
			Events: first - o.event, FirstEvent: o.event, Frames: f.Number - o.frame,
			From: o.last, To: r.logTime,
		}}, 0)
	}
	o.frame, o.event = f.Number+1, first+uint64(f.Count)
	if !r.logTime.IsZero() {
		o.last = r.logTime
	}
	o.done = f.Bye != nil
	o.emit(Item{Frame: f, LogTime: r.logTime, Received: r.read, Size: r.size, line: r.line, decoder: o.decoder}, r.size)
	return true
}
