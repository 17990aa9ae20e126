// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"io"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/eventjson"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// jsonLines writes each event that Tetragon's API knows as one line.
type jsonLines struct {
	waiting
	pick    func(*event.Event) *event.Event
	encoder *eventjson.Encoder
}

func newJSON(out io.Writer, o Options, _ string) (pipeline.Sink, error) {
	return &jsonLines{waiting: waiting{out: out}, pick: o.Pick, encoder: eventjson.New()}, nil
}

func (j *jsonLines) Take(it *pipeline.Item) error {
	shown := picked(it.Event, j.pick)
	if shown == nil || j.err != nil {
		return j.err
	}
	start := len(j.buffer)
	line, err := ended(j.encoder.Append(j.buffer, shown))
	if err == nil && len(line)-start > longestLine+len("\n") {
		var short []byte
		short, err = lineOf(shown, func(e *event.Event) ([]byte, error) { return ended(j.encoder.AppendWhole(nil, e)) })
		line = append(line[:start], short...)
	}
	if err != nil {
		j.err = fmt.Errorf("event of node %s: %w", it.Event.NodeName, err)
		return j.err
	}
	j.buffer = line
	return j.writeIfMany()
}

// ended is a line with its end.
func ended(line []byte, err error) ([]byte, error) { return append(line, '\n'), err }
