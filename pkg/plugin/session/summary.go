// SPDX-License-Identifier: Apache-2.0

package session

import (
	"maps"
	"slices"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Summary is what a session amounted to.
type Summary struct {
	Nodes    []NodeSummary
	Duration time.Duration
	// Enforce: policies were armed, so that it is said how many calls were stopped, also when none was.
	Enforce bool
}

// NodeSummary is what happened on one node.
type NodeSummary struct {
	Node string
	// Events that were shown, Filtered those that arrived and were not, as asked.
	Events, Filtered uint64
	// Written is how many events the node's tracers wrote, as far as they said so at their ends.
	Written uint64
	// Lost events by cause (event.Lost…), wherever on their way.
	Lost map[string]uint64
	// Undisplayed are those of Lost that only the display did not take: a recorder beside it did.
	Undisplayed uint64
	// Dropped are events that other sinks than the one that shows events could not take, by the sink and why.
	Dropped map[Drop]uint64
	Partial event.Partial
	// Throttled events by whose they are (event.Event.ThrottledSource); Partial has their number, also of what has not ended.
	Throttled map[string]uint64
	Cost      event.Cost
	// Enforcements by policy and action.
	Enforcements []Enforcement
	// TracesOn: the session ended, but not its tracer.
	TracesOn bool
	// Ended is the tracer's reason for its end (event.Bye…), empty when it said none.
	Ended string
	// Problem says why the coverage of the node was incomplete, empty when it was not: the tracer could not start, hooks
	// were refused, it died.
	Problem string
}

// Drop is why a sink could not take an event.
type Drop struct{ Sink, Cause string }

// Enforcement is how often an action of a policy was carried out on a node, or was not though the policy asks for it.
type Enforcement struct {
	Policy string
	// Action is its name in events (event.Action…).
	Action string
	// Would: it was not carried out.
	Would bool
	Count uint64
}

// NoteEnforced counts what was done about an event of a hook, or would have been.
func (n *NodeSummary) NoteEnforced(e *event.Event) {
	h := e.Hooked()
	for _, action := range e.Enforced() {
		n.enforcement(Enforcement{Policy: h.PolicyName, Action: action})
	}
	for _, action := range h.Would {
		n.enforcement(Enforcement{Policy: h.PolicyName, Action: action, Would: true})
	}
}

// enforcement counts one.
func (n *NodeSummary) enforcement(e Enforcement) {
	for i := range n.Enforcements {
		if of := &n.Enforcements[i]; of.Policy == e.Policy && of.Action == e.Action && of.Would == e.Would {
			of.Count++
			return
		}
	}
	if e.Count = 1; len(n.Enforcements) < mostEnforcements {
		n.Enforcements = append(n.Enforcements, e)
	}
}

// LostEvents is how many events were lost, whatever the cause.
func (n *NodeSummary) LostEvents() (sum uint64) {
	for _, count := range n.Lost {
		sum += count
	}
	return sum
}

// Enforced is how often something was stopped.
func (n *NodeSummary) Enforced() (count uint64) {
	for _, e := range n.Enforcements {
		if !e.Would {
			count += e.Count
		}
	}
	return count
}

// Add adds what happened on another node. Ends and problems are of one node, and stay as they are.
func (n *NodeSummary) Add(o *NodeSummary) {
	n.Events, n.Filtered = n.Events+o.Events, n.Filtered+o.Filtered
	n.Lost, n.Throttled = added(n.Lost, o.Lost), added(n.Throttled, o.Throttled)
	n.Dropped = added(n.Dropped, o.Dropped)
	n.Partial, n.Cost = n.Partial.Plus(o.Partial), sum(n.Cost, o.Cost)
	n.Enforcements = append(n.Enforcements, o.Enforcements...)
}

// added are the counts of both.
func added[K comparable](counts, more map[K]uint64) map[K]uint64 {
	both := maps.Clone(counts)
	for key, count := range more {
		if both == nil {
			both = map[K]uint64{}
		}
		both[key] += count
	}
	return both
}

// Complete says that everything that happened on the node was traced from begin to end, and nothing is missing.
func (n *NodeSummary) Complete() bool {
	return n.LostEvents() == 0 && len(n.Dropped) == 0 && n.Partial.Throttled+n.Partial.ReturnsLost+n.Partial.FactsLost+n.Partial.StatesFull == 0 && n.Problem == "" && (n.Ended != "" || n.TracesOn)
}

// Complete says that everything was traced on all nodes.
func (s *Summary) Complete() bool {
	return !slices.ContainsFunc(s.Nodes, func(n NodeSummary) bool { return !n.Complete() })
}
