// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

const (
	// maxTimestamp is the longest that the kubelet's timestamp gets, the blank behind it included.
	maxTimestamp = len("2006-01-02T15:04:05.000000000+07:00 ")
	// maxSample is how much of a line that is no frame is shown.
	maxSample = 200
)

// received is a frame with where it came from.
type received struct {
	frame *wire.Frame
	// size of its line in bytes.
	size int
	// logTime by the node's clock, read by this machine's.
	logTime, read time.Time
}

// lineError is about one line that is not a frame.
type lineError struct {
	sample string
	err    error
}

func (e *lineError) Error() string { return e.err.Error() }
func (e *lineError) Unwrap() error { return e.err }

// explanations of texts that a kubelet writes into the log stream itself.
var explanations = [...]struct{ text, explanation string }{
	{"fsnotify", "the node has no inotify instance left to follow the log with (raise fs.inotify.max_user_instances there)"},
	{"unable to retrieve container logs", "the kubelet has no log of the container any more"},
}

// lineReader reads frames from a log.
type lineReader struct {
	lines  *bufio.Reader
	frames *wire.FrameDecoder
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{bufio.NewReaderSize(r, wire.MaxFrame+maxTimestamp), wire.NewFrameDecoder()}
}

// next returns the next frame. A *lineError concerns one line; any other error is the end, io.EOF when that was clean. A
// frame that was cut by the end of the stream is not an error: it will be read again.
func (r *lineReader) next() (received, error) {
	line, err := r.lines.ReadSlice('\n')
	switch {
	case err == nil:
		return r.parse(line)
	case errors.Is(err, bufio.ErrBufferFull):
		return received{}, r.skip(line)
	case len(line) == 0:
		return received{}, err
	}
	got, parseErr := r.parse(line)
	if parseErr == nil {
		return got, nil
	}
	if _, rest := splitTimestamp(line); rest[0] == '{' || len(rest) == len(line) && isDigit(rest[0]) {
		return received{}, err
	}
	return received{}, parseErr // words of the kubelet's own have no line feed
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// skip passes over the rest of a line that is too long for a frame.
func (r *lineReader) skip(start []byte) error {
	sample, length := sampleOf(start), len(start)
	for err := bufio.ErrBufferFull; errors.Is(err, bufio.ErrBufferFull); {
		var more []byte
		more, err = r.lines.ReadSlice('\n')
		length += len(more)
	}
	return &lineError{sample, fmt.Errorf("%w: %d bytes, at most %d are one", wire.ErrMalformed, length, wire.MaxFrame)}
}

func (r *lineReader) parse(line []byte) (received, error) {
	logTime, rest := splitTimestamp(line)
	frame, err := r.frames.Decode(rest)
	if err != nil {
		e := &lineError{sampleOf(line), err}
		for _, known := range explanations {
			if strings.Contains(e.sample, known.text) {
				e.err = fmt.Errorf("%s: %w", known.explanation, err)
			}
		}
		return received{}, e
	}
	return received{frame: frame, size: len(line), logTime: logTime, read: time.Now()}, nil
}

// splitTimestamp takes the kubelet's timestamp off a line; without one the time is zero. rest is empty only if line is.
func splitTimestamp(line []byte) (t time.Time, rest []byte) {
	stamp, rest, found := bytes.Cut(line, []byte{' '})
	if !found || len(rest) == 0 {
		return time.Time{}, line
	}
	t, err := time.Parse(time.RFC3339Nano, string(stamp))
	if err != nil {
		return time.Time{}, line
	}
	return t, rest
}

func sampleOf(line []byte) string {
	return string(bytes.TrimRight(line[:min(len(line), maxSample)], "\r\n"))
}
