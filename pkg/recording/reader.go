// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"

	"github.com/klauspost/compress/zstd"
)

// ErrIncomplete: the file has no trailer, since whoever wrote it was killed or the disk was full. What was read before it is whole.
var ErrIncomplete = errors.New("ended without trailer")

// FrameError is a frame that can't be read. Reading can go on behind it.
type FrameError struct {
	Frame  int
	Offset int64
	Err    error
}

func (e *FrameError) Error() string {
	return fmt.Sprintf("frame %d at byte %d: %v", e.Frame, e.Offset, e.Err)
}

func (e *FrameError) Unwrap() error { return e.Err }

// Block is whole lines of a file: a frame's, or, of a log of lines, some of them. Its text ends with a line feed.
type Block struct {
	Frame int
	// Offset in the file as it is stored, of a frame.
	Offset int64
	Text   []byte
}

// Lines are its lines.
func (b Block) Lines() iter.Seq[Line] { return linesOf(b.Text) }

// Reader reads a recording, or a log of JSON lines such as Tetragon exports, plain, or compressed by gzip or zstd. It is not for
// concurrent use.
type Reader struct {
	name string
	file *os.File
	size int64
	in   *bufio.Reader
	// framed: the blocks are frames of a recording.
	framed   bool
	manifest *Manifest
	decoder  *zstd.Decoder
	frame    int
	offset   int64
	stored   []byte
	// sizes of the frames that were read, and the checksum of the last of them as it is stored.
	sizes    []frameSize
	checksum uint32
	// ended: the trailer was read.
	ended bool
	first *Block
	err   error
}

// What files begin with.
var (
	zstdMagic = []byte{0x28, 0xB5, 0x2F, 0xFD}
	gzipMagic = []byte{0x1F, 0x8B}
)

// readAhead is how much of a file is read at once.
const readAhead = 256 << 10

