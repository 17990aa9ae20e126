// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/process"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

const (
	// queueLength is how many events wait for output that blocks: at some 2 KiB each 16 MiB at the most. As many enforcement events
	// find room beside them.
	queueLength = 8192
	// enoughLength is at how many events the ring is left alone until roomLength of them wait: what floods it is told apart there by
	// pods, here it is not. The rest of the queue is for what one record and what waits for others may give.
	enoughLength = queueLength * 3 / 4
	roomLength   = queueLength / 4
	// drainPatience is how long the rest of the ring waits for room at the end, of the 5 s that a session's end may take.
	drainPatience = 2 * time.Second
	// batchLength is how many queued events wake the goroutine that writes; fewer wait for flushInterval.
	batchLength = 256
	// flushInterval is how long an event waits for others to share a frame with.
	flushInterval = 50 * time.Millisecond
	// heartbeatInterval is how often a frame comes although nothing happens.
	heartbeatInterval = time.Second
	// byeTimeout is how long the end waits for output that blocks.
	byeTimeout = 5 * time.Second
)

// counted is what was counted before events were queued.
type counted struct {
	kernel.Counts
	undecided uint64 // report.Counts.Undecided
}

// output is the way from the table to the frames. event, count and malformed are for the goroutine that reads the ring;
// write runs on its own.
type output struct {
	encoder *wire.Encoder
	queue   queue
	notices chan event.Notice
	// throttles wait to be written: at most a start and a stop of each target in a second.
	throttles []wire.Throttle // of mutex
	// ended is closed when nothing more will be queued.
	ended chan struct{}
	// written is closed when write has ended, with err set.
	written chan struct{}
	err     error
	started bool

	mutex  sync.Mutex
	seen   map[string]uint64
	counts counted
	queued atomic.Uint64 // events lost because the queue was full
	broken atomic.Uint64 // records that could not be decoded
	events atomic.Uint64
}

func newOutput(w io.Writer, config wire.TracerConfig) *output {
	return &output{
		encoder: wire.NewEncoder(w, config.Session, config.Encodings...), queue: queue{full: make(chan struct{}, 1), room: make(chan struct{}, 1)}, notices: make(chan event.Notice, 64),
		ended: make(chan struct{}), written: make(chan struct{}), seen: map[string]uint64{},
	}
}

func (o *output) hello(h event.Hello) error { return o.encoder.Hello(h) }

// event queues an event; it never waits.
func (o *output) event(e process.Output) {
	if !o.queue.put(e, isEnforcement(&e.Event.Event)) {
		o.queued.Add(1)
	}
}

// isEnforcement says whether an event tells of what was stopped, or would have been.
func isEnforcement(e *event.Event) bool {
	h := e.Hooked()
	return h != nil && len(e.Enforced())+len(h.Would) > 0
}

// notice queues a notice. When even these don't get out, the loss of events tells it.
func (o *output) notice(n event.Notice) {
	select {
	case o.notices <- n:
	default:
	}
}

func (o *output) malformed(err error) {
	if o.broken.Add(1) == 1 { // the count tells the rest
		o.notice(event.Notice{Level: event.LevelError, Subject: "records", Text: err.Error()})
	}
}

func (o *output) count(class string) {
	o.mutex.Lock()
	o.seen[class]++
	o.mutex.Unlock()
}

func (o *output) setCounts(c counted) {
	o.mutex.Lock()
	o.counts = c
	o.mutex.Unlock()
}

// lost are the totals by cause; causes that did not occur are left out.
func (o *output) lost() map[string]uint64 {
	o.mutex.Lock()
	c := o.counts
	o.mutex.Unlock()
	lost := map[string]uint64{}
	for cause, n := range map[string]uint64{
		event.LostRing: c.RingFull, event.LostEnforcement: c.EnforcementsFull, event.LostMissed: c.Missed, event.LostBusy: c.Busy,
		event.LostScope: c.ScopeFull, event.LostWaiting: c.undecided, event.LostNested: c.Nested, event.LostQueue: o.queued.Load(), event.LostDecode: o.broken.Load(),
	} {
		if n > 0 {
			lost[cause] = n
		}
	}
	return lost
}

