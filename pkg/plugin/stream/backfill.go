// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"errors"
	"io"
	"math"
	"time"
)

const (
	// maxBackfill is how long missing frames are looked for; the frames behind them wait meanwhile.
	maxBackfill = 3 * time.Second
	// backfillInterval is the pause before a failed attempt is repeated.
	backfillInterval = 200 * time.Millisecond
	// maxWaiting is how many bytes of frames wait for the missing ones before them.
	maxWaiting = 8 << 20
)

// backfill looks for the frames from first up to, without, end in what the log still holds.
type backfill struct {
	options    *options
	session    string
	first, end uint64
	// found by number; complete once finished is closed.
	found    map[uint64]received
	cancel   context.CancelFunc
	finished chan struct{}
}

// done is closed when the backfill has ended. Without a backfill it is nil, which is never ready.
func (b *backfill) done() <-chan struct{} {
	if b == nil {
		return nil
	}
	return b.finished
}

// fillGap starts a backfill when frames are missing and none runs, and ends the one whose frames came by themselves.
func (f *follower) fillGap(ctx context.Context) {
	first, end := f.order.gap()
	switch {
	case first == end:
		f.stopBackfill()
	case f.order.waitingBytes > maxWaiting:
		f.stopBackfill()
		f.order.giveUp(math.MaxUint64)
	case f.backfill == nil:
		f.startBackfill(ctx, first, end)
	}
}

func (f *follower) startBackfill(ctx context.Context, first, end uint64) {
	ctx, cancel := context.WithTimeout(ctx, maxBackfill)
	b := &backfill{options: f.options, session: f.session, first: first, end: end, found: map[uint64]received{}, cancel: cancel, finished: make(chan struct{})}
	f.backfill = b
	since := f.resumeFrom()
	go f.options.guard(func() {
		defer close(b.finished)
		for b.read(ctx, f.source, since) != nil {
			select {
			case <-time.After(backfillInterval):
			case <-ctx.Done():
				return
			}
		}
	})
}

// endBackfill takes what a finished backfill found, gives up what it did not find, and goes on with the next gap.
func (f *follower) endBackfill(ctx context.Context) {
	b := f.backfill
	b.cancel()
	f.backfill = nil
	for _, r := range b.found {
		f.order.add(r)
	}
	f.order.giveUp(b.end)
	f.fillGap(ctx)
}

// stopBackfill ends a backfill whose result does not matter any more.
func (f *follower) stopBackfill() {
	if f.backfill != nil {
		f.backfill.cancel()
		<-f.backfill.finished
		f.backfill = nil
	}
}

// awaitBackfill waits until no backfill runs.
func (f *follower) awaitBackfill(ctx context.Context) {
	for f.backfill != nil {
		<-f.backfill.done() // it has a deadline, and ctx is its parent
		f.endBackfill(ctx)
	}
}

// read goes through the log once, or until all is found; the error is that of opening or reading it.
func (b *backfill) read(ctx context.Context, s Source, since time.Time) error {
	ctx, cancel := context.WithCancel(ctx)
	p := startPump(ctx, b.options, s, since, false)
	defer func() {
		cancel()
		p.drain()
	}()
	for got := range p.lines {
		if got.end != nil && !errors.Is(got.end, io.EOF) {
			return got.end
		}
		if frame := got.frame; frame != nil && frame.Session == b.session && b.first <= frame.Number && frame.Number < b.end {
			b.found[frame.Number] = got.received
		}
		if uint64(len(b.found)) == b.end-b.first {
			break
		}
	}
	return nil
}
