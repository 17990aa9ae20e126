// SPDX-License-Identifier: Apache-2.0

// Package docs runs what the pages in docs/ show: their transcripts are what a user gets.
//
// A block ```console is a transcript: lines that begin with "$ " are commands of a root shell (sudo is left out), the others
// what they print, standard error included. A command ends with 0, or as the comment "# exit code 1" at its end says. "…" stands for any text in a line, and alone for any lines. A block whose first
// line is a comment with a file's name ("# policy.yaml") is that file, in the folder where the commands run.
package docs

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// page is what a page has to run.
type page struct {
	// files by name, steps in their order.
	files map[string]string
	steps []step
}

// step is a command and what it should print.
type step struct {
	// line of the page, from 1.
	line          int
	command, want string
	// code that the command ends with.
	code int
}

// block is one fenced block: ```language, lines, ```.
var block = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

// fileName is a first line that names a file.
var fileName = regexp.MustCompile(`^# ([a-z-]+\.[a-z]+)\n`)

func parse(text string) (page, error) {
	p := page{files: map[string]string{}}
	for _, at := range block.FindAllStringSubmatchIndex(text, -1) {
		language, content := text[at[2]:at[3]], text[at[4]:at[5]]
		line := 1 + strings.Count(text[:at[4]], "\n")
		switch name := fileName.FindStringSubmatch(content); {
		case language == "console":
			if err := p.transcript(line, content); err != nil {
				return page{}, err
			}
		case name != nil:
			p.files[name[1]] = content
		}
	}
	return p, nil
}

func (p *page) transcript(line int, content string) error {
	first := len(p.steps)
	for i, text := range strings.SplitAfter(content, "\n") {
		if command, ok := strings.CutPrefix(text, "$ "); ok {
			s := step{line: line + i, command: strings.TrimPrefix(strings.TrimSuffix(command, "\n"), "sudo ")}
			if _, code, found := strings.Cut(s.command, "# exit code "); found {
				var err error
				if s.code, err = strconv.Atoi(code); err != nil {
					return fmt.Errorf("line %d: exit code %q", s.line, code)
				}
			}
			p.steps = append(p.steps, s)
			continue
		}
		if len(p.steps) == first && text != "" {
			return fmt.Errorf("line %d: a transcript begins with a command", line+i)
		}
		if text != "" {
			p.steps[len(p.steps)-1].want += text
		}
	}
	return nil
}

// matches says whether a command printed what a step wants.
func (s step) matches(printed string) bool {
	var pattern strings.Builder
	pattern.WriteString("^")
	for line := range strings.Lines(s.want) {
		if line == "…\n" {
			pattern.WriteString("(?:.*\n)*?")
			continue
		}
		parts := strings.Split(line, "…")
		for i, part := range parts {
			parts[i] = regexp.QuoteMeta(part)
		}
		pattern.WriteString(strings.Join(parts, ".*"))
	}
	return regexp.MustCompile(pattern.String() + "$").MatchString(printed)
}
