// SPDX-License-Identifier: Apache-2.0

package recorder

import (
	"maps"
	"slices"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/recording"
)

// clockInterval is how often it is said how a node's clock stands.
const clockInterval = time.Minute

// clock is what is known of a node's clock: the least time between an event and its reading here, since the last line.
type clock struct {
	least time.Duration
	known bool
	said  time.Time
}

// clockLine is the body of a line: OffsetNS is the least that the node's clock is ahead of this machine's, which is exact but for the
// time that an event is under way; the true one is no smaller. The method is one-way: nothing is asked of the node.
type clockLine struct {
	Node     string `json:"node"`
	OffsetNS int64  `json:"offset_ns"`
	Method   string `json:"method"`
}

// observe takes the times of an event.
func (c *clock) observe(it *pipeline.Item) {
	if it.Received.IsZero() || it.Event.Time == nil || it.Number == 0 {
		return
	}
	if way := it.Received.Sub(it.Event.Time.Time); !c.known || way < c.least {
		c.least, c.known = way, true
	}
}

// sayClocks writes a line for each node of which nothing was said for long enough; all: of each.
func (r *Recorder) sayClocks(now time.Time, all bool) error {
	for _, name := range slices.Sorted(maps.Keys(r.nodes)) {
		c := &r.nodes[name].clock
		if !c.known || !all && now.Sub(c.said) < clockInterval {
			continue
		}
		line, err := recording.EncodeLine(recording.KindClock, clockLine{name, -int64(c.least), "one-way"})
		if err != nil {
			return err
		}
		if err := r.segments.file.Add(line, recording.About{}); err != nil {
			return err
		}
		c.said, c.known = now, false
	}
	return nil
}
