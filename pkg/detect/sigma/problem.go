// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"fmt"
	"strings"
)

// Position is a place in a rule file.
type Position struct {
	// File is the name that Parse was given.
	File string
	// Line and Column count from 1; 0 is unknown.
	Line, Column int
}

// String is file:line:column, without what is unknown.
func (p Position) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Problem is one mistake in a rule, or one thing in it that is not supported.
type Problem struct {
	Position
	Reason Reason
	// Message says what is wrong, and what would be right where that is known.
	Message string
}

func (p Problem) Error() string { return p.Position.String() + ": " + p.Message }

// Refusal says why a document of a rule file is not a rule that can be used. It is never empty.
type Refusal struct {
	// Title and ID of the rule, empty where the document has none.
	Title, ID string
	// Problems in the order in which they were found, at most mostProblems.
	Problems []Problem
}

// Reason is the one that the refusal is counted under: the first problem's.
func (r *Refusal) Reason() Reason { return r.Problems[0].Reason }

// Position is that of the first problem.
func (r *Refusal) Position() Position { return r.Problems[0].Position }

func (r *Refusal) Error() string {
	lines := make([]string, len(r.Problems))
	for i, problem := range r.Problems {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}
