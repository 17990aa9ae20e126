// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/condition"
)

// Definition says where an object came from.
type Definition struct {
	// Place of the last full definition, Changed of the appends and overrides since then.
	Place   Place
	Changed []Place
	// first and last are the numbers of the items that defined a list or macro first, and that defined or changed it last.
	first, last int
}

// List is a list of values.
type List struct {
	Name string
	Definition
	// Items as they were written.
	Items []Item
	// values with the lists expanded that they name; depth is how deep those lay.
	values   []condition.Value
	depth    int
	expanded bool
	broken   bool
	used     bool
}

// Item of a list, with where it stands.
type Item struct {
	Text  string
	Place Place
}

// Macro is a named condition.
type Macro struct {
	Name string
	Definition
	Condition *Text
	// Parsed is nil if the condition can't be read.
	Parsed condition.Expression
	used   bool
}

// Rule says what is worth an alert.
type Rule struct {
	Name string
	Definition
	Condition *Text
	// Parsed is the condition without exceptions; nil if it can't be read.
	Parsed     condition.Expression
	Output     *Text
	Desc       *Text
	Priority   Priority
	Source     string
	Tags       []string // sorted, each once
	Enabled    bool
	Exceptions []Exception
	// WarnEventTypes: it is worth a warning if the condition holds for many event types.
	WarnEventTypes bool
	// SkipUnknown: an unknown field leaves the rule out with a warning, and is no error.
	SkipUnknown bool
}

// Exception to a rule: the rule holds for nothing that one of the tuples describes.
type Exception struct {
	Name  string
	Place Place
	// Single: there is one field, and Values is a plain list of values for it.
	Single bool
	Fields []string
	Comps  []string
	// Values has a tuple for each case; of Single there is one tuple with one element.
	Values []Tuple
}

// Tuple has an operand for each field.
type Tuple struct {
	Place    Place
	Operands []Operand
}

// Operand is one value, or a list of them.
type Operand struct {
	List  bool
	Texts []string
}

// Priority of a rule, the most urgent is 0.
type Priority int

// priorities in Falco's words, by number.
var priorities = [...]string{"Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"}

// String is the word that outputs have: Informational, never Info.
func (p Priority) String() string { return priorities[p] }

// Priorities are all words, the most urgent first.
func Priorities() []string { return priorities[:] }

// ParsePriority reads a word in any case; Info is Informational.
func ParsePriority(word string) (Priority, bool) {
	if strings.EqualFold(word, "info") {
		word = "Informational"
	}
	for i, name := range priorities {
		if strings.EqualFold(name, word) {
			return Priority(i), true
		}
	}
	return 0, false
}

// SyscallSource is the only source that is loaded.
const SyscallSource = "syscall"

// Set is what the files define. Names keep the order of their first definition.
type Set struct {
	Lists  []*List
	Macros []*Macro
	Rules  []*Rule
	// Files that were read, in their order.
	Files []string
	// Problems that were found so far.
	Problems Problems

	lists  map[string]*List
	macros map[string]*Macro
	rules  map[string]*Rule
	// foreign are the names of rules of other sources, which are not loaded.
	foreign map[string]bool
	items   int // items read so far
	values  int // values of all lists that were expanded
	hints   int // searches for the nearest name
}

// Macro finds a macro by its name; nil if there is none.
func (s *Set) Macro(name string) *Macro { return s.macros[name] }

// List finds a list by its name; nil if there is none.
func (s *Set) List(name string) *List { return s.lists[name] }

// Rule finds a rule by its name; nil if there is none.
func (s *Set) Rule(name string) *Rule { return s.rules[name] }
