// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"
)

// Pipe is a stream's source for a tracer in this process. Each Write is one frame and waits until a reader took it. Unlike
// with io.Pipe a reader may be closed and another opened, as a stream does whose tracer was silent: what was not read yet
// goes to the next.
type Pipe struct {
	frames chan []byte
	closed chan struct{}
	close  sync.Once
}

// NewPipe returns an open pipe.
func NewPipe() *Pipe { return &Pipe{frames: make(chan []byte), closed: make(chan struct{})} }

// Write fails once the pipe is closed.
func (p *Pipe) Write(frame []byte) (int, error) {
	select {
	case p.frames <- bytes.Clone(frame):
		return len(frame), nil
	case <-p.closed:
		return 0, io.ErrClosedPipe
	}
}

// Close ends the source: the tracer has ended, or nobody will read any more.
func (p *Pipe) Close() error {
	p.close.Do(func() { close(p.closed) })
	return nil
}

// Open returns what is written from now on. There is no past to return without follow.
func (p *Pipe) Open(ctx context.Context, _ time.Time, follow bool) (io.ReadCloser, error) {
	if !follow {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	ctx, cancel := context.WithCancel(ctx)
	return &pipeReader{pipe: p, ctx: ctx, cancel: cancel}, nil
}

// Ended is when the pipe is closed.
func (p *Pipe) Ended(context.Context) (*Ending, error) {
	select {
	case <-p.closed:
		return &Ending{Reason: "the tracer ended without a word"}, nil
	default:
		return nil, nil
	}
}

type pipeReader struct {
	pipe   *Pipe
	ctx    context.Context
	cancel context.CancelFunc
	rest   []byte
}

func (r *pipeReader) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		select {
		case r.rest = <-r.pipe.frames:
		case <-r.pipe.closed:
			return 0, io.EOF
		case <-r.ctx.Done():
			return 0, r.ctx.Err()
		}
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *pipeReader) Close() error { r.cancel(); return nil }
