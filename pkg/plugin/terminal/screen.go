// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"bytes"
	"io"
	"sync"
)

// Screen lets standard output and standard error share one terminal: a line of output that is still open is ended before
// a message, and the status line (rewritten in place) steps aside for both. When they do not share a terminal it only
// passes writes on. Safe for concurrent use; each Write should hold whole lines, an open line apart.
type Screen struct {
	mu       sync.Mutex
	out, err io.Writer
	shared   bool
	open     bool   // output's last line has no line feed yet
	status   string // shown on err's last line now
	wanted   string // what status is to be when there is room for it
}

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
func (s *Screen) Status(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = text
	if err := s.endLine(); err != nil {
		return err
	}
	return s.showStatus()
}

type screenOut struct{ *Screen }

// LineOpen says whether what is written next continues the last line that was written.
func (o *screenOut) LineOpen() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.open
}

func (o *screenOut) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	if o.shared {
		if err := o.hideStatus(); err != nil {
			return 0, err
		}
	}
	n, err := o.out.Write(p)
	if err != nil {
		return n, err
	}
	o.open = !bytes.HasSuffix(p, []byte("\n"))
	return n, o.showStatus()
}

type screenErr struct{ *Screen }

func (e *screenErr) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.hideStatus(); err != nil {
		return 0, err
	}
	if err := e.endLine(); err != nil {
		return 0, err
	}
	n, err := e.err.Write(p)
	if err != nil {
		return n, err
	}
	return n, e.showStatus()
}

// endLine ends output's open line, so that a message does not continue it.
func (s *Screen) endLine() error {
	if !s.shared || !s.open {
		return nil
	}
	s.open = false
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
	if s.status == s.wanted || s.shared && s.open {
		return nil
	}
	if err := s.hideStatus(); err != nil {
		return err
	}
	s.status = s.wanted
	_, err := io.WriteString(s.err, s.wanted)
	return err
}