// Open opens a file. The error says when it is a recording of another format.
func Open(name string) (*Reader, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	r := &Reader{name: name, file: file}
	if info, err := file.Stat(); err == nil {
		r.size = info.Size()
	}
	if err := r.start(r.file); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// Read reads from a stream.
func Read(in io.Reader) (*Reader, error) {
	r := &Reader{}
	return r, r.start(in)
}

// start finds out what it is, and reads the manifest.
func (r *Reader) start(in io.Reader) error {
	r.in = bufio.NewReaderSize(in, readAhead)
	magic, _ := r.in.Peek(len(zstdMagic))
	switch {
	case bytes.Equal(magic, zstdMagic):
		r.framed, r.decoder = true, newDecoder()
	case bytes.HasPrefix(magic, gzipMagic):
		unzipped, err := gzip.NewReader(r.in)
		if err != nil {
			return err
		}
		r.in = bufio.NewReaderSize(unzipped, readAhead)
	}
	block, err := r.read()
	if err != nil {
		if _, damaged := errors.AsType[*FrameError](err); damaged || errors.Is(err, io.EOF) || errors.Is(err, ErrIncomplete) {
			r.err = err // is said where reading begins
			return nil
		}
		return err
	}
	r.first = &block
	if !r.framed {
		return nil
	}
	for line := range block.Lines() {
		if line.Kind == KindManifest {
			return r.take(line.Text)
		}
		break
	}
	return r.restartPlain() // of somebody else: its frames need not hold whole lines
}

// take reads the manifest.
func (r *Reader) take(line []byte) error {
	var m struct{ Manifest Manifest }
	if err := json.Unmarshal(line, &m); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	if !supported(m.Manifest.Format) {
		return fmt.Errorf("this is of format %q, and this version reads %s: use a newer version of kubectl trace-sec", m.Manifest.Format, Format)
	}
	r.manifest = &m.Manifest
	return nil
}

// restartPlain reads a file that somebody compressed as lines.
func (r *Reader) restartPlain() error {
	if r.file == nil {
		return errors.New("a stream that is compressed has to be a recording")
	}
	if _, err := r.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	text, err := zstd.NewReader(r.file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(MaxFrame))
	if err != nil {
		return err
	}
	r.in, r.framed, r.first = bufio.NewReaderSize(text, readAhead), false, nil
	return nil
}

// Name is that of the file.
func (r *Reader) Name() string { return r.name }

// Manifest of a recording; nil for a log.
func (r *Reader) Manifest() *Manifest { return r.manifest }

// Close closes the file.
func (r *Reader) Close() error {
	if r.decoder != nil {
		r.decoder.Close()
	}
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// Next returns the next block. At the end the error is io.EOF, or wraps ErrIncomplete where a recording has no trailer. After a
// *FrameError reading can go on. The block's memory is the caller's.
func (r *Reader) Next() (Block, error) {
	if b := r.first; b != nil {
		r.first = nil
		return *b, nil
	}
	if err := r.err; err != nil {
		r.err = nil
		return Block{}, err
	}
	return r.read()
}

func (r *Reader) read() (Block, error) {
	if r.framed {
		return r.readFrame()
	}
	return r.readLines()
}

// readFrame reads a frame of a recording.
func (r *Reader) readFrame() (Block, error) {
	for {
		stored, skippable, err := storedFrame(r.in, r.stored)
		at := r.offset
		switch {
		case errors.Is(err, io.EOF):
			return Block{}, r.end(nil)
		case errors.Is(err, errCut):
			return Block{}, r.end(fmt.Errorf("frame %d at byte %d: %w", r.frame, at, err))
		case err != nil && r.ended:
			return Block{}, fmt.Errorf("behind the trailer, at byte %d: %w", at, err)
		case err != nil:
			return Block{}, fmt.Errorf("%w: frame %d at byte %d: %w", ErrIncomplete, r.frame, at, err)
		}
		r.stored = stored
		r.offset += int64(len(stored))
		if skippable {
			continue
		}
		b := Block{Frame: r.frame, Offset: at}
		r.frame++
		text, err := r.decoder.DecodeAll(stored, nil)
		if err == nil && (len(text) == 0 || text[len(text)-1] != '\n') {
			err = errors.New("the frame does not end with a line")
		}
		if err == nil {
			err = checkLines(text)
		}
		r.checksum = crc32.Checksum(stored, castagnoli)
		r.sizes = append(r.sizes, frameSize{uint32(len(stored)), uint32(len(text))})
		if err != nil {
			return Block{}, &FrameError{b.Frame, at, err}
		}
		b.Text = text
		r.note(text)
		return b, nil
	}
}

// checkLines wants lines that are no longer than lines may be.
func checkLines(text []byte) error {
	for len(text) > 0 {
		end := bytes.IndexByte(text, '\n')
		if end >= MaxLine {
			return fmt.Errorf("a line of %d bytes, more than %d", end, MaxLine)
		}
		text = text[end+1:]
	}
	return nil
}

// note looks whether a text ends with the trailer.
func (r *Reader) note(text []byte) {
	text = bytes.TrimRight(text, "\n")
	r.ended = KindOf(text[bytes.LastIndexByte(text, '\n')+1:]) == KindTrailer
}

// end is the error at the end of the file.
func (r *Reader) end(why error) error {
	switch {
	case r.ended || r.manifest == nil && !r.framed:
		return io.EOF
	case why != nil:
		return fmt.Errorf("%w: %w", ErrIncomplete, why)
	}
	return ErrIncomplete
}

// readLines reads lines: of a recording those up to a checkpoint or the trailer, of a log as many as a frame would have.
func (r *Reader) readLines() (Block, error) {
	b := Block{Frame: r.frame, Offset: r.offset}
	for {
		line, err := r.line()
		whole := len(line) > 0 && line[len(line)-1] == '\n'
		if !whole && r.manifest == nil && json.Valid(line) { // a log that ends without line feed
			line, whole = append(line, '\n'), true
		}
		if whole {
			b.Text = append(b.Text, line...)
			r.offset += int64(len(line))
		}
		if err != nil {
			return r.lastLines(b, err)
		}
		kind := KindOf(line)
		if kind == KindManifest && r.frame == 0 && len(b.Text) == len(line) {
			if err := r.take(line); err != nil {
				return Block{}, err
			}
		}
		full := len(b.Text) >= FrameBytes
		if r.manifest != nil {
			full = kind == KindCheckpoint || kind == KindTrailer || len(b.Text) > MaxFrame
		}
		if full {
			r.frame++
			r.note(b.Text)
			return b, nil
		}
	}
}

// lastLines is what there is before the end of a file of lines: of a recording nothing that no checkpoint is behind.
func (r *Reader) lastLines(b Block, err error) (Block, error) {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF): // of what compressed the lines
		err = fmt.Errorf("%w: the compressed file is cut", ErrIncomplete)
	case errors.Is(err, io.EOF) && r.ended && len(b.Text) > 0:
		err = fmt.Errorf("%d bytes behind the trailer", len(b.Text))
	case errors.Is(err, io.EOF):
		err = r.end(nil)
	}
	if r.manifest == nil && len(b.Text) > 0 {
		r.frame++
		r.err = err
		return b, nil
	}
	return Block{}, err
}

// line reads a line with its line feed, of at most MaxLine bytes.
func (r *Reader) line() (line []byte, err error) {
	for {
		part, err := r.in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > MaxLine {
			return nil, fmt.Errorf("at byte %d: a line of more than %d bytes", r.offset, MaxLine)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}
