// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// QueueBytes is how much of the log waits for a slow deliver in a session that shares no Budget: at 400 KB/s, which is 10,000
// events a second in compressed frames, 40 s.
const QueueBytes = 16 << 20

const (
	// maxSilence is how long a tracer, which has a heartbeat each second, may say nothing.
	maxSilence = 5 * time.Second
	// overlap is how much of the log is read again when its stream broke: sinceTime is cut to the second, and lines of one
	// moment may straddle it.
	overlap = 2 * time.Second
	// startInterval is how often the log of a container that has not started yet is asked for.
	startInterval = 100 * time.Millisecond
	// startsPerCheck is after how many of these it is asked whether the tracer is still there.
	startsPerCheck = 20
	// lastReads is how often the log of an ended tracer is tried to be read.
	lastReads = 5
)

// newBackoff is how reading is tried again when it fails or brings nothing new: after 0.2 s, in the end each 5 s.
func newBackoff() wait.Backoff {
	return wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 10, Cap: 5 * time.Second}
}

// Option changes what Follow does.
type Option func(*options)

type options struct {
	budget  *Budget
	guard   func(func())
	onRead  func(error)
	decoder *wire.FrameDecoder
}

func newOptions(opts ...Option) *options {
	o := &options{guard: func(f func()) { f() }, onRead: func(error) {}}
	for _, set := range opts {
		set(o)
	}
	if o.budget == nil {
		o.budget = NewBudget(QueueBytes)
	}
	if o.decoder == nil {
		o.decoder = wire.NewFrameDecoder()
	}
	return o
}

// WithBudget shares the bytes that may wait for deliver with the streams of other nodes.
func WithBudget(b *Budget) Option { return func(o *options) { o.budget = b } }

// WithGuard has each goroutine that Follow starts run by guard, which sees panics.
func WithGuard(guard func(func())) Option { return func(o *options) { o.guard = guard } }

// WithDecoder shares the memory that reading frames takes, some 300 KiB for each that is read at the same time.
func WithDecoder(d *wire.FrameDecoder) Option { return func(o *options) { o.decoder = d } }

// WithReadEnd calls f with what Follow will return when reading has ended, while what was read may still wait for deliver.
func WithReadEnd(f func(error)) Option { return func(o *options) { o.onRead = f } }

// Follow reads a tracer's log until the tracer says bye, its end or ctx's, and delivers what it reads, in order but for what passes
// the rest (see Part), from one goroutine. deliver may block: the reader goes on, and what finds no room is counted in a Gap. When
// Follow returns, all that was read has been delivered.
//
// The result is nil when bye was seen (or the tracer left its totals as termination message); *EndedError when the tracer
// ended without; else ctx's error.
func Follow(ctx context.Context, s Source, session string, deliver func(Item), opts ...Option) error {
	o := newOptions(opts...)
	q := newQueue(o.budget)
	delivered := make(chan struct{})
	go o.guard(func() {
		defer close(delivered)
		defer q.abandon()
		for it, ok := q.pop(); ok; it, ok = q.pop() {
			deliver(it)
		}
	})
	defer context.AfterFunc(ctx, q.abandon)() // who waits for room while deliver is stuck
	err := newFollower(s, session, q.push, o).run(ctx)
	q.close()
	o.onRead(err)
	<-delivered
	return err
}

// follower reads one log. Its fields belong to the goroutine of run.
type follower struct {
	options *options
	source  Source
	session string
	push    func(Item, int)
	order   *order
	ignored ignored
	// backfill is the running attempt to read missing frames, nil when there is none.
	backfill *backfill

	// silence fires when no new frame came for maxSilence. heard is when the last one came, zero before the first; opened:
	// the log could be opened once; silent: the silence was said.
	silence        *time.Timer
	heard          time.Time
	opened, silent bool
	// readError is the text of the last error that was said; empty when reading goes well.
	readError string
}

func newFollower(s Source, session string, push func(Item, int), o *options) *follower {
	f := &follower{options: o, source: s, session: session, push: push}
	f.ignored.push = push
	f.order = newOrder(push, func(r received, err error) {
		f.ignored.malformed(&lineError{sample: "", err: err})
	})
	f.order.decoder = o.decoder
	return f
}

// outcome is how reading one stream ended.
type outcome struct {
	// err is nil at a clean end (EOF).
	err error
	// progress: it brought a new frame; starting: the container has not started yet.
	progress, starting bool
}

