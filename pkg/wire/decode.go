// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event/readjson"
)

// ErrMalformed is wrapped by errors about one line that is not a frame; the lines after it may well be.
var ErrMalformed = errors.New("not a frame")

// maxNumber of frames and events: so that sums of what a frame says don't overflow.
const maxNumber = 1 << 62

// line is a frame as it is written.
type line struct {
	Frame
	Compressed []byte `json:"zstd,omitempty"`
}

// body is what is compressed.
type body struct {
	Processes map[string]*Process `json:"procs,omitempty"`
	Events    []Event             `json:"ev,omitempty"`
}

// head is a frame as it is written, without what takes long to read.
type head struct {
	Frame
	Processes  *unread `json:"procs,omitempty"`
	Events     *unread `json:"ev,omitempty"`
	Compressed *unread `json:"zstd,omitempty"`
}

// unread is a value of any form.
type unread struct{}

func (*unread) UnmarshalJSON([]byte) error { return nil }

// ReadJSON is readjson.Quick.
func (*unread) ReadJSON([]byte) bool { return true }

// How frames are read.
var (
	linePlan = readjson.For[line]()
	bodyPlan = readjson.For[body]()
	headPlan = readjson.For[head]()
)

// FrameDecoder reads frames from lines. It may be used concurrently; it keeps some 500 KiB of memory for each frame that is
// read at the same time.
type FrameDecoder struct{ decodings sync.Pool }

// decoding is what reading a frame needs.
type decoding struct {
	lines  *readjson.Reader[line]
	bodies *readjson.Reader[body]
	heads  *readjson.Reader[head]
	zstd   *zstd.Decoder
	memory []byte // for a body
}

// NewFrameDecoder returns a decoder.
func NewFrameDecoder() *FrameDecoder {
	return &FrameDecoder{sync.Pool{New: func() any {
		return &decoding{lines: linePlan.NewReader(), bodies: bodyPlan.NewReader(), heads: headPlan.NewReader()}
	}}}
}

// Decode reads one line, with or without its line feed. What a node sends is not to be trusted: the frame is checked for what
// its reader relies on, not for what its strings hold. An error wraps ErrMalformed.
func (d *FrameDecoder) Decode(text []byte) (*Frame, error) {
	using := d.decodings.Get().(*decoding)
	defer d.decodings.Put(using)
	var l line
	if err := read(using.lines, text, &l, &l.Frame); err != nil {
		return nil, err
	}
	if l.Compressed != nil {
		if err := using.decompress(&l); err != nil {
			return nil, fmt.Errorf("%w: frame %d: %w", ErrMalformed, l.Number, err)
		}
	}
	f := &l.Frame
	if f.Count != len(f.Events) {
		return nil, fmt.Errorf("%w: frame %d says %d events and holds %d", ErrMalformed, f.Number, f.Count, len(f.Events))
	}
	for id, p := range f.Processes {
		if p == nil {
			return nil, fmt.Errorf("%w: process %q is null", ErrMalformed, id)
		}
		p.ExecID = id
	}
	return f, nil
}

// Head reads a line without its events and processes: of these the frame says only how many there are. That takes a small
// part of the time, and is checked as far as it goes. An error wraps ErrMalformed.
func (d *FrameDecoder) Head(text []byte) (*Frame, error) {
	using := d.decodings.Get().(*decoding)
	defer d.decodings.Put(using)
	var h head
	if err := read(using.heads, text, &h, &h.Frame); err != nil {
		return nil, err
	}
	return &h.Frame, nil
}

// read reads a line and checks what it says about the frame.
func read[T any](r *readjson.Reader[T], text []byte, into *T, f *Frame) error {
	if len(text) > MaxFrame {
		return fmt.Errorf("%w: %d bytes, at most %d are one", ErrMalformed, len(text), MaxFrame)
	}
	if err := r.Read(text, into); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if f.Version != Version {
		return fmt.Errorf("%w: wire version %d, this plugin understands %d: use a plugin and a tracer image of one release", ErrMalformed, f.Version, Version)
	}
	if f.Number == 0 || f.Number > maxNumber || f.First == 0 || f.First > maxNumber || f.Count < 0 || f.Enforced < 0 || f.Enforced > f.Count {
		return fmt.Errorf("%w: frame %d says %d events from %d, of which %d enforced something", ErrMalformed, f.Number, f.Count, f.First, f.Enforced)
	}
	if f.Bye != nil && f.Bye.Totals.Events > maxNumber {
		return fmt.Errorf("%w: frame %d says that %d events were written", ErrMalformed, f.Number, f.Bye.Totals.Events)
	}
	return nil
}

// decompress reads the events and processes of a compressed line.
func (d *decoding) decompress(l *line) error {
	if l.Processes != nil || l.Events != nil {
		return errors.New("events and processes are there twice, compressed and plain")
	}
	if d.zstd == nil {
		d.zstd, d.memory = newDecompressor(), make([]byte, 0, MaxBody)
	}
	text, err := decompress(d.zstd, d.memory, l.Compressed)
	if err != nil {
		return fmt.Errorf("decompress: %w", err)
	}
	var b body
	if room := min(l.Count, len(text)/leastEvent); room > 0 {
		b.Events = make([]Event, 0, room)
	}
	if err := d.bodies.Read(text, &b); err != nil {
		return err
	}
	l.Processes, l.Events = b.Processes, b.Events
	return nil
}

// leastEvent is about how long events are at least, in bytes.
const leastEvent = 64

// DecodeFrame is FrameDecoder.Decode for a single line.
func DecodeFrame(text []byte) (*Frame, error) { return NewFrameDecoder().Decode(text) }

// Decoder reads frames from a stream. It is not for concurrent use.
type Decoder struct {
	lines  *bufio.Reader
	frames *FrameDecoder
}

// NewDecoder returns a decoder that reads from r.
func NewDecoder(r io.Reader) *Decoder {
	return &Decoder{bufio.NewReaderSize(r, MaxFrame+1), NewFrameDecoder()}
}

// Next returns the next frame, or io.EOF after the last. An error that wraps ErrMalformed concerns one line: go on with
// the next call.
func (d *Decoder) Next() (*Frame, error) {
	line, err := d.lines.ReadSlice('\n')
	if err == nil || (errors.Is(err, io.EOF) && len(line) > 0) {
		return d.frames.Decode(line)
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	length := len(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		line, err = d.lines.ReadSlice('\n')
		length += len(line)
	}
	return nil, fmt.Errorf("%w: %d bytes, at most %d are one", ErrMalformed, length, MaxFrame)
}
