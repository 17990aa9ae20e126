// SPDX-License-Identifier: Apache-2.0

// Package recorder is the sink that keeps everything that a session sees in a recording (package recording), or, as a flight recorder,
// what is around the events that it waits for.
package recorder

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/eventjson"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/recording"
)

// Options of a recording.
type Options struct {
	// Name of the file; Force replaces one that exists and has its end.
	Name     string
	Force    bool
	Manifest recording.Manifest
	// First are lines behind the manifest of each segment.
	First [][]byte
	// Pods are those of the session; nil: there are none.
	Pods *Pods
	// MaxBytes is from which size on a file is followed by another; Keep is how many are kept, 0: all.
	MaxBytes int64
	Keep     int
	// Flight says when a flight recorder writes; nil: everything is recorded.
	Flight *Flight
	// Detects: what no rule fires at is left out of what is shown, but it is what the command is about.
	Detects bool
}

// frameTime is how long lines wait for their frame to be closed.
const frameTime = time.Second

// Recorder is a pipeline.Sink. Its methods are called by one goroutine at a time.
type Recorder struct {
	o        Options
	segments segments
	encoder  *eventjson.Encoder
	line     []byte
	nodes    map[string]*node
	flight   *flight
	// important: what waits is to be on the disk soon.
	important bool
	err       error
}

// node is what was recorded of a node.
type node struct {
	// last is the number of the last event of its tracer.
	last              uint64
	recorded, skipped uint64
	clock             clock
}

// Open makes the file with its first frame.
func Open(o Options) (*Recorder, error) {
	r := &Recorder{o: o, encoder: eventjson.New(), nodes: map[string]*node{}}
	if o.Flight != nil {
		r.flight = &flight{options: *o.Flight}
	}
	return r, r.segments.open(&r.o, nil)
}

// Take records an item. After an error nothing more is recorded, and the error is returned again.
func (r *Recorder) Take(it *pipeline.Item) error {
	if r.err != nil {
		return r.err
	}
	e := it.Event
	n := r.node(e.NodeName)
	line, err := r.encode(it, n)
	if err != nil {
		return r.fail(fmt.Errorf("recording: event of node %s: %w", e.NodeName, err))
	}
	r.line = line
	about := recording.About{Node: e.NodeName, Number: it.Number}
	if e.Time != nil {
		about.Time = e.Time.Time
	}
	if it.Number > 0 {
		n.last = it.Number
	}
	n.clock.observe(it)
	if r.flight != nil {
		return r.fail(r.takeInFlight(it, about))
	}
	return r.fail(r.write(r.line, about, it))
}

func (r *Recorder) node(name string) *node {
	n := r.nodes[name]
	if n == nil {
		n = &node{}
		r.nodes[name] = n
	}
	return n
}

// encode writes the event as -o json does, with what the recorder adds behind.
func (r *Recorder) encode(it *pipeline.Item, n *node) ([]byte, error) {
	line := r.line[:0]
	unknown := it.Event.Kind() == event.KindUnknown
	line, err := r.encoder.Append(line, it.Event)
	if err != nil {
		return nil, err
	}
	if unknown { // an event that this version does not know has no key of its own
		line = append([]byte(`{"`+recording.KindUnknown+`":{},`), line[1:]...)
	}
	line = line[:len(line)-1]
	if it.Number > 0 {
		line = strconv.AppendUint(append(line, `,"seq":`...), it.Number, 10)
	} else {
		if it.Event.Hello != nil { // of a tracer whose numbers begin with 1
			n.last = 0
		}
		line = strconv.AppendUint(append(line, `,"after":`...), n.last, 10)
	}
	if !it.Received.IsZero() {
		line = append(line, `,"recv":`...)
		if line, err = (event.Timestamp{Time: it.Received}).AppendJSON(line); err != nil {
			return nil, err
		}
	}
	if it.Aside && !r.o.Detects {
		line = append(line, `,"aside":true`...)
	}
	return append(line, '}'), nil
}

// write adds a line to the file.
func (r *Recorder) write(line []byte, a recording.About, it *pipeline.Item) error {
	if err := r.segments.file.Add(line, a); err != nil {
		return err
	}
	n := r.node(a.Node)
	if a.Number > 0 {
		n.recorded++
	}
	if it == nil {
		return nil
	}
	if err := r.findings(it); err != nil {
		return err
	}
	r.important = r.important || len(it.Event.Detections) > 0 || it.Event.Bye != nil || it.AboutProcess && it.Urgent
	return nil
}

// finding is what a rule said live.
type finding struct {
	Language   string         `json:"language"`
	Rule       string         `json:"rule"`
	ID         string         `json:"id,omitempty"`
	Severity   event.Severity `json:"severity"`
	Techniques []string       `json:"techniques,omitempty"`
	Refs       []ref          `json:"refs"`
}

// ref names an event.
type ref struct {
	Node string `json:"node"`
	Seq  uint64 `json:"seq"`
}

// findings writes a line for each detection.
func (r *Recorder) findings(it *pipeline.Item) error {
	for _, d := range it.Event.Detections {
		line, err := recording.EncodeLine(recording.KindFinding, finding{
			d.Language, d.Rule, d.ID, d.Severity, d.Techniques, []ref{{it.Event.NodeName, it.Number}},
		})
		if err != nil {
			return err
		}
		if err := r.segments.file.Add(line, recording.About{}); err != nil {
			return err
		}
	}
	return nil
}

// fail keeps the first error.
func (r *Recorder) fail(err error) error {
	if err != nil && r.err == nil {
		r.err = err
	}
	return r.err
}

// Flush closes the frame if it waited long enough or holds what is important, and has the disk take what is due.
func (r *Recorder) Flush(now time.Time) error {
	if r.err != nil {
		return r.err
	}
	return r.fail(r.flush(now))
}

func (r *Recorder) flush(now time.Time) error {
	file := r.segments.file
	for _, line := range r.o.Pods.changed() {
		if err := file.Add(line, recording.About{}); err != nil {
			return err
		}
	}
	if r.flight != nil {
		if err := r.expire(now); err != nil {
			return err
		}
	}
	if err := r.sayClocks(now, false); err != nil {
		return err
	}
	waiting := file.Waiting()
	if !waiting.IsZero() && (r.important || now.Sub(waiting) >= frameTime) {
		if err := file.CloseFrame(); err != nil {
			return err
		}
	}
	if r.important {
		r.important = false
		if err := file.SyncSoon(now); err != nil {
			return err
		}
	}
	if err := file.SyncIfDue(now); err != nil {
		return err
	}
	if r.o.MaxBytes > 0 && file.Size() >= r.o.MaxBytes {
		return r.segments.rotate(&r.o, r.totals)
	}
	return nil
}

// Close writes what waits. Finish ends the file.
func (r *Recorder) Close() error {
	if r.err != nil {
		return r.err
	}
	return r.fail(errors.Join(r.endFlight(), r.sayClocks(time.Now(), true), r.segments.file.CloseFrame(), r.segments.file.Sync()))
}
