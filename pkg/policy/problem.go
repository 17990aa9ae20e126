// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Position is a place in a policy's text.
type Position struct {
	// File is the name that Parse was given.
	File string
	// Line and Column count from 1; 0 is unknown.
	Line, Column int
	// Path of the field from the document's root: spec.kprobes[0].selectors[1].matchArgs[0].operator. Empty for the document.
	Path string
}

// String is file:line: path.
func (p Position) String() string {
	s := p.File
	if p.Line > 0 {
		s = fmt.Sprintf("%s:%d", s, p.Line)
	}
	if p.Path != "" {
		s += ": " + p.Path
	}
	return s
}

// Problem is one mistake in a policy.
type Problem struct {
	Position
	// Message says what is wrong and what would be right.
	Message string
}

func (p Problem) Error() string { return p.Position.String() + ": " + p.Message }

// Problems is every mistake of a file, in the order of its lines. It is the error of Parse.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// sorted puts problems in the order of the text; one that was found twice, in a macro that two hooks use, is kept once.
func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(p)
}
