// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"io"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event/appendjson"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// mostKnown is how many processes' JSON is kept, some 2 KiB each: events of one frame share their processes.
const mostKnown = 1024

// jsonLines writes each event that Tetragon's API knows as one line. What does not change between events, the record of a process
// with its pod, is encoded once.
type jsonLines struct {
	waiting
	pick  func(*event.Event) *event.Event
	known map[*event.Process][]byte
	// events writes processes as they are known, whole does not; processes writes one.
	events, whole appendjson.Plan[event.Event]
	processes     appendjson.Plan[event.Process]
}

func newJSON(out io.Writer, o Options, _ string) (pipeline.Sink, error) {
	j := &jsonLines{waiting: waiting{out: out}, pick: o.Pick, known: map[*event.Process][]byte{}}
	escaped := appendjson.Escaped(terminal.Unsafe)
	j.whole, j.processes = appendjson.For[event.Event](escaped), appendjson.For[event.Process](escaped)
	j.events = appendjson.For[event.Event](escaped, appendjson.Known(j.process))
	return j, nil
}

// process is a process's JSON; nil if it can't be encoded.
func (j *jsonLines) process(p *event.Process) []byte {
	if text, ok := j.known[p]; ok {
		return text
	}
	text, err := j.processes.Append(nil, p)
	if err != nil {
		return nil
	}
	if len(j.known) >= mostKnown {
		clear(j.known)
	}
	j.known[p] = text
	return text
}

func (j *jsonLines) Take(it *pipeline.Item) error {
	shown := picked(it.Event, j.pick)
	if shown == nil || j.err != nil {
		return j.err
	}
	start := len(j.buffer)
	line, err := j.line(j.events, j.buffer, shown)
	if err == nil && len(line)-start > longestLine+len("\n") {
		var short []byte
		short, err = lineOf(shown, func(e *event.Event) ([]byte, error) { return j.line(j.whole, nil, e) })
		line = append(line[:start], short...)
	}
	if err != nil {
		j.err = fmt.Errorf("event of node %s: %w", it.Event.NodeName, err)
		return j.err
	}
	j.buffer = line
	return j.writeIfMany()
}

func (j *jsonLines) line(plan appendjson.Plan[event.Event], dst []byte, e *event.Event) ([]byte, error) {
	dst, err := plan.Append(dst, e)
	return append(dst, '\n'), err
}