// run is the life of a follower: read a stream until it ends, see whether the tracer has, and if not, read again.
func (f *follower) run(ctx context.Context) error {
	defer f.ignored.flush()
	defer f.stopBackfill()
	f.silence = time.NewTimer(maxSilence)
	defer f.silence.Stop()
	backoff, starts, reads := newBackoff(), 0, 0
	var ending *Ending
	for {
		result := f.read(ctx, ending == nil)
		switch {
		case f.order.done:
			return nil
		case ctx.Err() != nil:
			f.order.finish(nil, f.session)
			return context.Cause(ctx)
		case ending != nil:
			if reads++; result.err == nil || apierrors.IsNotFound(result.err) || reads == lastReads {
				return f.end(ctx, ending)
			}
		case result.starting:
			if starts++; starts%startsPerCheck == 0 {
				ending = f.ended(ctx)
			}
			f.pause(ctx, startInterval)
			continue
		default:
			if ending = f.ended(ctx); ending != nil {
				continue // read what is left
			}
		}
		f.report(result)
		if result.progress {
			backoff = newBackoff()
			continue
		}
		f.pause(ctx, backoff.Step())
	}
}

// report says an error, once for a series of equal ones. The end of a stream that brought something new is none yet.
func (f *follower) report(result outcome) {
	if result.progress {
		f.readError = ""
		return
	}
	if result.err == nil || errors.Is(result.err, errSilent) || result.err.Error() == f.readError {
		return
	}
	f.readError = result.err.Error()
	f.push(Item{ReadError: &ReadError{result.err}}, 0)
}

// ended asks whether the tracer has ended. That it can't be told is not worth a word: reading says the same.
func (f *follower) ended(ctx context.Context) *Ending {
	ctx, cancel := context.WithTimeout(ctx, maxSilence)
	defer cancel()
	ending, err := f.source.Ended(ctx)
	if err != nil {
		return nil
	}
	return ending
}

// end is for a log that was read to its end without a bye.
func (f *follower) end(ctx context.Context, ending *Ending) error {
	f.awaitBackfill(ctx)
	farewell := parseFinalTotals(ending.Message)
	f.order.finish(farewell, f.session)
	if f.order.done {
		return nil
	}
	return &EndedError{ending.Reason}
}

// parseFinalTotals reads the termination message of a tracer; nil when it is something else (a panic, the runtime's words).
func parseFinalTotals(message string) *event.Bye {
	var bye event.Bye
	if err := json.Unmarshal([]byte(message), &bye); err != nil || bye.Reason == "" {
		return nil
	}
	return &bye
}

// pause waits, while a running backfill may bring its frames.
func (f *follower) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return
		case <-f.backfill.done():
			f.endBackfill(ctx)
		case <-f.silence.C:
			f.saySilent()
		case <-ctx.Done():
			return
		}
	}
}

// resumeFrom is where to read on.
func (f *follower) resumeFrom() time.Time {
	if f.order.last.IsZero() || f.silent { // silent: reading from the last frame brought nothing; perhaps the node's clock was set back
		return time.Time{}
	}
	return f.order.last.Add(-overlap)
}

// read opens the log and takes its frames until the stream ends, the tracer is silent for too long, or bye.
func (f *follower) read(ctx context.Context, follow bool) (result outcome) {
	stream, cancel := context.WithCancel(ctx)
	p := startPump(stream, f.options, f.source, f.resumeFrom(), follow)
	defer func() {
		cancel()
		p.drain()
	}()
	for !f.order.done {
		select {
		case got, ok := <-p.lines:
			switch {
			case !ok:
				return result
			case got.opened:
				f.begin()
			case got.end != nil:
				result.starting, result.err = classify(got.end)
			case got.line != nil:
				f.ignored.malformed(got.line)
			case f.take(ctx, got.received):
				result.progress = true
			}
		case <-f.backfill.done():
			f.endBackfill(ctx)
		case <-f.silence.C:
			if f.saySilent() {
				result.err = errSilent
				return result
			}
		case <-ctx.Done():
			return result
		}
	}
	return result
}

// classify tells a clean end and a container that has not started from an error.
func classify(err error) (starting bool, _ error) {
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return strings.Contains(err.Error(), "is waiting to start"), err // the kubelet's words, in a plain BadRequest
}

var errSilent = errors.New("the tracer is silent")

// begin is for the first time that the log is open: from now on silence counts. Until then the source may take its time.
func (f *follower) begin() {
	if !f.opened {
		f.opened = true
		f.silence.Reset(maxSilence)
	}
}

// saySilent is for when nothing new came for too long: it delivers Stale, once, and begins to measure anew. It says
// whether silence counts yet.
func (f *follower) saySilent() bool {
	f.silence.Reset(maxSilence)
	if !f.opened {
		return false
	}
	if !f.silent {
		f.silent = true
		silence := maxSilence
		if !f.heard.IsZero() {
			silence = time.Since(f.heard)
		}
		f.push(Item{Stale: &Stale{Silence: silence, Last: f.heard}}, 0)
		if r, ok := f.source.(Resetter); ok {
			r.Reset()
		}
	}
	return true
}

// take passes a frame on, and says whether it is a new one. A new gap is tried to be filled.
func (f *follower) take(ctx context.Context, r received) bool {
	if r.frame.Session != f.session {
		f.ignored.foreign(r)
		return false
	}
	if !f.order.add(r) {
		return false
	}
	f.heard, f.silent = time.Now(), false
	f.silence.Reset(maxSilence)
	f.fillGap(ctx)
	return true
}
