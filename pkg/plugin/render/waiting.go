// SPDX-License-Identifier: Apache-2.0

package render

import (
	"io"
	"time"
)

// mostBuffered is how many bytes of lines are written at once: a system call for each event would cost more than its line.
const mostBuffered = 64 << 10

// waiting are lines that wait to be written.
type waiting struct {
	out    io.Writer
	buffer []byte
	// err is the first error; nothing is written after it.
	err error
}

// writeIfMany writes the lines that wait if there are many.
func (w *waiting) writeIfMany() error {
	if len(w.buffer) >= mostBuffered {
		return w.write()
	}
	return nil
}

// write writes the lines that wait.
func (w *waiting) write() error {
	if len(w.buffer) > 0 && w.err == nil {
		_, w.err = w.out.Write(w.buffer)
		w.buffer = w.buffer[:0]
	}
	return w.err
}

// Flush implements pipeline.Sink.
func (w *waiting) Flush(time.Time) error { return w.write() }

// Close implements pipeline.Sink.
func (w *waiting) Close() error { return w.write() }
