// SPDX-License-Identifier: Apache-2.0

package library

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/nearest"
)

// reader reads the nodes of one file and collects everything that is wrong.
type reader struct {
	file     string
	problems []Problem
}

// mostProblems of one file are told.
const mostProblems = 100

func (r *reader) wrong(n *yaml.Node, format string, a ...any) {
	r.wrongAt(n.Line, n.Column, fmt.Sprintf(format, a...))
}

func (r *reader) wrongAt(line, column int, text string) {
	if len(r.problems) < mostProblems {
		r.problems = append(r.problems, Problem{r.file, line, column, text})
	}
}

// field is one key of a mapping: whether it has to be there, and how its value is read.
type field struct {
	required bool
	read     func(*yaml.Node)
}

// mapping reads a mapping; unknown keys, keys that come twice and missing ones are mistakes.
func (r *reader) mapping(n *yaml.Node, what string, fields map[string]field) {
	if n.Kind != yaml.MappingNode {
		r.wrong(n, "%s is a mapping: %s", what, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		f, known := fields[key.Value]
		switch {
		case !known:
			r.wrong(key, "%s has no %q%s", what, key.Value, nearest.DidYouMean(key.Value, slices.Sorted(maps.Keys(fields))))
		case seen[key.Value]:
			r.wrong(key, "%s has %s twice", what, key.Value)
		default:
			f.read(value)
		}
		seen[key.Value] = true
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if fields[name].required && !seen[name] {
			r.wrong(n, "%s lacks %s", what, name)
		}
	}
}

// sequence reads the elements of a list; one that is not in a list is a list of itself.
func (r *reader) sequence(n *yaml.Node, read func(*yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		read(n)
		return
	}
	for _, element := range n.Content {
		read(element)
	}
}

// scalar is a text that is not empty.
func (r *reader) scalar(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.wrong(n, "want a text")
		return "", false
	}
	text := strings.TrimSpace(n.Value)
	if text == "" {
		r.wrong(n, "the text is empty")
	}
	return text, text != ""
}

func (r *reader) text(to *string) func(*yaml.Node) {
	return func(n *yaml.Node) { *to, _ = r.scalar(n) }
}

// mostTexts of one list.
const mostTexts = 200

func (r *reader) texts(to *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.sequence(n, func(element *yaml.Node) {
			if text, ok := r.scalar(element); ok {
				*to = append(*to, text)
			}
		})
		if len(*to) > mostTexts {
			r.wrong(n, "%d texts, at most %d", len(*to), mostTexts)
		}
	}
}

// word reads one of some words.
func word[T ~string](r *reader, to *T, words []T) func(*yaml.Node) {
	return func(n *yaml.Node) {
		text, ok := r.scalar(n)
		if *to = T(text); !ok || slices.Contains(words, *to) {
			return
		}
		names := make([]string, len(words))
		for i, w := range words {
			names[i] = string(w)
		}
		r.wrong(n, "%q is none of %s%s", text, strings.Join(names, ", "), nearest.DidYouMean(text, names))
	}
}

// integer reads a number, in octal with 0o or 0 before it.
func (r *reader) integer(n *yaml.Node) (number int64, ok bool) {
	text, ok := r.scalar(n)
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseInt(text, 0, 64)
	if err != nil {
		r.wrong(n, "%q is no number", text)
	}
	return number, err == nil
}

func (r *reader) number(to *int, least, most int64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		number, ok := r.integer(n)
		if ok && (number < least || number > most) {
			r.wrong(n, "%d is not from %d to %d", number, least, most)
			return
		}
		*to = int(number)
	}
}

// longestWithin is how long something is remembered at most.
const longestWithin = 24 * time.Hour

func (r *reader) duration(to *time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		text, ok := r.scalar(n)
		if !ok {
			return
		}
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 || d > longestWithin {
			r.wrong(n, "%q is no time from 1ns to 24h (30s, 10m)", text)
		}
		*to = d
	}
}
