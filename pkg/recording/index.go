// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrNoIndex: the file is no recording that was ended, or not compressed. It can be read from its beginning.
var ErrNoIndex = errors.New("no index")

// Index reads what the end of the file says: of each frame but the last, and the trailer. What it says of offsets is checked against
// the seek table, and that against the length of the file. Reading goes on where it was.
func (r *Reader) Index() (frames []FrameIndex, t *Trailer, err error) {
	if r.file == nil || !r.framed || r.manifest == nil {
		return nil, nil, ErrNoIndex
	}
	sizes, err := readSeekTable(r.file, r.size)
	if errors.Is(err, errNoSeekTable) || err == nil && len(sizes) == 0 {
		return nil, nil, ErrNoIndex
	}
	if err != nil {
		return nil, nil, err
	}
	last := len(sizes) - 1
	at, stored := int64(0), sizes[last].stored
	for _, s := range sizes[:last] {
		at += int64(s.stored)
	}
	if stored > maxStored {
		return nil, nil, fmt.Errorf("frame %d has %d bytes, more than %d", last, stored, maxStored)
	}
	frame := make([]byte, stored)
	if _, err := r.file.ReadAt(frame, at); err != nil {
		return nil, nil, err
	}
	text, err := r.decoder.DecodeAll(frame, nil)
	if err != nil {
		return nil, nil, &FrameError{last, at, err}
	}
	frames, t, err = parseIndex(text)
	if err == nil {
		err = checkIndex(frames, sizes[:last])
	}
	if err != nil {
		return nil, nil, &FrameError{last, at, err}
	}
	return frames, t, nil
}

// parseIndex reads the lines of the last frame.
func parseIndex(text []byte) (frames []FrameIndex, t *Trailer, err error) {
	for line := range linesOf(text) {
		var body struct {
			Index   *Index
			Trailer *Trailer
		}
		if line.Kind != KindIndex && line.Kind != KindTrailer {
			continue
		}
		if err := json.Unmarshal(line.Text, &body); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", line.Kind, err)
		}
		if body.Index != nil {
			if body.Index.From != len(frames) {
				return nil, nil, fmt.Errorf("the index goes on with frame %d after %d", body.Index.From, len(frames))
			}
			frames = append(frames, body.Index.Frames...)
		}
		t = body.Trailer
	}
	if t == nil {
		return nil, nil, errors.New("there is no trailer")
	}
	return frames, t, nil
}

// checkIndex compares an index with the sizes of the frames.
func checkIndex(frames []FrameIndex, sizes []frameSize) error {
	if len(frames) != len(sizes) {
		return fmt.Errorf("the index has %d frames, the seek table %d", len(frames), len(sizes))
	}
	offset := int64(0)
	for i, s := range sizes {
		if frames[i].Offset != offset {
			return fmt.Errorf("the index has frame %d at byte %d, the seek table at %d", i, frames[i].Offset, offset)
		}
		offset += int64(s.stored)
	}
	return nil
}

// Seek goes on with a frame of the index.
func (r *Reader) Seek(number int, f FrameIndex) error {
	if _, err := r.file.Seek(f.Offset, io.SeekStart); err != nil {
		return err
	}
	r.in = bufio.NewReaderSize(r.file, readAhead)
	r.frame, r.offset, r.first, r.err, r.ended = number, f.Offset, nil, nil, false
	return nil
}
