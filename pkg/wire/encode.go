// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// reserved is what a frame needs beside its events and processes: numbers, the session, the counters of lost events.
const reserved = 1024

// Encoder gathers events into frames. It is not for concurrent use.
type Encoder struct {
	w         io.Writer
	session   []byte
	lost      []byte
	number    uint64
	event     uint64
	count     int
	events    bytes.Buffer
	processes bytes.Buffer
	has       map[string]struct{}
	line      bytes.Buffer
}

// NewEncoder returns an encoder that writes each frame with one Write.
func NewEncoder(w io.Writer, session string) *Encoder {
	quoted, _ := json.Marshal(session) // a string can always be marshalled
	return &Encoder{w: w, session: quoted, has: map[string]struct{}{}}
}

// Written is how many events were handed over so far.
func (e *Encoder) Written() uint64 { return e.event }

// SetLost sets the totals of lost events by cause for this frame and the following.
func (e *Encoder) SetLost(lost map[string]uint64) {
	e.lost = nil
	if len(lost) > 0 {
		e.lost, _ = json.Marshal(lost) // a map of numbers can always be marshalled
	}
}

// Add puts an event and the processes that it names into the current frame, and writes out frames as they fill. What does
// not fit into a frame of its own is shortened and marked so (truncArgs): the parents' arguments first.
func (e *Encoder) Add(ev Event, processes ...*Process) error {
	body, err := json.Marshal(ev)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	fitted := fit(MaxFrame-reserved-len(body), processes)
	if e.events.Len()+e.processes.Len()+len(body)+e.missing(fitted) > MaxFrame-reserved {
		if err := e.Flush(); err != nil {
			return err
		}
	}
	for _, p := range fitted {
		if _, ok := e.has[p.id]; ok {
			continue
		}
		e.has[p.id] = struct{}{}
		separate(&e.processes)
		e.processes.Write(p.json)
	}
	separate(&e.events)
	e.events.Write(body)
	e.count++
	e.event++
	return nil
}

func (e *Encoder) missing(processes []encodedProcess) (size int) {
	for _, p := range processes {
		if _, ok := e.has[p.id]; !ok {
			size += len(p.json) + 1
		}
	}
	return size
}

func separate(b *bytes.Buffer) {
	if b.Len() > 0 {
		b.WriteByte(',')
	}
}

// Flush writes the current frame if it holds an event.
func (e *Encoder) Flush() error {
	if e.count == 0 {
		return nil
	}
	e.begin()
	fmt.Fprintf(&e.line, `,"e":%d,"k":%d`, e.event-uint64(e.count)+1, e.count)
	if e.processes.Len() > 0 {
		e.line.WriteString(`,"procs":{`)
		e.line.Write(e.processes.Bytes())
		e.line.WriteByte('}')
	}
	e.line.WriteString(`,"ev":[`)
	e.line.Write(e.events.Bytes())
	e.line.WriteByte(']')
	e.events.Reset()
	e.processes.Reset()
	clear(e.has)
	e.count = 0
	return e.end()
}

// Hello writes the first frame.
func (e *Encoder) Hello(h event.Hello) error { return e.single("hello", h) }

// Heartbeat writes a frame with the totals so far, and before it the events that wait.
func (e *Encoder) Heartbeat(t event.Totals) error { return e.single("hb", t) }

// Notice writes a frame with a notice, and before it the events that wait.
func (e *Encoder) Notice(n event.Notice) error { return e.single("notice", n) }

// Bye writes the last frame, and before it the events that wait.
func (e *Encoder) Bye(b event.Bye) error { return e.single("bye", b) }

func (e *Encoder) single(key string, value any) error {
	if err := e.Flush(); err != nil {
		return err
	}
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	if len(body) > MaxFrame-reserved {
		return fmt.Errorf("encode %s: %d bytes are more than a frame holds (%d)", key, len(body), MaxFrame-reserved)
	}
	e.begin()
	fmt.Fprintf(&e.line, `,%q:%s`, key, body)
	return e.end()
}

func (e *Encoder) begin() {
	e.number++
	e.line.Reset()
	e.line.WriteString(`{"v":` + strconv.Itoa(Version) + `,"s":`)
	e.line.Write(e.session)
	e.line.WriteString(`,"n":` + strconv.FormatUint(e.number, 10))
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
