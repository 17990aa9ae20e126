// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/printers"
)

// When says whether to use something that not every terminal can show.
type When string

// The values of --color and --emoji.
const (
	WhenAuto   When = "auto"
	WhenAlways When = "always"
	WhenNever  When = "never"
)

// ParseWhen reads a flag's value; the empty string is auto.
func ParseWhen(s string) (When, error) {
	switch w := When(s); w {
	case WhenAuto, WhenAlways, WhenNever:
		return w, nil
	case "":
		return WhenAuto, nil
	}
	return "", fmt.Errorf("%q: want auto, always or never", s)
}

// Capabilities is what an output can show.
type Capabilities struct {
	// Terminal: the output is one.
	Terminal bool
	// Color: SGR sequences are wanted.
	Color bool
	// UTF8: the locale's encoding; when false, nothing but ASCII is written.
	UTF8 bool
	// Emoji are wanted; implies UTF8.
	Emoji bool
	// Columns is the number of cells of a line, 0 for no limit (not a terminal).
	Columns int
	// Rows is the number of lines of the terminal, 0 where it is not known.
	Rows int
}

// fallbackColumns is the width of a terminal that does not tell its own.
const fallbackColumns = 80

// Detect finds out what out can show, from out itself and the environment (os.Getenv): LC_ALL, LC_CTYPE, LANG, COLUMNS,
// NO_COLOR, TERM. It never fails: what can't be found out is taken for absent.
func Detect(out io.Writer, getenv func(string) string, color, emoji When) Capabilities {
	c := Capabilities{Terminal: printers.IsTerminal(out), UTF8: utf8Locale(getenv)}
	// NO_COLOR, TERM and old Windows consoles are what AllowsColorOutput knows, from the process's own environment.
	c.Color = color == WhenAlways || color == WhenAuto && printers.AllowsColorOutput(out)
	c.UTF8 = c.UTF8 || emoji == WhenAlways
	c.Emoji = c.UTF8 && emoji != WhenNever
	if c.Terminal {
		c.Columns, c.Rows = columns(out, getenv), rows(out)
	}
	return c
}

// utf8Locale follows POSIX: LC_ALL, then LC_CTYPE, then LANG; the first that is set decides, none is the C locale.
func utf8Locale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := getenv(name); value != "" {
			encoding := strings.ToLower(value)
			return strings.Contains(encoding, "utf-8") || strings.Contains(encoding, "utf8")
		}
	}
	return runtime.GOOS == "windows" && getenv("WT_SESSION") != "" // Windows has no locale variables; Windows Terminal is UTF-8
}

// rows asks the terminal.
func rows(out io.Writer) int {
	if f, ok := out.(interface{ Fd() uintptr }); ok {
		if _, height, err := term.GetSize(int(f.Fd())); err == nil {
			return height
		}
	}
	return 0
}

// columns asks the terminal, which knows best after it was resized; COLUMNS is for those that do not tell.
func columns(out io.Writer, getenv func(string) string) int {
	if f, ok := out.(interface{ Fd() uintptr }); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	if width, err := strconv.Atoi(getenv("COLUMNS")); err == nil && width > 0 {
		return width
	}
	return fallbackColumns
}
