// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// queueBatches is how many batches wait for a sink: a batch is at most what one frame holds. What comes on top waits in its
	// node's stream, which counts what it has to drop, or is dropped here if the sink is not waited for.
	queueBatches = 4
	// mostBatches is how many wait where Most bounds their events.
	mostBatches = 1 << 14
	// flushInterval is how often a sink that holds something back is asked to show it.
	flushInterval = 50 * time.Millisecond
)

// Output is a sink with the queue before it and the goroutine that feeds it. Put may be called concurrently.
type Output struct {
	// Name of the sink in counts.
	Name string
	Sink Sink
	// Wait: Put waits until the sink takes what comes. Otherwise what has no room is dropped and counted.
	Wait bool
	// Most is how many events may wait for a sink that nothing waits for, not even what is urgent; 0: what some frames hold, but for what
	// is urgent.
	Most int64
	// InOrder: nothing passes anything.
	InOrder bool
	// Shows is asked before each item whether the sink takes it (a limit); nil: all. Shown is told of each that it took.
	Shows func(*Item) bool
	Shown func(*Item)
	// Failed is told, once, why the sink is of no use any more. Items that come later are counted as filtered.
	Failed func(error)

	urgent, normal chan Batch
	// waits is how many events wait, where Most bounds them.
	waits   atomic.Int64
	closing chan struct{}
	done    chan struct{}
	err     error
	// taking is the batch that the sink takes now, taken how many of its items it has.
	taking atomic.Pointer[Batch]
	taken  atomic.Int64
}

// Why a sink could not take an event: its queue was full, or it was stuck until the end.
const (
	CauseFull  = "queue full"
	CauseStuck = "stuck"
)

// Start begins to feed the sink; run has a function run in a goroutine of its own.
func (o *Output) Start(run func(func())) {
	room := queueBatches
	if o.Most > 0 {
		room = mostBatches
	}
	o.urgent, o.normal = make(chan Batch, room), make(chan Batch, room)
	o.closing, o.done = make(chan struct{}), make(chan struct{})
	run(o.feed)
}

// Put hands over a batch. It waits where Wait says so, and for urgent items always, but not longer than ctx lasts: then it is
// counted as dropped. Nothing may be put after Close.
func (o *Output) Put(ctx context.Context, b Batch) {
	if len(b.Items) == 0 {
		return
	}
	if len(o.normal) > 1 && b.hasUrgent() && !o.InOrder { // something waits that has to be passed
		urgent, rest := b.split()
		if o.Most > 0 {
			o.offer(o.urgent, urgent)
		} else {
			o.send(ctx, o.urgent, urgent)
		}
		if b = rest; len(b.Items) == 0 {
			return
		}
	}
	if o.Most > 0 {
		o.offer(o.normal, b)
		return
	}
	if o.Wait || b.hasUrgent() {
		o.send(ctx, o.normal, b)
		return
	}
	select {
	case o.normal <- b:
	default:
		b.Counts.Dropped(o.Name, CauseFull, b.events(0))
	}
}

// offer hands over a batch that nothing waits for. What is urgent, and what is about no process, only needs a place in the queue.
func (o *Output) offer(to chan<- Batch, b Batch) {
	count := int64(b.events(0))
	if count == 0 || b.urgent || o.waits.Load()+count <= o.Most {
		o.waits.Add(count) // before it can be taken
		select {
		case to <- b:
			return
		default:
			o.waits.Add(-count)
		}
	}
	b.Counts.Dropped(o.Name, CauseFull, uint64(count))
}

func (o *Output) send(ctx context.Context, to chan<- Batch, b Batch) {
	select {
	case to <- b:
	case <-o.done: // only after a panic
	case <-ctx.Done():
		b.dropped(o.Name, 0)
	}
}

// feed gives batches to the sink until Close. It never stops taking them: whoever puts must not hang when writing failed.
func (o *Output) feed() {
	defer close(o.done)
	tick := time.NewTicker(flushInterval)
	defer tick.Stop()
	for {
		select {
		case b := <-o.urgent:
			o.take(b)
			continue
		default:
		}
		select {
		case b := <-o.urgent:
			o.take(b)
		case b := <-o.normal:
			o.take(b)
		case now := <-tick.C:
			o.flush(now)
		case <-o.closing:
			o.drain()
			if o.err == nil {
				o.fail(o.Sink.Close())
			}
			return
		}
	}
}

func (o *Output) drain() {
	for {
		select {
		case b := <-o.urgent:
			o.take(b)
		case b := <-o.normal:
			o.take(b)
		default:
			return
		}
	}
}

func (o *Output) take(b Batch) {
	o.taking.Store(&b)
	defer o.taking.Store(nil)
	if o.Most > 0 {
		defer o.waits.Add(-int64(b.events(0)))
	}
	for i, it := range b.Items {
		o.taken.Store(int64(i))
		takes := o.err == nil && (o.Shows == nil || o.Shows(it))
		if takes {
			o.fail(o.Sink.Take(it))
		}
		switch {
		case !it.AboutProcess:
		case !takes || o.err != nil:
			b.Counts.Filtered(o.Name)
		default:
			b.Counts.Taken(o.Name)
			if o.Shown != nil {
				o.Shown(it)
			}
		}
	}
	if len(o.normal)+len(o.urgent) == 0 {
		o.flush(time.Now())
	}
}

func (o *Output) flush(now time.Time) {
	if o.err == nil {
		o.fail(o.Sink.Flush(now))
	}
}

func (o *Output) fail(err error) {
	if err != nil && o.err == nil {
		o.err = err
		o.Failed(err)
	}
}

// Close has the sink take everything that was put, and closes it. It waits for that until ctx ends: a sink that is stuck is left.
func (o *Output) Close(ctx context.Context) error {
	close(o.closing)
	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Abandon counts what a sink that is stuck has not taken, by its node as dropped, and returns how many events that are. It is for
// after Close.
func (o *Output) Abandon() (events uint64) {
	select {
	case <-o.done:
		return 0
	default:
	}
	if b := o.taking.Load(); b != nil {
		events += b.dropped(o.Name, int(o.taken.Load()))
	}
	for {
		select {
		case b := <-o.urgent:
			events += b.dropped(o.Name, 0)
		case b := <-o.normal:
			events += b.dropped(o.Name, 0)
		default:
			return events
		}
	}
}
