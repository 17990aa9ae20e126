// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
)

// Why a session ends as asked.
var (
	ErrInterrupted  = errors.New("interrupted")
	ErrDuration     = errors.New("the time is over")
	ErrMaxEvents    = errors.New("the events are complete")
	ErrOutputClosed = errors.New("the reader of the output is gone")
	ErrDetached     = errors.New("the tracers trace on by themselves")
	errAllEnded     = errors.New("all tracers ended")
	errTargetsGone  = errors.New("the targets are gone for good")
)

// Stop ends a session in two steps: Shutdown lets tracers drain and say bye, Abort waits for nothing but the removal of what was
// made. Its methods may be called at the same time and again; the first reason of each step counts.
type Stop struct {
	shutdown, abort             context.Context
	cancelShutdown, cancelAbort context.CancelCauseFunc
}

// NewStop returns a Stop that aborts when ctx ends.
func NewStop(ctx context.Context) *Stop {
	s := &Stop{}
	s.abort, s.cancelAbort = context.WithCancelCause(ctx)
	s.shutdown, s.cancelShutdown = context.WithCancelCause(s.abort)
	return s
}

// Shutdown ends the session because of reason, orderly.
func (s *Stop) Shutdown(reason error) { s.cancelShutdown(reason) }

// Abort ends the session at once.
func (s *Stop) Abort(reason error) {
	s.cancelShutdown(reason)
	s.cancelAbort(reason)
}

// ShuttingDown is done when the session is to end; its cause is the reason.
func (s *Stop) ShuttingDown() context.Context { return s.shutdown }

// Aborted is done when nothing is waited for any more.
func (s *Stop) Aborted() context.Context { return s.abort }

// Reason is why the session ends, nil while nobody asked.
func (s *Stop) Reason() error { return context.Cause(s.shutdown) }
