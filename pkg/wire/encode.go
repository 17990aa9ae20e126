// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event/appendjson"
)

// Encoder gathers events into frames. It is not for concurrent use.
type Encoder struct {
	w         io.Writer
	session   []byte
	lost      []byte
	number    uint64
	event     uint64
	count     int
	events    []byte // of the current frame, separated by commas
	processes []byte // of the current frame, likewise
	has       map[string]struct{}
	added     []string // what has got with the latest event
	line      bytes.Buffer

	// What is being encoded, here so that it needs no memory of its own.
	current        Event
	currentProcess Process
}

// How events and processes are written.
var (
	eventPlan   = appendjson.For[Event]()
	processPlan = appendjson.For[Process]()
)

// NewEncoder returns an encoder that writes each frame with one Write. The session must be one that Orders.Validate accepts.
func NewEncoder(w io.Writer, session string) *Encoder {
	return &Encoder{w: w, session: mustJSON(session), has: map[string]struct{}{}}
}

// Written is how many events were handed over so far.
func (e *Encoder) Written() uint64 { return e.event }

// SetLost sets the totals of lost events by cause for this frame and the following.
func (e *Encoder) SetLost(lost map[string]uint64) {
	e.lost = nil
	if len(lost) > 0 {
		e.lost = mustJSON(lost)
	}
}

// envelope is what a frame needs beside session, counters and content: the keys, and three numbers of up to 20 digits.
const envelope = len(`{"v":,"s":,"n":,"e":,"k":,"lost":,"procs":{},"ev":[],"notice":}`) + 4*20 + len("\n")

// room is how many bytes of a frame are for its events and their processes.
func (e *Encoder) room() int {
	return MaxFrame - envelope - len(e.session) - len(e.lost)
}

// Add puts an event and the processes that it names into the current frame, and writes out frames as they fill. Processes
// are in order of importance: the event's own, its parent, ancestors from near to far. What does not fit into a frame of its
// own is shortened and marked so, the least important first: see fit. An event that can't be encoded (a time outside of the
// years 0–9999) is an error that wraps ErrEvent: it was not added, and the next may well be. Other errors are the writer's.
// Neither the event nor the processes are kept.
func (e *Encoder) Add(ev Event, processes ...*Process) error {
	e.current = ev
	fits, err := e.put(processes)
	if err == nil && !fits {
		if err := e.Flush(); err != nil {
			return err
		}
		fits, err = e.put(processes) // the new frame holds none yet
	}
	if err == nil && !fits {
		err = e.putShortened(ev, processes)
	}
	if err != nil {
		return err
	}
	e.count++
	e.event++
	return nil
}

