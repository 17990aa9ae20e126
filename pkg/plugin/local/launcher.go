// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/stream"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Launcher starts the tracer in this process, for package session. It starts one.
type Launcher struct {
	Tracer  Tracer
	Command []string
}

func (l *Launcher) Preflight(context.Context, []string, launch.Progress) ([]*launch.NodeError, error) {
	return nil, nil
}

func (l *Launcher) Cleanup(context.Context) error { return nil }

// Start runs the tracer in a goroutine; frames go through a pipe into the same reader as a pod's log. The tracer has a
// context of its own: the end of ctx is the session's, and what the tracer still holds is drained by Send and Delete.
func (l *Launcher) Start(_ context.Context, config wire.TracerConfig) (session.Tracer, error) {
	ctx, cancel := context.WithCancel(context.Background())
	t := &running{Pipe: stream.NewPipe(), cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(t.ended)
		t.err = l.Tracer.Trace(ctx, config, l.Command, t.Pipe)
		_ = t.Close() // never fails
	}()
	return t, nil
}

type running struct {
	*stream.Pipe
	cancel context.CancelFunc
	// err is valid once ended is closed.
	ended chan struct{}
	err   error
}

// Wait waits for the tracer's end: until then, there is nothing to say that its frames don't.
func (t *running) Wait(ctx context.Context, _ launch.Progress) error {
	select {
	case <-t.ended:
		return t.err
	case <-ctx.Done():
		return nil
	}
}

// Send stops the tracer; its targets never change.
func (t *running) Send(c wire.Control) error {
	if c.Stop {
		t.cancel()
	}
	return nil
}

func (t *running) Detached() <-chan struct{} { return nil }
func (t *running) DetachErr() error          { return nil }

// Delete ends the tracer and waits for it: what it attached in the kernel is gone when it returns without error.
func (t *running) Delete(ctx context.Context, _ bool) error {
	t.cancel()
	_ = t.Close() // what is written from here on has no reader
	select {
	case <-t.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
