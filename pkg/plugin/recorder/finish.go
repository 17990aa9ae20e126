// SPDX-License-Identifier: Apache-2.0

package recorder

import (
	"maps"
	"slices"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/recording"
)

// End is how a session ended.
type End struct {
	Reason   string
	ExitCode int
	// Nodes are what the session knows of each: all but Recorded and Skipped.
	Nodes []recording.NodeTotals
}

// Result is what was recorded.
type Result struct {
	// Name of the last file, Files how many there are.
	Name   string
	Files  int
	Bytes  int64
	Events uint64
	Chain  string
}

// Finish ends the file, after Close. The error is the first of the recorder.
func (r *Recorder) Finish(end End) (Result, error) {
	s := &r.segments
	if r.err != nil {
		_ = s.file.Close()
		return r.result(), r.err
	}
	t := recording.Trailer{
		Reason: end.Reason, ExitCode: end.ExitCode, Ended: event.Timestamp{Time: time.Now()}, Dropped: s.dropped, Complete: s.dropped == 0, Nodes: end.Nodes,
	}
	known := map[string]bool{}
	for i := range t.Nodes {
		n := &t.Nodes[i]
		known[n.Node] = true
		of := r.node(n.Node)
		n.Recorded, n.Skipped = of.recorded, of.skipped
		t.Complete = t.Complete && n.Complete && n.Skipped == 0
	}
	for _, n := range r.totals() {
		if !known[n.Node] && n.Recorded+n.Skipped > 0 {
			t.Nodes = append(t.Nodes, n)
		}
	}
	chain, err := s.file.Finish(t)
	result := r.result()
	result.Chain = chain
	return result, r.fail(err)
}

func (r *Recorder) result() Result {
	s := &r.segments
	return Result{Name: s.file.Name(), Files: len(s.ended) + 1, Bytes: s.bytes + s.file.Size(), Events: s.events + s.file.Events()}
}

// totals are what the recorder knows of each node.
func (r *Recorder) totals() (all []recording.NodeTotals) {
	for _, name := range slices.Sorted(maps.Keys(r.nodes)) {
		if name != "" {
			all = append(all, recording.NodeTotals{Node: name, Recorded: r.nodes[name].recorded, Skipped: r.nodes[name].skipped})
		}
	}
	return all
}
