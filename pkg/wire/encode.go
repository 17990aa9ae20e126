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

// Encoder gathers events into frames. It is not for concurrent use.
type Encoder struct {
	w        io.Writer
	session  []byte
	lost     []byte
	number   uint64 // of the latest frame
	event    uint64 // events of all frames, and those gathered
	gathered gathered
	// compressor is nil when frames are plain.
	compressor *compressor
	body       []byte
	line       bytes.Buffer
}

// NewEncoder returns an encoder that writes each frame with one Write. The session must be one that TracerConfig.Validate accepts.
// Encodings are those that the reader accepts beside plain JSON; unknown ones are ignored.
func NewEncoder(w io.Writer, session string, encodings ...string) *Encoder {
	return &Encoder{w: w, session: mustJSON(session), gathered: gathered{places: map[string]int{}}, compressor: newCompressor(encodings)}
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

const (
	// envelope is what a frame needs beside session, totals and content: the keys, and four numbers of up to 20 digits.
	envelope = len(`{"v":,"s":,"n":,"e":,"k":,"a":,"lost":,"procs":{},"ev":[],"notice":}`) + 5*20 + len("\n")
	// lostRoom is kept for the totals of lost events, which may begin when a frame is nearly full: six causes take some 200 bytes.
	lostRoom = 256
)

// room is how many bytes of a frame that is gathered are for its events and their processes.
func (e *Encoder) room() int {
	return MaxFrame - envelope - len(e.session) - max(len(e.lost), lostRoom)
}

// roomNow is the same of a frame that is written before the totals of lost events can change.
func (e *Encoder) roomNow() int {
	return MaxFrame - envelope - len(e.session) - len(e.lost)
}

// limit is how many bytes are gathered for one frame.
func (e *Encoder) limit() int {
	if e.compressor == nil {
		return e.room()
	}
	return e.compressor.expected(e.room())
}

// Add puts an event and the processes that it names into the current frame, and writes out frames as they fill. Processes
// are in order of importance: the event's own, its parent, ancestors from near to far. What does not fit into a frame of its
// own is shortened and marked so, the least important first: see fit. An event that can't be encoded (a time outside of the
// years 0–9999) is an error that wraps ErrEvent: it was not added, and the next may well be. Other errors are the writer's.
// Neither the event nor the processes are kept.
func (e *Encoder) Add(ev Event, processes ...*Process) error {
	fits, err := e.gathered.add(ev, processes, e.limit(), e.room())
	if err == nil && !fits {
		if err := e.Flush(); err != nil {
			return err
		}
		fits, err = e.gathered.add(ev, processes, e.limit(), e.room()) // the new frame holds no process yet
	}
	if err == nil && !fits {
		return e.addShortened(ev, processes)
	}
	if err == nil {
		e.event++
	}
	return err
}

// addShortened adds an event to the new frame and writes it: others that name the same processes shall have them as they are. An
// event that only lacked what is kept for totals stays whole.
func (e *Encoder) addShortened(ev Event, processes []*Process) error {
	body, encoded, err := fit(e.roomNow(), ev, distinct(processes))
	if err != nil {
		return err
	}
	e.gathered.addEncoded(ev, body, encoded)
	e.event++
	return e.Flush()
}

// Flush writes the current frame if it holds an event.
func (e *Encoder) Flush() error {
	if len(e.gathered.marks) == 0 {
		return nil
	}
	err := e.write(0, len(e.gathered.marks))
	e.gathered.reset()
	return err
}

// write writes the gathered events from..to-1 as a frame, or as two of half the events each when they take more room than
// was expected. One alone always fits.
func (e *Encoder) write(from, to int) error {
	e.body = e.gathered.body(e.body[:0], from, to)
	plain := to-from == 1 || len(e.body)-bodyFrame <= e.room()
	if e.compressor != nil && len(e.body) >= leastCompressed && bytes.Count(e.body, []byte{'{'}) <= maxObjects {
		if text := e.compressor.compress(e.body); len(text) <= e.room() && !(plain && len(text) >= len(e.body)) {
			e.begin(from, to)
			e.line.WriteString(`,"` + EncodingZstd + `":"`)
			e.line.Write(text)
			e.line.WriteByte('"')
			return e.end()
		}
	}
	if !plain {
		middle := (from + to) / 2
		if err := e.write(from, middle); err != nil {
			return err
		}
		return e.write(middle, to)
	}
	e.begin(from, to)
	e.line.WriteByte(',')
	e.line.Write(e.body[1 : len(e.body)-1])
	return e.end()
}

// Hello writes the first frame; texts and a list of hooks that make it too long are cut. It sets Hello.Encoding.
func (e *Encoder) Hello(h event.Hello) error {
	if e.compressor != nil {
		h.Encoding = EncodingZstd
	}
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

// Throttle writes a frame with the beginning or the end of a throttling, and before it the events that wait; a long name is cut.
func (e *Encoder) Throttle(t Throttle) error {
	shorten(&t.Cgroup, maxText)
	return e.single("throttle", t)
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
	e.begin(0, 0)
	fmt.Fprintf(&e.line, `,%q:%s`, key, body)
	return e.end()
}

// begin starts a frame's line with what every frame has; of the gathered events, it holds from..to-1.
func (e *Encoder) begin(from, to int) {
	e.number++
	e.line.Reset()
	e.line.WriteString(`{"v":` + strconv.Itoa(Version) + `,"s":`)
	e.line.Write(e.session)
	e.line.WriteString(`,"n":` + strconv.FormatUint(e.number, 10))
	e.line.WriteString(`,"e":` + strconv.FormatUint(e.event-uint64(len(e.gathered.marks)-from)+1, 10))
	if to > from {
		e.line.WriteString(`,"k":` + strconv.Itoa(to-from))
		if _, _, enforced := e.gathered.span(from, to); enforced > 0 {
			e.line.WriteString(`,"a":` + strconv.Itoa(enforced))
		}
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
