// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// both writes of a shared terminal end up in one buffer, as on the screen.
func TestScreenShared(t *testing.T) {
	var screen bytes.Buffer
	s := NewScreen(&screen, &screen, true)
	check := func(step, want string) {
		t.Helper()
		if err := s.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if got := screen.String(); got != want {
			t.Errorf("%s: got %q, want %q", step, got, want)
		}
		screen.Reset()
	}
	s.Status("waiting")
	check("status", "waiting")
	fmt.Fprint(s.Out(), "event\n")
	check("output steps in front of the status", "\r\x1b[Kevent\nwaiting")
	fmt.Fprint(s.Out(), "open")
	check("an open line has no room for it", "\r\x1b[Kopen")
	if !s.Out().(interface{ LineOpen() bool }).LineOpen() {
		t.Error("line is not open")
	}
	fmt.Fprint(s.Err(), "message\n")
	check("a message ends the open line", "\nmessage\nwaiting")
	if s.Out().(interface{ LineOpen() bool }).LineOpen() {
		t.Error("line is still open")
	}
	fmt.Fprint(s.Out(), "open")
	s.Status("other")
	check("so does a new status", "\r\x1b[Kopen\nother")
	s.Status("")
	check("wiped", "\r\x1b[K")
}

func TestScreenApart(t *testing.T) {
	var out, errs bytes.Buffer
	s := NewScreen(&out, &errs, false)
	s.Status("waiting")
	fmt.Fprint(s.Out(), "open")
	fmt.Fprint(s.Err(), "message\n")
	fmt.Fprint(s.Out(), " end\n")
	if err := s.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if got, want := out.String(), "open end\n"; got != want {
		t.Errorf("output: got %q, want %q", got, want)
	}
	if got, want := errs.String(), "waiting\r\x1b[Kmessage\nwaiting"; got != want {
		t.Errorf("errors: got %q, want %q", got, want)
	}
}

func TestScreenWriteFails(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	if _, err := fmt.Fprint(NewScreen(w, io.Discard, true).Out(), "x"); err == nil {
		t.Error("no error of a closed pipe")
	}
}

// stuck is a terminal that takes nothing until it is released.
type stuck struct{ release chan struct{} }

func (s stuck) Write(p []byte) (int, error) {
	<-s.release
	return len(p), nil
}

// A terminal that takes nothing holds up nobody but who writes output; what had no room is counted.
func TestMessagesNeverWait(t *testing.T) {
	terminal := stuck{make(chan struct{})}
	s := NewScreen(terminal, terminal, true)
	written := make(chan struct{})
	go func() {
		defer close(written)
		fmt.Fprint(s.Out(), "output\n")
	}()
	for range mostWaiting / 512 {
		fmt.Fprint(s.Err(), strings.Repeat("m", 1023)+"\n") // returns, or the test hangs
	}
	s.Status("status")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(io.ErrNoProgress)
	if err := s.Flush(ctx); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("Flush: %v", err)
	}
	s.mu.Lock()
	dropped := s.dropped
	s.mu.Unlock()
	if want := mostWaiting / 1024; dropped < want-1 || dropped > want { // one may be on its way
		t.Errorf("%d messages dropped, want %d, or one less", dropped, want)
	}
	close(terminal.release)
	<-written
	if err := s.Flush(t.Context()); err != nil {
		t.Error(err)
	}
}
