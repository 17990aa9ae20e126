// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/carry"
)

const (
	// carryChunk is how much of a tracer is written at once; stallTime is how long that may take, on the slowest way.
	carryChunk = 32 << 10
	stallTime  = 20 * time.Second
)

var errCutOff = errors.New("the connection to the node broke")

// carrying is a tracer under way to its node. There is one attempt: a starter cannot tell where a second stream begins.
type carrying struct {
	tracer carry.Tracer
	sent   atomic.Int64
	// delivered: all is written, which does not say that it arrived. heard: the log has a first byte, so the tracer runs. failed: it
	// was cut off, because of err.
	delivered, heard, failed *signal
	err                      error
}

// signal is a channel that is closed once.
type signal struct {
	once sync.Once
	c    chan struct{}
}

func newSignal() *signal { return &signal{c: make(chan struct{})} }

func (s *signal) give() { s.once.Do(func() { close(s.c) }) }

func (s *signal) given() bool { return isClosed(s.c) }

func newCarrying(p Program) *carrying {
	if p.carried == nil {
		return nil
	}
	return &carrying{tracer: *p.carried, delivered: newSignal(), heard: newSignal(), failed: newSignal()}
}

// cutOff says whether the connection that ended with err took the tracer's only chance with it.
func (c *carrying) cutOff(err error) bool {
	if c == nil || c.sent.Load() == 0 || c.heard.given() {
		return false
	}
	c.err = cmp.Or(err, errCutOff)
	c.failed.give()
	return true
}

// write sends the tracer; cut is called when the way is blocked.
func (c *carrying) write(w io.Writer, cut func()) error {
	stalled := time.AfterFunc(stallTime, cut)
	defer stalled.Stop()
	for rest := c.tracer.Payload; len(rest) > 0; {
		n, err := w.Write(rest[:min(carryChunk, len(rest))])
		c.sent.Add(int64(n))
		if err != nil {
			return fmt.Errorf("after %d of %d bytes: %w", c.sent.Load(), len(c.tracer.Payload), err)
		}
		rest = rest[n:]
		stalled.Reset(stallTime)
	}
	c.delivered.give()
	return nil
}

// awaitCarried returns when the tracer that was sent has begun to speak, or with the reason why it won't.
func (t *Tracer) awaitCarried(ctx context.Context, say func(string)) error {
	slow := time.AfterFunc(slowStart, func() {
		if !t.carrying.delivered.given() {
			say("the tracer to be sent, " + megabytes(len(t.carrying.tracer.Payload)))
		}
	})
	defer slow.Stop()
	t.awaitSignal(ctx, t.carrying.heard)
	pod, gone, _ := t.state()
	switch {
	case t.carrying.heard.given():
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case gone || ended(pod):
		return classifyStart(pod, gone).error(t)
	case t.carrying.failed.given():
		return &NodeError{Node: t.node, Reason: Interrupted, Message: "the tracer did not arrive whole: " + oneLine(t.carrying.err), Err: t.carrying.err}
	}
	return nil
}

// awaitSignal returns when the signal is given, or will not be since the tracer was cut off or its pod has ended; or when ctx ends.
func (t *Tracer) awaitSignal(ctx context.Context, s *signal) {
	for {
		pod, gone, changed := t.state()
		if gone || ended(pod) {
			return
		}
		select {
		case <-changed:
		case <-s.c:
			return
		case <-t.carrying.failed.c:
			return
		case <-ctx.Done():
			return
		}
	}
}

// megabytes are decimal, as networks count.
func megabytes(n int) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// firstByte tells of the first byte that is read.
type firstByte struct {
	io.ReadCloser
	c *carrying
}

func (r firstByte) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if n > 0 {
		r.c.heard.give()
	}
	return n, err
}
