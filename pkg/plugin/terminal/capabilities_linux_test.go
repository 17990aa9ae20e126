// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"bytes"
	"io"
	"os"
	"testing"

	"golang.org/x/term"
)

func TestDetectColor(t *testing.T) {
	none := func(string) string { return "" }
	if Detect(&bytes.Buffer{}, none, WhenAuto, WhenAuto).Color {
		t.Error("auto: colour without a terminal")
	}
	if !Detect(&bytes.Buffer{}, none, WhenAlways, WhenAuto).Color {
		t.Error("always: no colour")
	}
	terminal := pseudoTerminal(t)
	t.Setenv("TERM", "xterm")
	os.Unsetenv("NO_COLOR")
	for _, c := range []struct {
		name, variable, value string
		when                  When
		want                  bool
	}{
		{"terminal", "", "", WhenAuto, true},
		{"NO_COLOR", "NO_COLOR", "1", WhenAuto, false},
		{"NO_COLOR, always", "NO_COLOR", "1", WhenAlways, true},
		{"dumb", "TERM", "dumb", WhenAuto, false},
		{"never", "", "", WhenNever, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.variable != "" {
				t.Setenv(c.variable, c.value)
			}
			if got := Detect(terminal, os.Getenv, c.when, WhenAuto).Color; got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestDetectColumns(t *testing.T) {
	env := func(k string) string { return map[string]string{"COLUMNS": "132"}[k] }
	if got := Detect(&bytes.Buffer{}, env, WhenAuto, WhenAuto); got.Terminal || got.Columns != 0 {
		t.Errorf("not a terminal: got %+v", got)
	}
	terminal := pseudoTerminal(t)
	want := 132 // a new pseudo-terminal has no size: COLUMNS counts
	if width, _, err := term.GetSize(int(terminal.(*os.File).Fd())); err == nil && width > 0 {
		want = width
	}
	if got := Detect(terminal, env, WhenAuto, WhenAuto); !got.Terminal || got.Columns != want {
		t.Errorf("terminal: got %+v, want %d columns", got, want)
	}
	if got := Detect(terminal, func(string) string { return "" }, WhenAuto, WhenAuto); got.Columns == 0 {
		t.Errorf("terminal without COLUMNS: got %+v", got)
	}
}

// pseudoTerminal is the master of a new pseudo-terminal, which is a terminal too.
func pseudoTerminal(t *testing.T) io.Writer {
	t.Helper()
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
