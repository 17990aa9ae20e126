// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// errCut is a frame that the file ends in.
var errCut = errors.New("the file ends within a frame")

// storedFrame reads one frame as it is stored, without looking into it: its header and the lengths of its blocks say where it ends
// (RFC 8878, 3.1.1). skippable: there is no text in it. io.EOF at the end of the file, errCut where the file ends in the frame.
func storedFrame(in *bufio.Reader, memory []byte) (frame []byte, skippable bool, err error) {
	begin, err := in.Peek(zstd.HeaderMaxSize)
	if len(begin) == 0 {
		return nil, false, cmpEOF(err)
	}
	var h zstd.Header
	if err := h.Decode(begin); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, false, errCut
		}
		return nil, false, fmt.Errorf("no zstd frame: %w", err)
	}
	frame = memory[:0]
	if h.Skippable {
		frame, err = more(in, frame, skippableHeader+int(h.SkippableSize))
		return frame, true, err
	}
	if frame, err = more(in, frame, h.HeaderSize); err != nil {
		return nil, false, err
	}
	for last := false; !last; {
		if frame, err = more(in, frame, blockHeader); err != nil {
			return nil, false, err
		}
		head := frame[len(frame)-blockHeader:]
		bits := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
		length := bits >> 3
		last = bits&1 != 0
		if bits>>1&3 == 1 { // one byte, repeated
			length = 1
		}
		if frame, err = more(in, frame, length); err != nil {
			return nil, false, err
		}
	}
	if h.HasCheckSum {
		frame, err = more(in, frame, 4)
	}
	return frame, false, err
}

// blockHeader is the length of a block's header.
const blockHeader = 3

// cmpEOF is what reading nothing came to.
func cmpEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

// more reads so many bytes behind those that are there.
func more(in *bufio.Reader, have []byte, length int) ([]byte, error) {
	if len(have)+length > maxStored {
		return nil, fmt.Errorf("a frame of more than %d bytes", maxStored)
	}
	from := len(have)
	// What a header says is not allocated before it is there.
	for length > 0 {
		part := min(length, 1<<20)
		have = append(have, make([]byte, part)...)
		n, err := io.ReadFull(in, have[from:])
		from += n
		length -= part
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errCut
		}
		if err != nil {
			return nil, err
		}
	}
	return have, nil
}

// newDecoder reads frames, within the limits of the format.
func newDecoder() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxFrame), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		panic(err) // the options are constants, and right
	}
	return d
}
