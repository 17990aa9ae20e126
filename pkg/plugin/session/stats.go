// SPDX-License-Identifier: Apache-2.0

package session

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// nodeStats counts what became of one node's events, over all tracers that ran there. It is the pipeline.Counts of its items.
type nodeStats struct {
	shown, filtered atomic.Uint64
	// undisplayed are those lost for the display alone.
	undisplayed atomic.Uint64

	mu sync.Mutex
	// lost by cause since the session's start, reported what of it the stream was told. before is what tracers that have ended
	// lost: the counters of each begin at 0.
	lost, reported, before map[string]uint64
	dropped                map[Drop]uint64
	// cost of the present tracer, costBefore of those that have ended.
	cost, costBefore event.Cost
	// partial of the present tracer, partialBefore of those that have ended.
	partial, partialBefore event.Partial
	ended                  string
	// written is how many events tracers said at their ends that they wrote.
	written  uint64
	problems []string
	exitCode *int
	// enforcements by what they are, without count.
	enforcements map[Enforcement]uint64
	// throttled events by event.Event.ThrottledSource.
	throttled map[string]uint64
}

func newStats() *nodeStats {
	return &nodeStats{
		lost: map[string]uint64{}, reported: map[string]uint64{}, before: map[string]uint64{},
		dropped: map[Drop]uint64{}, enforcements: map[Enforcement]uint64{}, throttled: map[string]uint64{},
	}
}

// Taken implements pipeline.Counts.
func (t *nodeStats) Taken(sink string) {
	if sink == displaySink {
		t.shown.Add(1)
	}
}

// Filtered implements pipeline.Counts.
func (t *nodeStats) Filtered(sink string) {
	switch sink {
	case displaySink:
		t.filtered.Add(1)
	case RecordSink:
		t.Dropped(sink, causeBroken, 1)
	}
}

// Dropped implements pipeline.Counts. What the sink that shows events does not take is lost.
func (t *nodeStats) Dropped(sink, cause string, events uint64) {
	if sink == displaySink {
		t.undisplayed.Add(events)
		t.gap(event.LostDisplay, events)
		return
	}
	if events == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dropped[Drop{sink, cause}] += events
}

// mostEnforcements is how many policies and actions are told apart: their names come from nodes.
const mostEnforcements = 1000

// count counts one enforcement; t.mu is held.
func (t *nodeStats) count(e Enforcement) {
	if _, known := t.enforcements[e]; !known && len(t.enforcements) >= mostEnforcements {
		e = Enforcement{Policy: "…", Action: event.ActionUnknown, Would: e.Would}
	}
	t.enforcements[e]++
}

// enforced counts what was done about an event of a hook, or would have been.
func (t *nodeStats) enforced(e *event.Event, h *event.Hooked) {
	done := e.Enforced()
	if len(done)+len(h.Would) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, action := range done {
		t.count(Enforcement{Policy: h.PolicyName, Action: action})
	}
	for _, action := range h.Would {
		t.count(Enforcement{Policy: h.PolicyName, Action: action, Would: true})
	}
}

// mostThrottled is how many throttled pods are told apart: their names come from nodes.
const mostThrottled = 1000

// throttle counts what was left out of a pod, which is known at the end of its throttling.
func (t *nodeStats) throttle(e *event.Event) {
	if e.Throttled.Count == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	source := e.ThrottledSource()
	if _, known := t.throttled[source]; !known && len(t.throttled) >= mostThrottled {
		source = "…"
	}
	t.throttled[source] += e.Throttled.Count
}

// nextTracer is for a node whose tracer has ended and that gets another.
func (t *nodeStats) nextTracer() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.before = maps.Clone(t.lost)
	t.costBefore, t.cost, t.ended = sum(t.costBefore, t.cost), event.Cost{}, ""
	t.partialBefore, t.partial = t.partialBefore.Plus(t.partial), event.Partial{}
}

func sum(a, b event.Cost) event.Cost {
	return event.Cost{
		CPUNanoseconds: a.CPUNanoseconds + b.CPUNanoseconds, PeakResidentBytes: max(a.PeakResidentBytes, b.PeakResidentBytes),
		BPFNanoseconds: a.BPFNanoseconds + b.BPFNanoseconds, BPFRuns: a.BPFRuns + b.BPFRuns,
	}
}

// totals takes over the tracer's own counters.
func (t *nodeStats) totals(lost map[string]uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for cause, total := range lost {
		t.lost[cause] = max(t.lost[cause], t.before[cause]+total)
	}
}

// gap counts events that got lost on the way.
func (t *nodeStats) gap(cause string, events uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if events > 0 {
		t.lost[cause] += events
	}
}

// losses are what was lost since the last call, by cause in a fixed order.
func (t *nodeStats) losses() (losses []event.Loss) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, cause := range slices.Sorted(maps.Keys(t.lost)) {
		if total := t.lost[cause]; total > t.reported[cause] {
			losses = append(losses, event.Loss{Cause: cause, Count: total - t.reported[cause], Total: total})
			t.reported[cause] = total
		}
	}
	return losses
}

func (t *nodeStats) heartbeat(h *event.Totals) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cost, t.partial = h.Cost, h.Partial
}

func (t *nodeStats) bye(b *event.Bye) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended, t.exitCode, t.cost, t.partial = b.Reason, b.ExitCode, b.Totals.Cost, b.Totals.Partial
	t.written += b.Totals.Events
}

func (t *nodeStats) saidBye() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended != ""
}

// mostProblems is how many problems of a node are kept.
const mostProblems = 20

// problem notes why this node's events are not all there are; each text once.
func (t *nodeStats) problem(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case slices.Contains(t.problems, text):
	case len(t.problems) < mostProblems:
		t.problems = append(t.problems, text)
	default:
		t.problems[mostProblems-1] = "and more, see the stream"
	}
}

func (t *nodeStats) summary(node string) NodeSummary {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := NodeSummary{
		Node: node, Events: t.shown.Load(), Filtered: t.filtered.Load(), Undisplayed: t.undisplayed.Load(), Written: t.written,
		Lost: maps.Clone(t.lost), Dropped: maps.Clone(t.dropped), Cost: sum(t.costBefore, t.cost), Ended: t.ended,
		Partial: t.partialBefore.Plus(t.partial), Throttled: maps.Clone(t.throttled),
		Problem: strings.Join(t.problems, "; "),
	}
	for e, count := range t.enforcements {
		e.Count = count
		s.Enforcements = append(s.Enforcements, e)
	}
	return s
}
