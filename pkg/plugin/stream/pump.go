// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"errors"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// pumped is what a pump brings: that the log is open, a frame, a line that is none, or, at last, how the stream ended.
type pumped struct {
	received
	line *lineError
	end  error
	// opened comes first, once the log is open.
	opened bool
}

// pump reads one stream in a goroutine of its own, because opening and reading may block for as long as they like.
type pump struct {
	lines   chan pumped
	decoder *wire.FrameDecoder
}

// startPump begins to read; ctx ends it. lines is closed behind the last.
func startPump(ctx context.Context, o *options, s Source, since time.Time, follow bool) *pump {
	p := &pump{lines: make(chan pumped, 16), decoder: o.decoder}
	go o.guard(func() {
		defer close(p.lines)
		p.run(ctx, s, since, follow)
	})
	return p
}

func (p *pump) run(ctx context.Context, s Source, since time.Time, follow bool) {
	log, err := s.Open(ctx, since, follow)
	if err != nil {
		p.send(ctx, pumped{end: err})
		return
	}
	defer log.Close()
	stop := context.AfterFunc(ctx, func() { log.Close() }) // a Read that hangs
	defer stop()
	lines := newLineReader(log, p.decoder)
	for ok := p.send(ctx, pumped{opened: true}); ok; {
		got := pumped{}
		got.received, err = lines.next()
		var bad *lineError
		if err != nil && !errors.As(err, &bad) {
			p.send(ctx, pumped{end: err})
			return
		}
		got.line = bad
		ok = p.send(ctx, got)
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

// drain waits until the pump, whose context has ended, is done.
func (p *pump) drain() {
	for range p.lines {
	}
}