// anyLost says whether records did not come, so that what they would have told is not known.
func (o *output) anyLost() bool {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.counts.RingFull+o.counts.Throttled+o.counts.FactsLost+o.counts.Missed+o.counts.Busy > 0 || o.broken.Load() > 0
}

func (o *output) totals() event.Totals {
	o.mutex.Lock()
	seen, counts := maps.Clone(o.seen), o.counts
	o.mutex.Unlock()
	cost := ownCost()
	cost.BPFNanoseconds, cost.BPFRuns = uint64(counts.RunTime), counts.Runs
	return event.Totals{
		Seen: seen, Events: o.events.Load(), Lost: o.lost(), Cost: cost,
		Partial: event.Partial{RateLimited: counts.RateLimited, Throttled: counts.Throttled, ReturnsLost: counts.ReturnsLost, FactsLost: counts.FactsLost, StatesFull: counts.StatesFull},
	}
}

// write turns events into frames until no more are queued; when that fails it ends the session.
func (o *output) write(end context.CancelCauseFunc) {
	defer close(o.written)
	flush, heartbeat := time.NewTicker(flushInterval), time.NewTicker(heartbeatInterval)
	defer flush.Stop()
	defer heartbeat.Stop()
	for {
		var more func() error
		select {
		case <-o.queue.full:
			more = func() error { return nil }
		case <-flush.C:
			o.encoder.SetLost(o.lost())
			more = o.flush
		case <-heartbeat.C:
			o.encoder.SetLost(o.lost())
			more = func() error { return o.encoder.Heartbeat(o.totals()) }
		case n := <-o.notices:
			more = func() error { return o.encoder.Notice(n) }
		case <-o.ended:
			more = nil
		}
		err := o.queue.each(o.add)
		if err == nil && more != nil {
			err = more()
		}
		if err != nil {
			o.err = fmt.Errorf("write frames: %w", err)
			end(o.err)
			return
		}
		if more == nil {
			return
		}
	}
}

// throttle queues what is told of a throttling; none may be left out, since its count is nowhere else.
func (o *output) throttle(t wire.Throttle) {
	o.mutex.Lock()
	o.throttles = append(o.throttles, t)
	o.mutex.Unlock()
}

// flush writes the frame that events are gathered in, and what is told of throttlings.
func (o *output) flush() error {
	o.mutex.Lock()
	waiting := o.throttles
	o.throttles = nil
	o.mutex.Unlock()
	for _, t := range waiting {
		if err := o.encoder.Throttle(t); err != nil {
			return err
		}
	}
	return o.encoder.Flush()
}

// add hands an event to the encoder. One that can't be told is counted; the others can.
func (o *output) add(e *process.Output) error {
	err := o.encoder.Add(e.Event, e.Processes...)
	if errors.Is(err, wire.ErrEvent) {
		o.malformed(err)
		return nil
	}
	if err == nil {
		o.events.Add(1)
	}
	return err
}

// errBlocked: whoever reads the frames does not.
var errBlocked = errors.New("the output is blocked: the last events were not written")

// bye writes what is queued and then the last frame. Nothing may be queued any more.
func (o *output) bye(b event.Bye) error {
	if o.started {
		close(o.ended)
		select {
		case <-o.written:
		case <-time.After(byeTimeout):
			return errBlocked
		}
	}
	if o.err != nil {
		return o.err
	}
	for len(o.notices) > 0 {
		if err := o.encoder.Notice(<-o.notices); err != nil {
			return err
		}
	}
	if err := o.flush(); err != nil {
		return err
	}
	o.encoder.SetLost(o.lost())
	b.Totals.Events, b.Totals.Lost = o.encoder.Written(), o.lost()
	return o.encoder.Bye(b)
}