// put encodes the current event, and the processes that the frame does not hold, into the frame; fits is false, and the
// frame as it was, when there is not enough room.
func (e *Encoder) put(processes []*Process) (fits bool, err error) {
	events, before := len(e.events), len(e.processes)
	e.added = e.added[:0]
	e.events, err = eventPlan.Append(separated(e.events), &e.current)
	if err != nil {
		e.events = e.events[:events]
		return false, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	for _, p := range processes {
		if p == nil {
			continue
		}
		if _, ok := e.has[p.ExecID]; !ok {
			e.has[p.ExecID] = struct{}{}
			e.added = append(e.added, p.ExecID)
			e.processes = e.appendProcess(separated(e.processes), p)
		}
	}
	if len(e.events)+len(e.processes)+len(",,") <= e.room() {
		return true, nil
	}
	e.events, e.processes = e.events[:events], e.processes[:before]
	for _, id := range e.added {
		delete(e.has, id)
	}
	return false, nil
}

// putShortened puts what is too long for a whole frame into the frame, which is empty.
func (e *Encoder) putShortened(ev Event, processes []*Process) error {
	body, encoded, err := fit(e.room(), ev, distinct(processes))
	if err != nil {
		return err
	}
	e.events = append(e.events, body...)
	for _, p := range encoded {
		e.has[p.id] = struct{}{}
		e.processes = append(separated(e.processes), p.json...)
	}
	return nil
}

// appendProcess writes a process as it stands in a frame: `"<exec_id>":{…}`.
func (e *Encoder) appendProcess(dst []byte, p *Process) []byte {
	dst = append(appendjson.String(dst, p.ExecID), ':')
	e.currentProcess = *p
	e.currentProcess.ExecID = "" // the key says it
	whole, err := processPlan.Append(dst, &e.currentProcess)
	if err != nil { // only a start time outside the years 0–9999 can do that
		e.currentProcess.StartTime = nil
		whole, _ = processPlan.Append(dst, &e.currentProcess)
	}
	return whole
}

// separated is b with a comma at its end unless it is empty.
func separated(b []byte) []byte {
	if len(b) > 0 {
		return append(b, ',')
	}
	return b
}

// Flush writes the current frame if it holds an event.
func (e *Encoder) Flush() error {
	if e.count == 0 {
		return nil
	}
	e.begin()
	if len(e.processes) > 0 {
		e.line.WriteString(`,"procs":{`)
		e.line.Write(e.processes)
		e.line.WriteByte('}')
	}
	e.line.WriteString(`,"ev":[`)
	e.line.Write(e.events)
	e.line.WriteByte(']')
	e.events, e.processes = e.events[:0], e.processes[:0]
	clear(e.has)
	e.count = 0
	return e.end()
}

// Hello writes the first frame; texts and a list of hooks that make it too long are cut.
func (e *Encoder) Hello(h event.Hello) error {
	return e.single("hello", fitHello(h, e.room()))
}

// Heartbeat writes a frame with the totals so far, and before it the events that wait. It sets Totals.Events.
func (e *Encoder) Heartbeat(t event.Totals) error {
	t.Events = e.event
	return e.single("hb", t)
}

// Notice writes a frame with a notice, and before it the events that wait; long texts are cut.
func (e *Encoder) Notice(n event.Notice) error {
	shorten(&n.Subject, maxText)
	shorten(&n.Text, maxText)
	return e.single("notice", n)
}

// Bye writes the last frame, and before it the events that wait; a long error is cut. It sets Totals.Events.
func (e *Encoder) Bye(b event.Bye) error {
	shorten(&b.Error, maxText)
	b.Totals.Events = e.event
	return e.single("bye", b)
}

func (e *Encoder) single(key string, value any) error {
	if err := e.Flush(); err != nil {
		return err
	}
	body, err := marshal(value)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	if len(body) > e.room() {
		return fmt.Errorf("encode %s: %d bytes are more than a frame holds (%d)", key, len(body), e.room())
	}
	e.begin()
	fmt.Fprintf(&e.line, `,%q:%s`, key, body)
	return e.end()
}

// begin starts a frame's line with what every frame has.
func (e *Encoder) begin() {
	e.number++
	e.line.Reset()
	e.line.WriteString(`{"v":` + strconv.Itoa(Version) + `,"s":`)
	e.line.Write(e.session)
	e.line.WriteString(`,"n":` + strconv.FormatUint(e.number, 10))
	e.line.WriteString(`,"e":` + strconv.FormatUint(e.event-uint64(e.count)+1, 10))
	if e.count > 0 {
		e.line.WriteString(`,"k":` + strconv.Itoa(e.count))
	}
	if e.lost != nil {
		e.line.WriteString(`,"lost":`)
		e.line.Write(e.lost)
	}
}

func (e *Encoder) end() error {
	e.line.WriteString("}\n")
	_, err := e.w.Write(e.line.Bytes())
	return err
}

// marshal is json.Marshal that leaves <, > and & as they are: shell commands are full of them, and no browser reads frames.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// mustJSON encodes what can always be encoded: strings, numbers and what is made of them.
func mustJSON(v any) []byte {
	body, err := marshal(v)
	if err != nil {
		panic(err)
	}
	return body
}
