// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
)

// mostWaiting is how many bytes of messages wait for a standard error that does not take them.
const mostWaiting = 1 << 20

// Screen lets standard output and standard error share one terminal: a line of output that is still open is ended before
// a message, and the status line (rewritten in place) steps aside for both. When they do not share a terminal it only
// passes writes on. Safe for concurrent use; each Write should hold whole lines, an open line apart.
//
// Whoever writes a message or a status line never waits: they are written by a goroutine of their own, which a terminal that is
// stopped (Ctrl-S) or gone may block for ever. Who writes output waits until it is written. Flush waits for what was written
// before it.
type Screen struct {
	out, err io.Writer
	shared   bool

	mu      sync.Mutex
	queue   []screenWrite
	waiting int  // bytes of messages in the queue
	dropped int  // messages for which there was no room
	running bool // a goroutine writes
	// open: output's last line has no line feed yet, as far as it is written.
	open bool
	// lines is how many line feeds were written.
	lines int

	// What follows belongs to the goroutine that writes.
	status string // shown on err's last line now
	wanted string // what status is to be when there is room for it
}

// screenWrite is one thing to be written.
type screenWrite struct {
	kind screenKind
	data []byte
	// done is told the result; nil where nobody waits.
	done chan error
}

type screenKind int

const (
	kindOutput screenKind = iota
	kindMessage
	kindStatus
	kindFlush
)

// NewScreen shares a terminal between out and err when shared says that both are it.
func NewScreen(out, err io.Writer, shared bool) *Screen {
	return &Screen{out: out, err: err, shared: shared}
}

// Out is standard output. Its LineOpen says whether the last line is still open: nothing was written after it.
func (s *Screen) Out() io.Writer { return &screenOut{s} }

// Err is standard error.
func (s *Screen) Err() io.Writer { return &screenErr{s} }

// Status shows a line that the next call replaces, the empty one wipes. The text must be sanitised, and no wider than the
// terminal.
func (s *Screen) Status(text string) { s.add(screenWrite{kind: kindStatus, data: []byte(text)}) }

// Flush waits until what was written before is written, or until ctx ends.
func (s *Screen) Flush(ctx context.Context) error {
	done := make(chan error, 1)
	s.add(screenWrite{kind: kindFlush, done: done})
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("write messages: %w", context.Cause(ctx))
	}
}

type screenOut struct{ *Screen }

// LineOpen says whether what is written next continues the last line that was written.
func (o *screenOut) LineOpen() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.open && len(o.queue) == 0 // what waits ends it
}

// Lines is how many lines were written, messages included, where output and messages share a terminal; a line that is wider than the
// terminal counts once.
func (o *screenOut) Lines() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lines
}

func (o *screenOut) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if !o.shared { // nothing but output goes there
		return o.out.Write(p)
	}
	done := make(chan error, 1)
	o.add(screenWrite{kindOutput, p, done})
	if err := <-done; err != nil {
		return 0, err
	}
	return len(p), nil
}

type screenErr struct{ *Screen }

// Write never fails: standard error that can't be written is nowhere to complain about.
func (e *screenErr) Write(p []byte) (int, error) {
	e.add(screenWrite{kind: kindMessage, data: bytes.Clone(p)})
	return len(p), nil
}

// add puts something into the queue, and sees to it that it is written.
func (s *Screen) add(w screenWrite) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.kind == kindMessage {
		if s.waiting+len(w.data) > mostWaiting {
			s.dropped++
			return
		}
		s.waiting += len(w.data)
	}
	s.queue = append(s.queue, w)
	if !s.running {
		s.running = true
		go s.write()
	}
}

// write writes until nothing waits.
func (s *Screen) write() {
	for {
		s.mu.Lock()
		if len(s.queue) == 0 {
			s.running = false
			s.mu.Unlock()
			return
		}
		next := s.queue[0]
		s.queue = s.queue[1:]
		dropped := s.dropped
		s.dropped = 0
		s.mu.Unlock()
		if dropped > 0 {
			_ = s.message(fmt.Appendf(nil, "%d messages had no room here\n", dropped))
		}
		err := s.one(next)
		if next.done != nil {
			next.done <- err
		}
	}
}

func (s *Screen) one(w screenWrite) error {
	switch w.kind {
	case kindOutput:
		return s.output(w.data)
	case kindMessage:
		s.mu.Lock()
		s.waiting -= len(w.data)
		s.mu.Unlock()
		return s.message(w.data)
	case kindStatus:
		s.wanted = string(w.data)
		if err := s.endLine(); err != nil {
			return err
		}
		return s.showStatus()
	}
	return nil
}

func (s *Screen) output(p []byte) error {
	if err := s.hideStatus(); err != nil {
		return err
	}
	if _, err := s.out.Write(p); err != nil {
		return err
	}
	s.setOpen(!bytes.HasSuffix(p, []byte("\n")))
	s.countLines(p)
	return s.showStatus()
}

func (s *Screen) message(p []byte) error {
	if err := s.hideStatus(); err != nil {
		return err
	}
	if err := s.endLine(); err != nil {
		return err
	}
	if _, err := s.err.Write(p); err != nil {
		return err
	}
	s.countLines(p)
	return s.showStatus()
}

func (s *Screen) countLines(p []byte) {
	s.mu.Lock()
	s.lines += bytes.Count(p, []byte("\n"))
	s.mu.Unlock()
}

func (s *Screen) setOpen(open bool) {
	s.mu.Lock()
	s.open = open
	s.mu.Unlock()
}

func (s *Screen) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// endLine ends output's open line, so that a message does not continue it.
func (s *Screen) endLine() error {
	if !s.shared || !s.isOpen() {
		return nil
	}
	s.setOpen(false)
	s.countLines([]byte("\n"))
	_, err := io.WriteString(s.out, "\n")
	return err
}

// hideStatus wipes the status line: carriage return, erase to the end of the line.
func (s *Screen) hideStatus() error {
	if s.status == "" {
		return nil
	}
	s.status = ""
	_, err := io.WriteString(s.err, "\r\x1b[K")
	return err
}

// showStatus draws the wanted status line, unless output's open line is in its place.
func (s *Screen) showStatus() error {
	if s.status == s.wanted || s.shared && s.isOpen() {
		return nil
	}
	if err := s.hideStatus(); err != nil {
		return err
	}
	s.status = s.wanted
	_, err := io.WriteString(s.err, s.wanted)
	return err
}
