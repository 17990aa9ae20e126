// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/nearest"
)

// Place in a rule file. Line and Column count from 1; 0 is unknown.
type Place struct {
	File         string
	Line, Column int
}

// String is file:line:column.
func (p Place) String() string {
	s := p.File
	if p.Line > 0 {
		s += fmt.Sprintf(":%d", p.Line)
	}
	if p.Column > 0 {
		s += fmt.Sprintf(":%d", p.Column)
	}
	return s
}

// Code says what kind of problem it is, with Falco's names.
type Code string

// The errors.
const (
	ErrFileRead         Code = "LOAD_ERR_FILE_READ"
	ErrYAMLParse        Code = "LOAD_ERR_YAML_PARSE"
	ErrYAMLValidate     Code = "LOAD_ERR_YAML_VALIDATE"
	ErrCompileCondition Code = "LOAD_ERR_COMPILE_CONDITION"
	ErrCompileOutput    Code = "LOAD_ERR_COMPILE_OUTPUT"
	ErrValidate         Code = "LOAD_ERR_VALIDATE"
	// ErrExtension: the files ask for more than this engine takes, as rules whose conditions grow without bounds.
	ErrExtension Code = "LOAD_ERR_EXTENSION"
)

// The warnings.
const (
	UnknownSource          Code = "LOAD_UNKNOWN_SOURCE"
	UnsafeNACheck          Code = "LOAD_UNSAFE_NA_CHECK"
	NoEventType            Code = "LOAD_NO_EVTTYPE"
	UnknownFilter          Code = "LOAD_UNKNOWN_FILTER"
	UnusedMacro            Code = "LOAD_UNUSED_MACRO"
	UnusedList             Code = "LOAD_UNUSED_LIST"
	UnknownItem            Code = "LOAD_UNKNOWN_ITEM"
	UnknownKey             Code = "LOAD_UNKNOWN_KEY"
	DeprecatedItem         Code = "LOAD_DEPRECATED_ITEM"
	AppendNoValues         Code = "LOAD_APPEND_NO_VALUES"
	ExceptionNameNotUnique Code = "LOAD_EXCEPTION_NAME_NOT_UNIQUE"
	InvalidMacroName       Code = "LOAD_INVALID_MACRO_NAME"
	InvalidListName        Code = "LOAD_INVALID_LIST_NAME"
	CompileCondition       Code = "LOAD_COMPILE_CONDITION"
	// WarningExtension: this engine reads something otherwise than Falco does, as lists in lists in lists.
	WarningExtension Code = "LOAD_WARNING_EXTENSION"
)

// IsError says whether what has the problem is not loaded.
func (c Code) IsError() bool { return strings.HasPrefix(string(c), "LOAD_ERR_") }

// mostHints are looked for in one load: each is a search among all names, and after so many mistakes none is of use.
const mostHints = 100

// DidYouMean is the end of a message about an unknown name: the nearest of those that there are.
func (s *Set) DidYouMean(typed string, names func() []string) string {
	if s.hints++; s.hints > mostHints {
		return ""
	}
	if near := nearest.Name(typed, names()); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// Problem is one mistake, or something to know.
type Problem struct {
	Code Code
	Place
	// Item that has it: rule, macro, list, or empty for the file; Name of the item.
	Item, Name string
	// Message says what is wrong and what would be right.
	Message string
	// Line of the text that is wrong, and the column of the mistake in it from 0; empty where there is no single place.
	Snippet string
	Caret   int
}

// Error is file:line:column: item: code: message.
func (p Problem) Error() string {
	what := ""
	if p.Item != "" {
		what = fmt.Sprintf("%s '%s': ", p.Item, p.Name)
	}
	return fmt.Sprintf("%s: %s%s: %s", p.Place, what, p.Code, p.Message)
}

// Problems of one load, in the order of files and lines.
type Problems []Problem

// Errors are those that are errors.
func (p Problems) Errors() Problems { return p.filter(true) }

// Warnings are those that are not.
func (p Problems) Warnings() Problems { return p.filter(false) }

func (p Problems) filter(errors bool) (some Problems) {
	for _, problem := range p {
		if problem.Code.IsError() == errors {
			some = append(some, problem)
		}
	}
	return some
}

// Error has a line for each.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Sorted puts them in the order of files, as they were given, and lines. What is there twice is kept once.
func (p Problems) Sorted(files []string) Problems {
	order := map[string]int{}
	for i, file := range files {
		if _, there := order[file]; !there {
			order[file] = i
		}
	}
	sorted := slices.Clone(p)
	slices.SortStableFunc(sorted, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(sorted)
}
