// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Approve decides which nodes are armed, knowing what their tracers said of their hooks: first of all that began together,
// then of each that comes later; never twice at the same time. refused says why a node is not: its tracer is removed. An error
// means that nothing is armed, and ends the session with it as its reason.
type Approve func(ctx context.Context, hellos map[string]*event.Hello) (refused map[string]error, err error)

// ErrNotArmed is wrapped by reasons of sessions that ended because Approve said so.
var ErrNotArmed = errors.New("nothing was armed")

// askApproval has nodes approved after those that came before them; s.mu is held.
func (s *session) askApproval(hellos map[string]*event.Hello) {
	s.unapproved = append(s.unapproved, hellos)
	if len(s.unapproved) == 1 {
		s.work.start(s.approve)
	}
}

// approve asks for approval of nodes in the order in which they came, until none is left.
func (s *session) approve() {
	for {
		s.mu.Lock()
		next := s.unapproved[0]
		s.mu.Unlock()
		s.arm(next)
		s.mu.Lock()
		s.unapproved = s.unapproved[1:]
		left := len(s.unapproved)
		s.mu.Unlock()
		if left == 0 {
			return
		}
	}
}

// arm asks for approval of nodes and lets their tracers act.
func (s *session) arm(hellos map[string]*event.Hello) {
	if s.stop.Reason() != nil {
		return
	}
	refused, err := s.Approve(s.stop.ShuttingDown(), hellos)
	if err != nil {
		s.stop.Shutdown(fmt.Errorf("%w: %w", ErrNotArmed, err))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(hellos)) {
		s.mu.Lock()
		n := s.nodes[name]
		s.mu.Unlock()
		if why := refused[name]; why != nil {
			n.refuse(why)
			continue
		}
		if err := n.arm(); err != nil {
			n.refuse(fmt.Errorf("not armed: %w", err))
		}
	}
	s.approved.Do(func() { close(s.armed) })
}
