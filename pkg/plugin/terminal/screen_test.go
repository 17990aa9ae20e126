// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

// both writes of a shared terminal end up in one buffer, as on the screen.
func TestScreenShared(t *testing.T) {
	var screen bytes.Buffer
	s := NewScreen(&screen, &screen, true)
	check := func(step, want string) {
		t.Helper()
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
