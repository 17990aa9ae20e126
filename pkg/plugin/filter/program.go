// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"path"
	"regexp"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Program is how the user says which program: by its whole PATH, by its NAME (the last part of the path), or by ~REGEX, which
// is looked for anywhere in the path. The path is that of the events, process.binary.
type Program struct {
	// Path or Name is set, or neither for a regular expression.
	Path, Name string
	pattern    *regexp.Regexp
}

// ParseProgram reads PATH, NAME or ~REGEX.
func ParseProgram(text string) (Program, error) {
	if pattern, is := strings.CutPrefix(text, "~"); is {
		compiled, err := expression(pattern)
		return Program{pattern: compiled}, err
	}
	switch {
	case text == "":
		return Program{}, errors.New("want the path of a program, its name, or ~REGEX")
	case strings.HasPrefix(text, "/") && (strings.HasSuffix(text, "/") || path.Clean(text) != text):
		return Program{}, errors.New("this is not the path of a program as events have it; a folder is ~^/folder/")
	case strings.HasPrefix(text, "/"):
		return Program{Path: text}, nil
	case strings.Contains(text, "/"):
		return Program{}, errors.New("neither a path that begins with / nor a name; a part of a path is ~REGEX")
	}
	return Program{Name: text}, nil
}

// Matches says whether a path is that of the program.
func (p Program) Matches(binary string) bool {
	switch {
	case p.pattern != nil:
		return p.pattern.MatchString(binary)
	case p.Path != "":
		return binary == p.Path
	}
	return binary == p.Name || strings.HasSuffix(binary, "/"+p.Name)
}

// program compares with the program of the process that of says; a process that is not known has none.
func program(value string, of func(*event.Event) *event.Process) (criterion, error) {
	wanted, err := ParseProgram(value)
	return func(e *event.Event) bool {
		p := of(e)
		return p != nil && wanted.Matches(p.Binary)
	}, err
}
