// SPDX-License-Identifier: Apache-2.0

package session

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
)

// tally counts what became of one node's events.
type tally struct {
	shown, filtered atomic.Uint64

	mu sync.Mutex
	// lost by cause since the start, said what of it the stream was told.
	lost, said map[string]uint64
	cost       event.Cost
	ended      string
	problems   []string
	exitCode   *int
	// enforcements by what they are, without count.
	enforcements map[render.Enforcement]uint64
}

func newTally() *tally {
	return &tally{lost: map[string]uint64{}, said: map[string]uint64{}, enforcements: map[render.Enforcement]uint64{}}
}

// mostEnforcements is how many policies and actions are told apart: their names come from nodes.
const mostEnforcements = 1000

// count counts one enforcement; t.mu is held.
func (t *tally) count(e render.Enforcement) {
	if _, known := t.enforcements[e]; !known && len(t.enforcements) >= mostEnforcements {
		e = render.Enforcement{Policy: "…", Action: event.ActionUnknown, Would: e.Would}
	}
	t.enforcements[e]++
}

// enforced counts what was done about an event, or would have been, and says whether anything was done.
func (t *tally) enforced(e *event.Event) bool {
	h, done := e.Hooked(), render.Enforced(e)
	if h == nil || len(done)+len(h.Would) == 0 {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, action := range done {
		t.count(render.Enforcement{Policy: h.PolicyName, Action: action})
	}
	for _, action := range h.Would {
		t.count(render.Enforcement{Policy: h.PolicyName, Action: action, Would: true})
	}
	return len(done) > 0
}

// totals takes over the tracer's own counters.
func (t *tally) totals(lost map[string]uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for cause, total := range lost {
		t.lost[cause] = max(t.lost[cause], total)
	}
}

// gap counts events that got lost on the way.
func (t *tally) gap(cause string, events uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost[cause] += events
}

// losses are what was lost since the last call, by cause in a fixed order.
func (t *tally) losses() (losses []event.Loss) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, cause := range slices.Sorted(maps.Keys(t.lost)) {
		if total := t.lost[cause]; total > t.said[cause] {
			losses = append(losses, event.Loss{Cause: cause, Count: total - t.said[cause], Total: total})
			t.said[cause] = total
		}
	}
	return losses
}

func (t *tally) spent(c event.Cost) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cost = c
}

func (t *tally) bye(b *event.Bye) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended, t.exitCode, t.cost = b.Reason, b.ExitCode, b.Totals.Cost
}

func (t *tally) saidBye() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended != ""
}

// problem notes why this node's events are not all there are; each text once.
func (t *tally) problem(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.problems, text) {
		t.problems = append(t.problems, text)
	}
}

func (t *tally) summary(node string) render.NodeSummary {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := render.NodeSummary{
		Node: node, Events: t.shown.Load(), Filtered: t.filtered.Load(),
		Lost: maps.Clone(t.lost), Cost: t.cost, Ended: t.ended,
	}
	for e, count := range t.enforcements {
		e.Count = count
		s.Enforcements = append(s.Enforcements, e)
	}
	for i, p := range t.problems {
		if i > 0 {
			s.Problem += "; "
		}
		s.Problem += p
	}
	return s
}
