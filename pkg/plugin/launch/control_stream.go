// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"errors"
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
	// attachTimeout is for one attach to be connected.
	attachTimeout = 10 * time.Second
	// attachPatience is how long a first attach may fail before the control stream is given up.
	attachPatience = Silence / 2
)

// attacher connects a reader to the standard input of a container until either ends.
type attacher func(ctx context.Context, stdin io.Reader) error

// controlStream goes to a tracer's standard input: what Send leaves, and a sign of life every Config.keepAlive. It holds state, not
// a queue: what matters is the newest targets and whether to stop. So Send never waits. Each connection begins with all targets,
// and after that only changes are sent.
type controlStream struct {
	tracer   *Tracer
	attach   attacher
	every    time.Duration
	cancel   context.CancelFunc // ends run without a word: the pod is being deleted
	attached chan struct{}
	detached chan struct{}
	wake     chan struct{} // holds one token

	mu     sync.Mutex
	wanted wire.Control
	err    error // set before detached is closed
	// cut ends the connection that is served; nil while there is none.
	cut          context.CancelFunc
	attachedOnce sync.Once
}

func newControlStream(t *Tracer, attach attacher) *controlStream {
	return &controlStream{tracer: t, attach: attach, every: t.launcher.config.keepAlive(),
		attached: make(chan struct{}), detached: make(chan struct{}), wake: make(chan struct{}, 1)}
}

// Send hands the tracer its targets, or asks it to stop. It does not wait: before the tracer runs, and while its connection is
// slow, the newest targets replace older ones. c.Targets must be all targets, and must not be changed afterwards; the tracer is
// sent the difference. The error, which wraps ErrDetached, says that the control stream is gone for good.
func (t *Tracer) Send(c wire.Control) error {
	k := t.control
	k.mu.Lock()
	if c.Targets != nil {
		k.wanted.Targets = c.Targets
	}
	k.wanted.Stop = k.wanted.Stop || c.Stop
	if c.Detach > 0 {
		k.wanted.Detach = c.Detach
	}
	err := k.err
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default: // it will look anyway
	}
	return err
}

// Attached is closed when the control stream is connected for the first time.
func (t *Tracer) Attached() <-chan struct{} { return t.control.attached }

// Detached is closed when the control stream is gone for good while the tracer runs: it will end by itself, at once
// without Config.Reattach, else after Config.silence. DetachErr says why.
func (t *Tracer) Detached() <-chan struct{} { return t.control.detached }

// DetachErr is why the control stream is gone, wrapping ErrDetached; nil while it is not.
func (t *Tracer) DetachErr() error {
	t.control.mu.Lock()
	defer t.control.mu.Unlock()
	return t.control.err
}

// run keeps the stream connected from the container's start to its end.
func (k *controlStream) run(ctx context.Context) {
	defer k.cancel()
	if k.tracer.await(ctx, begun) != nil || k.over() {
		return
	}
	begin, pause := time.Now(), attachPause
	for {
		connected := time.Now()
		err := k.serve(ctx)
		if ctx.Err() != nil || k.over() {
			return
		}
		if k.tracer.carrying.cutOff(err) {
			k.giveUp(ctx, err)
			return
		}
		wasUp := isClosed(k.attached)
		if errors.Is(err, errUnsendable) || wasUp && !k.tracer.launcher.config.Reattach || !wasUp && time.Since(begin) > attachPatience {
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
func (k *controlStream) over() bool {
	pod, gone, _ := k.tracer.state()
	return gone || ended(pod)
}

// giveUp declares the stream gone, unless it is because the tracer has ended.
func (k *controlStream) giveUp(ctx context.Context, err error) {
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

// reset gives up the connection; run makes another.
func (k *controlStream) reset() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.cut != nil {
		k.cut()
	}
}

// serve attaches and writes until the connection ends.
func (k *controlStream) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	k.setCut(cancel)
	defer k.setCut(nil)
	connecting := time.AfterFunc(attachTimeout, cancel)
	defer connecting.Stop()
	cutBefore := isClosed(k.attached)
	r, w := io.Pipe()
	var writer sync.WaitGroup
	var unsendable error
	writer.Go(func() {
		k.tracer.launcher.guard(func() {
			if c := k.tracer.carrying; c != nil && !c.delivered.given() && c.write(w, cancel) != nil {
				return // the connection ended: run sees it
			}
			if unsendable = k.write(ctx, w, cutBefore); unsendable != nil {
				cancel()
			}
		})
	})
	err := k.attach(ctx, &attachedReader{Reader: r, up: func() {
		connecting.Stop()
		k.attachedOnce.Do(func() { close(k.attached) })
	}})
	cancel()
	_ = r.CloseWithError(io.ErrClosedPipe) // frees the writer
	writer.Wait()
	if unsendable != nil {
		return unsendable
	}
	return err
}

func (k *controlStream) setCut(cut context.CancelFunc) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cut = cut
}

var errUnsendable = errors.New("the targets cannot be sent")

// write sends all targets, then what changes, and in between that the plugin lives. cutBefore: an earlier connection may have been
// cut within a line. The error, errUnsendable, is about what can
// never be sent.
func (k *controlStream) write(ctx context.Context, w io.Writer, cutBefore bool) error {
	ticker := time.NewTicker(k.every)
	defer ticker.Stop()
	if cutBefore {
		if _, err := w.Write([]byte("\n")); err != nil {
			return nil
		}
	}
	var sent *wire.Targets
	for {
		k.mu.Lock()
		wanted := k.wanted
		k.mu.Unlock()
		message := change(sent, wanted.Targets)
		message.Detach, message.Stop = wanted.Detach, wanted.Stop
		lines, err := message.Lines()
		if err != nil {
			return fmt.Errorf("%w: %w", errUnsendable, err)
		}
		for _, line := range lines {
			if _, err := w.Write(line); err != nil {
				return nil
			}
		}
		sent = wanted.Targets
		select {
		case <-k.wake:
		case <-ticker.C:
		case <-ctx.Done():
			return nil
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
