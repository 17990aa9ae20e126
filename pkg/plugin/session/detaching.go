// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"fmt"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// detachTime is how long a tracer may take to say that it traces on by itself: the order goes through the API server and the kubelet, the
// answer through the log.
const detachTime = 10 * time.Second

var errNotDetached = fmt.Errorf("the tracer did not say within %s that it traces on by itself", detachTime)

// detach lets the tracers of the beginning trace on by themselves, and ends the session. One that does not answer is removed.
func (s *session) detach(first []*node) {
	left := time.Until(s.DetachUntil)
	if left <= 0 {
		s.stop.Shutdown(errors.New("the time was over before all tracers had started"))
		return
	}
	for _, n := range first {
		n.detach(left)
	}
	patience := time.NewTimer(detachTime)
	defer patience.Stop()
	late, detached := false, 0
	for _, n := range first {
		if !n.isTraced() {
			continue
		}
		if !late {
			select {
			case <-n.detached:
			case <-patience.C:
				late = true
			case <-s.stop.ShuttingDown().Done():
				return
			}
		}
		if !isClosed(n.detached) {
			n.refuse(errNotDetached)
			continue
		}
		detached++
	}
	if detached == 0 {
		s.stop.Shutdown(errAllEnded)
		return
	}
	s.stay.Store(true)
	s.stop.Shutdown(ErrDetached)
}

// detach tells the node's tracer to trace on by itself for so long.
func (n *node) detach(span time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.run.hello && !n.run.refused && !n.run.ended {
		_ = n.run.tracer.Send(wire.Control{Detach: wire.Duration(span)}) // a broken control stream shows in the missing answer
	}
}

// staying says whether the node's tracer is left alone.
func (s *session) staying(n *node) bool {
	if !s.stay.Load() {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.run.refused
}

// joined is for a tracer that ran before the session, and whose hello may be gone from its log: any frame shows that it traces.
func (w *nodeWay) joined() {
	n := w.node
	if n.hear() {
		w.Status.Ready(n.name)
		w.settle(n, nil)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
