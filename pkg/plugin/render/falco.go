// SPDX-License-Identifier: Apache-2.0

package render

import (
	"io"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// falcoLines writes each detection as Falco writes alerts, and nothing else.
type falcoLines struct {
	waiting
	line func(*event.Detection) []byte
}

func newFalco(out io.Writer, _ Options, _ string) (pipeline.Sink, error) {
	return &falcoLines{waiting{out: out}, func(d *event.Detection) []byte { return []byte(terminal.Sanitize(d.Text)) }}, nil
}

func newFalcoJSON(out io.Writer, _ Options, _ string) (pipeline.Sink, error) {
	return &falcoLines{waiting{out: out}, func(d *event.Detection) []byte { return d.Line }}, nil
}

func (f *falcoLines) Take(it *pipeline.Item) error {
	for i := range it.Event.Detections {
		if line := f.line(&it.Event.Detections[i]); len(line) > 0 {
			f.buffer = append(append(f.buffer, line...), '\n')
		}
	}
	return f.writeIfMany()
}
