// SPDX-License-Identifier: Apache-2.0

// Package eventjson writes events as the JSON that -o json has and recordings keep.
package eventjson

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event/appendjson"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// mostKnown is how many processes' JSON is kept, some 2 KiB each: events of one frame share their processes.
const mostKnown = 1024

// Encoder encodes what does not change between events, the record of a process with its pod, once. It is not for concurrent use.
type Encoder struct {
	known map[*event.Process][]byte
	// events writes processes as they are known, whole does not; processes writes one.
	events, whole appendjson.Plan[event.Event]
	processes     appendjson.Plan[event.Process]
}

// New returns an encoder.
func New() *Encoder {
	j := &Encoder{known: map[*event.Process][]byte{}}
	escaped := appendjson.Escaped(terminal.Unsafe)
	j.whole, j.processes = appendjson.For[event.Event](escaped), appendjson.For[event.Process](escaped)
	j.events = appendjson.For[event.Event](escaped, appendjson.Known(j.process))
	return j
}

// process is a process's JSON; nil if it can't be encoded.
func (j *Encoder) process(p *event.Process) []byte {
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

// Append writes an event, whose processes must not change any more, to the end of dst.
func (j *Encoder) Append(dst []byte, e *event.Event) ([]byte, error) { return j.events.Append(dst, e) }

// AppendWhole writes an event whose processes are of this moment only.
func (j *Encoder) AppendWhole(dst []byte, e *event.Event) ([]byte, error) {
	return j.whole.Append(dst, e)
}
