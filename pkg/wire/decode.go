// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrMalformed is wrapped by errors about one line that is not a frame; the lines after it may well be.
var ErrMalformed = errors.New("not a frame")

// maxNumber of frames and events: so that sums of what a frame says don't overflow.
const maxNumber = 1 << 62

// DecodeFrame reads one line, with or without its line feed. What a node sends is not to be trusted: the frame is checked
// for what its reader relies on, not for what its strings hold.
func DecodeFrame(line []byte) (*Frame, error) {
	if len(line) > MaxFrame {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are one", ErrMalformed, len(line), MaxFrame)
	}
	f := &Frame{}
	if err := json.Unmarshal(line, f); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	if f.Version != Version {
		return nil, fmt.Errorf("%w: wire version %d, this plugin understands %d: use a plugin and a tracer image of one release", ErrMalformed, f.Version, Version)
	}
	if f.Number == 0 || f.Number > maxNumber || f.First == 0 || f.First > maxNumber || f.Count != len(f.Events) {
		return nil, fmt.Errorf("%w: frame %d says %d events from %d and holds %d", ErrMalformed, f.Number, f.Count, f.First, len(f.Events))
	}
	if f.Bye != nil && f.Bye.Totals.Events > maxNumber {
		return nil, fmt.Errorf("%w: frame %d says that %d events were written", ErrMalformed, f.Number, f.Bye.Totals.Events)
	}
	for id, p := range f.Processes {
		if p == nil {
			return nil, fmt.Errorf("%w: process %q is null", ErrMalformed, id)
		}
		p.ExecID = id
	}
	return f, nil
}

// Decoder reads frames from a stream. It is not for concurrent use.
type Decoder struct{ lines *bufio.Reader }

// NewDecoder returns a decoder that reads from r.
func NewDecoder(r io.Reader) *Decoder { return &Decoder{bufio.NewReaderSize(r, MaxFrame+1)} }

// Next returns the next frame, or io.EOF after the last. An error that wraps ErrMalformed concerns one line: go on with
// the next call.
func (d *Decoder) Next() (*Frame, error) {
	line, err := d.lines.ReadSlice('\n')
	if err == nil || (errors.Is(err, io.EOF) && len(line) > 0) {
		return DecodeFrame(line)
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
