// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

const (
	// endLag is how long the kubelet may take to report a container's end after its streams have ended.
	endLag = 3 * time.Second
	// Attach is tried again after attachPause, doubled up to attachPauseMax.
	attachPause    = 100 * time.Millisecond
	attachPauseMax = 2 * time.Second
	// attachPatience is how long a first attach may fail before the link is given up.
	attachPatience = Silence / 2
)

// attacher connects a reader to the standard input of a container until either ends.
type attacher func(ctx context.Context, stdin io.Reader) error

// link is the control link to a tracer: what Send leaves, and a sign of life every Config.keepAlive, goes to its standard input.
// It holds state, not a queue: what matters is the newest targets and whether to stop. So Send never waits, and after a
// reconnect everything is said again.
type link struct {
	tracer   *Tracer
	attach   attacher
	every    time.Duration
	cancel   context.CancelFunc // ends run without a word: the pod is being deleted
	attached chan struct{}
	detached chan struct{}
	wake     chan struct{} // holds one token

	mu      sync.Mutex
	control wire.Control
	err     error // set before detached is closed
	once    sync.Once
}

func newLink(t *Tracer, attach attacher) *link {
	return &link{tracer: t, attach: attach, every: t.launcher.config.keepAlive(),
		attached: make(chan struct{}), detached: make(chan struct{}), wake: make(chan struct{}, 1)}
}

// Send hands the tracer new targets or asks it to stop. It does not wait: before the tracer runs, and while its
// connection is slow, the newest targets replace older ones. The error, which wraps ErrDetached, says that the link is
// gone for good.
func (t *Tracer) Send(c wire.Control) error {
	k := t.link
	k.mu.Lock()
	if c.Targets != nil {
		k.control.Targets = c.Targets
	}
	k.control.Stop = k.control.Stop || c.Stop
	err := k.err
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default: // it will look anyway
	}
	return err
}

// Attached is closed when the control link is up for the first time.
func (t *Tracer) Attached() <-chan struct{} { return t.link.attached }

// Detached is closed when the control link is gone for good while the tracer runs: it will end by itself, at once
// without Config.Reattach, else after Config.silence. DetachErr says why.
func (t *Tracer) Detached() <-chan struct{} { return t.link.detached }

// DetachErr is why the link is gone, wrapping ErrDetached; nil while it is not.
func (t *Tracer) DetachErr() error {
	t.link.mu.Lock()
	defer t.link.mu.Unlock()
	return t.link.err
}

// run holds the link from the container's start to its end.
func (k *link) run(ctx context.Context) {
	defer k.cancel()
	if k.tracer.await(ctx, begun) != nil || k.over() {
		return
	}
	begin, pause := time.Now(), attachPause
	for {
		connected := time.Now()
		err := k.hold(ctx)
		if ctx.Err() != nil || k.over() {
			return
		}
		wasUp := isClosed(k.attached)
		if wasUp && !k.tracer.launcher.config.Reattach || !wasUp && time.Since(begin) > attachPatience {
			k.giveUp(ctx, err)
			return
		}
		if time.Since(connected) > attachPauseMax {
			pause = attachPause
		}
		if !sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, attachPauseMax)
	}
}

// over says whether the last known state is that the tracer has ended.
func (k *link) over() bool {
	pod, gone, _ := k.tracer.state()
	return gone || ended(pod)
}

// giveUp declares the link gone, unless it is because the tracer has ended.
func (k *link) giveUp(ctx context.Context, err error) {
	limited, cancel := context.WithTimeout(ctx, endLag)
	defer cancel()
	if k.tracer.await(limited, ended) == nil || ctx.Err() != nil {
		return
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	k.mu.Lock()
	k.err = fmt.Errorf("node %s: %w, the tracer ends by itself: %w", k.tracer.node, ErrDetached, err)
	k.mu.Unlock()
	close(k.detached)
}

// hold attaches and writes until the connection ends.
func (k *link) hold(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	r, w := io.Pipe()
	var writer sync.WaitGroup
	writer.Go(func() { k.write(ctx, w) })
	err := k.attach(ctx, &attachedReader{Reader: r, up: func() { k.once.Do(func() { close(k.attached) }) }})
	cancel()
	_ = r.CloseWithError(io.ErrClosedPipe) // frees the writer
	writer.Wait()
	return err
}

// write says everything that the tracer has to know, then what changes, and in between that the plugin lives.
func (k *link) write(ctx context.Context, w io.Writer) {
	ticker := time.NewTicker(k.every)
	defer ticker.Stop()
	var said wire.Control
	for {
		k.mu.Lock()
		next := k.control
		k.mu.Unlock()
		line := next
		if said.Targets == next.Targets {
			line.Targets = nil
		}
		body, _ := json.Marshal(line) // lists of texts and numbers can always be marshalled
		if _, err := w.Write(append(body, '\n')); err != nil {
			return
		}
		said = next
		select {
		case <-k.wake:
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// attachedReader tells of the first Read: it comes when the connection is up.
type attachedReader struct {
	io.Reader
	up func()
}

func (r *attachedReader) Read(p []byte) (int, error) {
	r.up()
	return r.Reader.Read(p)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// sleep is false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
