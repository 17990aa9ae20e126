// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// Supervisor runs the goroutines of a session: a panic in one of them ends the session, so that what was made is removed before the
// process ends, and is its error.
type Supervisor struct {
	stop *Stop

	mu    sync.Mutex
	fault error
}

// NewSupervisor returns one that aborts a session.
func NewSupervisor(stop *Stop) *Supervisor { return &Supervisor{stop: stop} }

// Guard runs f.
func (s *Supervisor) Guard(f func()) {
	defer func() {
		if r := recover(); r != nil {
			fault := fmt.Errorf("a bug in this program: %v\n%s", r, debug.Stack())
			s.mu.Lock()
			if s.fault == nil {
				s.fault = fault
			}
			s.mu.Unlock()
			s.stop.Abort(fault)
		}
	}()
	f()
}

// Fault is the first panic, nil if there was none.
func (s *Supervisor) Fault() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

// group is goroutines that are waited for together.
type group struct {
	guard func(func())
	work  sync.WaitGroup
}

// start runs f in a goroutine of the group.
func (g *group) start(f func()) {
	g.work.Go(func() {
		g.guard(f)
	})
}

// wait waits for all goroutines, or until ctx ends: then it is false.
func (g *group) wait(ctx context.Context) bool {
	done := make(chan struct{})
	go func() {
		g.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
}
