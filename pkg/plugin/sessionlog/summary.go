// SPDX-License-Identifier: Apache-2.0

package sessionlog

import "github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"

// Summary is the body of the last record: what the session amounted to. Of each node: shown + filtered + rate_limited + throttled + lost = emitted.
type Summary struct {
	// Reason why the session ended, in words.
	Reason          string  `json:"reason"`
	DurationSeconds float64 `json:"duration_seconds"`
	// Complete: everything was traced from begin to end, nothing is missing.
	Complete bool          `json:"complete"`
	Nodes    []NodeSummary `json:"nodes"`
}

// NodeSummary is what happened on one node.
type NodeSummary struct {
	Node string `json:"node"`
	// Shown events, and Filtered ones, which arrived and were not shown, as asked.
	Shown    uint64 `json:"shown"`
	Filtered uint64 `json:"filtered"`
	// Lost events by cause (event.Lost…).
	Lost map[string]uint64 `json:"lost,omitempty"`
	event.Partial
	// ThrottledBy are the throttled events by pod (namespace/name), or by cgroup where that is not known.
	ThrottledBy map[string]uint64 `json:"throttled_by,omitempty"`
	// Enforced is what was done, and what would have been, by policy and action.
	Enforced []Enforced `json:"enforced,omitempty"`
	// Ended is the tracer's reason (event.Bye…), empty when it said none.
	Ended string `json:"ended,omitempty"`
	// Problem says why the coverage of the node was incomplete, empty when it was not.
	Problem string     `json:"problem,omitempty"`
	Cost    event.Cost `json:"cost"`
}

// Enforced counts what policies did.
type Enforced struct {
	Policy string `json:"policy"`
	// Action is one of the event.Action… names.
	Action string `json:"action"`
	// Would: it was not done, because nothing was to be enforced.
	Would bool   `json:"would,omitempty"`
	Count uint64 `json:"count"`
}
