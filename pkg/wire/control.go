// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/json"
	"fmt"
	"slices"
)

// MaxControlLine is the longest line of a tracer's standard input in bytes, its line feed included. The plugin splits what is
// longer; the tracer skips a longer line and says so.
const MaxControlLine = 512 << 10

// Control is one line of a tracer's standard input. Any line, an empty object too, is a sign of life.
//
// Whoever writes begins each connection with Targets and sends only changes after that.
type Control struct {
	// Targets, when set, replace those in force.
	Targets *Targets `json:"targets,omitempty"`
	// Add are pods that are targets from now on, in place of pods of the same UIDs.
	Add []Pod `json:"add,omitempty"`
	// Remove are UIDs of pods that are targets no longer.
	Remove []string `json:"remove,omitempty"`
	// More: the message goes on with Add and Remove of the next line. It takes effect as a whole.
	More bool `json:"more,omitempty"`
	// Detach, when set, asks the tracer to run on for so long without its standard input, whose end and silence mean nothing from
	// then on. It has to be TracerConfig.Detachable, answers with a notice about event.SubjectDetached, and ends no later than it
	// would have.
	Detach Duration `json:"detach,omitempty"`
	// Stop asks the tracer to drain, say bye and end.
	Stop bool `json:"stop,omitempty"`
}

// Lines are the message as JSON lines of at most MaxControlLine bytes. The error is that something that
// cannot be split, such as a pod of thousands of containers, does not fit.
func (c Control) Lines() ([][]byte, error) { return c.lines(MaxControlLine) }

func (c Control) lines(limit int) (lines [][]byte, err error) {
	first, pods := Control{Remove: c.Remove}, c.Add
	if c.Targets != nil {
		targets := *c.Targets
		pods = slices.Concat(targets.Pods, c.Add)
		targets.Pods = nil
		first.Targets = &targets
	}
	for line := first; ; line = (Control{}) {
		frame, _ := json.Marshal(line) // texts, numbers and lists of them can always be marshalled
		count := fitting(pods, limit-len(frame)-len(`,"pods":[],"more":true,"detach":"2562047h47m16.854775807s","stop":true`)-1)
		if line.Targets != nil {
			line.Targets.Pods = pods[:count]
		} else {
			line.Add = pods[:count]
		}
		pods = pods[count:]
		line.More = len(pods) > 0
		if !line.More {
			line.Detach, line.Stop = c.Detach, c.Stop
		}
		text, _ := json.Marshal(line)
		if len(text) >= limit || count == 0 && line.More && line.Targets == nil && line.Remove == nil {
			return nil, fmt.Errorf("control: what has to be said at once takes more than the %d bytes that fit in a line", limit)
		}
		lines = append(lines, append(text, '\n'))
		if !line.More {
			return lines, nil
		}
	}
}

// fitting is how many of the pods fit in so many bytes of a JSON list.
func fitting(pods []Pod, room int) int {
	for i, pod := range pods {
		text, _ := json.Marshal(pod)
		if room -= len(text) + 1; room < 0 {
			return i
		}
	}
	return len(pods)
}
