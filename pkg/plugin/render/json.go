// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"io"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event/appendjson"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

const (
	// mostBuffered is how many bytes of lines are written at once: a system call for each event would cost more than its line.
	mostBuffered = 64 << 10
	// mostKnown is how many processes' JSON is kept, some 2 KiB each: events of one frame share their processes.
	mostKnown = 1024
)

// jsonLines writes each event that Tetragon's API knows as one line. What does not change between events, the record of a process
// with its pod, is encoded once.
type jsonLines struct {
	out   io.Writer
	pick  func(*event.Event) *event.Event
	known map[*event.Process][]byte
	// events writes processes as they are known, whole does not; processes writes one.
	events, whole appendjson.Plan[event.Event]
	processes     appendjson.Plan[event.Process]
	buffer        []byte
	err           error
}

func newJSON(out io.Writer, o Options, _ string) (pipeline.Sink, error) {
	j := &jsonLines{out: out, pick: o.Pick, known: map[*event.Process][]byte{}}
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
	e := it.Event
	if j.err != nil {
		return j.err
	}
	shown := tetragonEvent(e)
	if shown == nil {
		return nil
	}
	if j.pick != nil {
		shown = j.pick(shown)
	}
	start := len(j.buffer)
	line, err := j.line(j.events, j.buffer, shown)
	if err == nil && len(line)-start > longestLine+len("\n") {
		var short []byte
		short, err = lineOf(shown, func(e *event.Event) ([]byte, error) { return j.line(j.whole, nil, e) })
		line = append(line[:start], short...)
	}
	if err != nil {
		j.err = fmt.Errorf("event of node %s: %w", e.NodeName, err)
		return j.err
	}
	if j.buffer = line; len(j.buffer) >= mostBuffered {
		return j.write()
	}
	return nil
}

func (j *jsonLines) line(plan appendjson.Plan[event.Event], dst []byte, e *event.Event) ([]byte, error) {
	dst, err := plan.Append(dst, e)
	return append(dst, '\n'), err
}

// Flush implements pipeline.Sink.
func (j *jsonLines) Flush(time.Time) error { return j.write() }

// write writes the lines that wait.
func (j *jsonLines) write() error {
	if len(j.buffer) > 0 && j.err == nil {
		_, j.err = j.out.Write(j.buffer)
		j.buffer = j.buffer[:0]
	}
	return j.err
}

func (j *jsonLines) Close() error { return j.write() }
