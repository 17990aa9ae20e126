// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// pumped is what a pump brings: a frame, a line that is none, or, at last, how the stream ended.
type pumped struct {
	received
	line *lineError
	end  error
}

// pump reads one stream in a goroutine of its own, because opening and reading may block for as long as they like.
type pump struct {
	lines chan pumped
	open  atomic.Bool
}

// startPump begins to read; ctx ends it. lines is closed behind the last.
func startPump(ctx context.Context, s Source, since time.Time, follow bool) *pump {
	p := &pump{lines: make(chan pumped, 16)}
	go func() {
		defer close(p.lines)
		p.run(ctx, s, since, follow)
	}()
	return p
}

func (p *pump) run(ctx context.Context, s Source, since time.Time, follow bool) {
	log, err := s.Open(ctx, since, follow)
	if err != nil {
		p.send(ctx, pumped{end: err})
		return
	}
	defer log.Close()
	p.open.Store(true)
	stop := context.AfterFunc(ctx, func() { log.Close() }) // a Read that hangs
	defer stop()
	lines := newLineReader(log)
	for {
		got := pumped{}
		got.received, err = lines.next()
		var bad *lineError
		if err != nil && !errors.As(err, &bad) {
			p.send(ctx, pumped{end: err})
			return
		}
		got.line = bad
		if !p.send(ctx, got) {
			return
		}
	}
}

func (p *pump) send(ctx context.Context, got pumped) bool {
	select {
	case p.lines <- got:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p *pump) opened() bool { return p.open.Load() }

// drain waits until the pump, whose context has ended, is done.
func (p *pump) drain() {
	for range p.lines {
	}
}
