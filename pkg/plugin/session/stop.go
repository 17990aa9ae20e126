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
	errAllEnded     = errors.New("all tracers ended")
	errTargetsGone  = errors.New("the targets are gone for good")
)

// Stop ends a session in two steps: Ask lets tracers drain and say bye, Insist waits for nothing. Its methods may be called
// at the same time and again; the first reason of each step counts.
type Stop struct {
	asked, now             context.Context
	cancelAsked, cancelNow context.CancelCauseFunc
}

// NewStop returns a Stop that insists when ctx ends.
func NewStop(ctx context.Context) *Stop {
	s := &Stop{}
	s.now, s.cancelNow = context.WithCancelCause(ctx)
	s.asked, s.cancelAsked = context.WithCancelCause(s.now)
	return s
}

// Ask ends the session because of reason, orderly.
func (s *Stop) Ask(reason error) { s.cancelAsked(reason) }

// Insist ends the session at once.
func (s *Stop) Insist(reason error) {
	s.cancelAsked(reason)
	s.cancelNow(reason)
}

// Asked is done when the session is to end; its cause is the reason.
func (s *Stop) Asked() context.Context { return s.asked }

// Now is done when nothing is waited for any more.
func (s *Stop) Now() context.Context { return s.now }

// Reason is why the session ends, nil while nobody asked.
func (s *Stop) Reason() error { return context.Cause(s.asked) }
