// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// encoderWindow is that of the compression, in bytes: more than a frame's text has.
const encoderWindow = 2 << 20

// indexLine is how many frames an index line has at most, so that it stays below MaxLine.
const indexLine = 1000

// castagnoli is the polynomial of FrameIndex.CRC.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// About is what the checkpoint and the index say of a line.
type About struct {
	Node string
	// Number of the event among those of its tracer; 0: it is none.
	Number uint64
	// Time of it; zero: it has none.
	Time time.Time
}

// Writer writes lines into frames, each with one call of the output's Write. It is not for concurrent use, and of no use after an error.
type Writer struct {
	out     io.Writer
	encoder *zstd.Encoder // nil: nothing is compressed

	text   []byte
	stored []byte
	frame  FrameIndex
	events uint64
	// began is when the frame's first line came.
	began time.Time

	frames []frameSize
	index  []FrameIndex
	offset int64
	chain  [sha256.Size]byte
	// lines and numbered are those of closed frames.
	lines, numbered uint64
}

// NewWriter begins a file with the manifest, which is written with the first frame. plain: without compression.
func NewWriter(out io.Writer, m Manifest, plain bool) (*Writer, error) {
	w := &Writer{out: out}
	if !plain {
		var err error
		w.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(encoderWindow), zstd.WithEncoderLevel(zstd.SpeedDefault))
		if err != nil {
			return nil, err
		}
	}
	line, err := EncodeLine(KindManifest, m)
	if err != nil {
		return nil, err
	}
	w.chain = sha256.Sum256(line)
	return w, w.Add(line, About{Time: m.Started.Time})
}

// EncodeLine is a line of a kind without line feed.
func EncodeLine(kind string, body any) ([]byte, error) {
	line, err := json.Marshal(map[string]any{kind: body})
	if err != nil {
		return nil, fmt.Errorf("recording: line of kind %s: %w", kind, err)
	}
	return line, nil
}

// Add adds a line without its line feed, which must not be empty and not longer than MaxLine. It closes the frame when it is full.
func (w *Writer) Add(line []byte, a About) error {
	if len(line) == 0 || len(line) >= MaxLine {
		return fmt.Errorf("recording: a line of %d bytes", len(line))
	}
	if len(w.text) == 0 {
		w.began = time.Now()
	}
	w.text = append(append(w.text, line...), '\n')
	w.frame.note(KindOf(line), a)
	if a.Number > 0 {
		w.events++
	}
	if len(w.text) >= FrameBytes {
		return w.CloseFrame()
	}
	return nil
}

// note takes a line into the index of its frame.
func (f *FrameIndex) note(kind string, a About) {
	f.Lines++
	if f.Kinds == nil {
		f.Kinds, f.Nodes = map[string]uint64{}, map[string]*Range{}
	}
	f.Kinds[kind]++
	f.Span.include(a.Time)
	if a.Node == "" {
		return
	}
	r := f.Nodes[a.Node]
	if r == nil {
		r = &Range{}
		f.Nodes[a.Node] = r
	}
	r.Span.include(a.Time)
	if a.Number > 0 {
		if r.FirstSeq == 0 {
			r.FirstSeq = a.Number
		}
		r.LastSeq = a.Number
	}
}

func (s *Span) include(t time.Time) {
	if t.IsZero() {
		return
	}
	if s.First == nil || t.Before(s.First.Time) {
		s.First = &event.Timestamp{Time: t}
	}
	if s.Last == nil || t.After(s.Last.Time) {
		s.Last = &event.Timestamp{Time: t}
	}
}

// Waiting is since when lines wait for their frame to be closed; zero when none does.
func (w *Writer) Waiting() time.Time {
	if len(w.text) == 0 {
		return time.Time{}
	}
	return w.began
}

// Size is how many bytes were written.
func (w *Writer) Size() int64 { return w.offset }

// Lines and Events are how many lines, and events of them, were written.
func (w *Writer) Lines() uint64  { return w.lines + w.frame.Lines }
func (w *Writer) Events() uint64 { return w.numbered + w.events }

// CloseFrame writes what waits as a frame.
func (w *Writer) CloseFrame() error {
	if len(w.text) == 0 {
		return nil
	}
	sum := sha256.Sum256(w.text)
	w.chain = next(w.chain, sum)
	line, err := EncodeLine(KindCheckpoint, Checkpoint{
		Frame: len(w.frames), Lines: w.frame.Lines, Events: w.events, Span: w.frame.Span,
		SHA256: hex.EncodeToString(sum[:]), Chain: hex.EncodeToString(w.chain[:]),
	})
	if err != nil {
		return err
	}
	w.text = append(append(w.text, line...), '\n')
	w.frame.Offset = w.offset
	if err := w.write(); err != nil {
		return err
	}
	w.frame.CRC = crc32.Checksum(w.stored, castagnoli)
	w.index = append(w.index, w.frame)
	w.lines, w.numbered = w.lines+w.frame.Lines, w.numbered+w.events
	w.frame, w.events = FrameIndex{}, 0
	return nil
}

// next is the chain after a frame with this sum.
func next(chain, sum [sha256.Size]byte) [sha256.Size]byte {
	return sha256.Sum256(append(chain[:], sum[:]...))
}

// write writes the text as a frame.
func (w *Writer) write() error {
	w.stored = w.stored[:0]
	if w.encoder == nil {
		w.stored = append(w.stored, w.text...)
	} else {
		w.stored = w.encoder.EncodeAll(w.text, w.stored)
	}
	n, err := w.out.Write(w.stored)
	w.offset += int64(n)
	if err != nil {
		return fmt.Errorf("recording: write frame %d: %w", len(w.frames), err)
	}
	w.frames = append(w.frames, frameSize{uint32(len(w.stored)), uint32(len(w.text))})
	w.text = w.text[:0]
	return nil
}

// Finish closes the frame and writes index, trailer and seek table. It sets what the trailer says of this file, and returns the last
// value of the chain in hex.
func (w *Writer) Finish(t Trailer) (chain string, err error) {
	if err := w.CloseFrame(); err != nil {
		return "", err
	}
	for from := 0; from < len(w.index); from += indexLine {
		part := Index{From: from, Frames: w.index[from:min(from+indexLine, len(w.index))]}
		line, err := EncodeLine(KindIndex, part)
		if err != nil {
			return "", err
		}
		w.text = append(append(w.text, line...), '\n')
	}
	t.Lines, t.Events, t.Chain = w.lines, w.numbered, ""
	line, err := EncodeLine(KindTrailer, t)
	if err != nil {
		return "", err
	}
	w.text = append(w.text, line[:len(line)-len("}}")]...)
	w.chain = next(w.chain, sha256.Sum256(w.text))
	chain = hex.EncodeToString(w.chain[:])
	w.text = append(append(append(w.text, trailerChain...), chain...), trailerEnd...)
	if err := w.write(); err != nil || w.encoder == nil {
		return chain, err
	}
	n, err := w.out.Write(appendSeekTable(nil, w.frames))
	w.offset += int64(n)
	if err != nil {
		err = fmt.Errorf("recording: write the seek table: %w", err)
	}
	return chain, err
}

// What stands around the chain in a trailer.
const (
	trailerChain = `,"chain":"`
	trailerEnd   = "\"}}\n"
)
