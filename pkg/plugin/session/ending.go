// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// cleanup removes what was made, whatever happened, and waits for no output. It has a context of its own: the session's is over.
func (s *session) cleanup() error {
	s.mu.Lock()
	nodes := slices.Collect(maps.Values(s.nodes))
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.stop.Aborted()), cleanupTime+time.Duration(len(nodes)-1)*nodeCleanupTime)
	defer cancel()
	for _, n := range nodes {
		n.mu.Lock()
		remove := n.run.remove
		n.mu.Unlock()
		if remove != nil {
			remove(false)
		}
	}
	var err error
	if !s.stay.Load() {
		s.supervisor.Guard(func() { err = s.Launcher.Cleanup(ctx) })
	}
	if err == nil && !s.removals.wait(ctx) {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("not everything was removed: %w; kubectl trace-sec cleanup does it later", err)
	}
	return nil
}

func (s *session) result(took time.Duration) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := Result{Summary: Summary{Duration: took}, Reason: s.stop.Reason()}
	select {
	case <-s.armed:
		r.Armed = true
	default:
	}
	for _, name := range slices.Sorted(maps.Keys(s.nodes)) {
		n := s.nodes[name]
		summary := n.stats.summary(name)
		summary.TracesOn = summary.Ended == "" && s.staying(n)
		r.Summary.Nodes = append(r.Summary.Nodes, summary)
		if isClosed(n.detached) && s.staying(n) {
			r.Detached = append(r.Detached, name)
		}
		n.mu.Lock()
		r.Started = r.Started || n.traced || n.run.hello
		n.mu.Unlock()
		if n.stats.exitCode != nil {
			r.ExitCode = n.stats.exitCode
		}
	}
	return r
}

// outcome is the error of the session: a bug, output that could not be written, something left behind, or not one node traced to
// the end.
func (s *session) outcome(writing, cleaning error) error {
	if fault := s.supervisor.Fault(); fault != nil {
		return errors.Join(fault, cleaning)
	}
	if err := outputError(writing); err != nil && !errors.Is(err, ErrOutputClosed) && s.stop.Aborted().Err() == nil {
		return errors.Join(err, cleaning)
	}
	return errors.Join(s.failed(), cleaning)
}

// failed is an error if no node was traced to the end.
func (s *session) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	failed := 0
	for _, n := range s.nodes {
		n.mu.Lock()
		if n.failed != nil {
			failed++
		}
		n.mu.Unlock()
	}
	switch {
	case failed == 0 || failed < len(s.nodes):
		return nil
	case failed == 1:
		return errors.New("the node could not be traced (see above)")
	}
	return fmt.Errorf("none of %d nodes could be traced (see above)", failed)
}

// isFirst says whether a node is one of the beginning.
func (s *session) isFirst(n *node) bool {
	return slices.ContainsFunc(s.Pods, func(p *corev1.Pod) bool { return p.Spec.NodeName == n.name })
}

// podsOnTraced is how many pods of the beginning are on nodes that are traced.
func (s *session) podsOnTraced() (count int) {
	for _, pod := range s.Pods {
		s.mu.Lock()
		n := s.nodes[pod.Spec.NodeName]
		s.mu.Unlock()
		if n != nil && n.isTraced() {
			count++
		}
	}
	return count
}
