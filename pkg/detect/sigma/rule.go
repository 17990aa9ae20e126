// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"slices"
	"strings"
)

// Rule is one rule that can be evaluated. It never changes.
type Rule struct {
	// Position of the rule's document.
	Position
	// What an alert carries. The licence of the public rules (DRL 1.1) requires that Author is shown wherever a match is.
	Title, ID, Author string
	// Level and Status are empty where the rule has none.
	Level      Level
	Status     Status
	References []string
	// Tags as the rule has them: attack.t1059.
	Tags []string

	Description    string
	Date, Modified string
	FalsePositives []string
	// Fields that the author finds worth showing with a match.
	Fields  []string
	Related []Related
	Source  LogSource

	condition *node
	// named are the fields that the rule reads, sorted; KeywordsField stands for keywords.
	named []string
}

// Related is another rule that this one has to do with. Type is derived, obsolete, merged, renamed or similar.
type Related struct{ ID, Type string }

// KeywordsField is the name of the field that keywords are searched in: a record's text.
const KeywordsField = ""

// FieldsRead are the names of the fields that the rule reads, sorted; KeywordsField for keywords.
func (r *Rule) FieldsRead() []string { return slices.Clone(r.named) }

// Level is how bad a match is.
type Level string

// Status is how mature a rule is.
type Status string

// levels from the lowest; statuses from the least mature. The names are those of the specification.
var (
	levels   = []Level{"informational", "low", "medium", "high", "critical"}
	statuses = []Status{"unsupported", "deprecated", "experimental", "test", "stable"}
)

// DefaultLevel and DefaultStatus are the lowest that are loaded when nothing is said: informational rules match ordinary work of
// administrators, and experimental ones are not tried enough.
const (
	DefaultLevel  Level  = "low"
	DefaultStatus Status = "test"
)

// Levels are all levels, from the lowest.
func Levels() []Level { return slices.Clone(levels) }

// Statuses are all statuses, from the least mature.
func Statuses() []Status { return slices.Clone(statuses) }

// Known says whether the level is one of Levels.
func (l Level) Known() bool { return slices.Contains(levels, l) }

// Known says whether the status is one of Statuses.
func (s Status) Known() bool { return slices.Contains(statuses, s) }

// AtLeast says whether the level is as high as lowest. A rule that has no level passes: it may be anything.
func (l Level) AtLeast(lowest Level) bool {
	return l == "" || slices.Index(levels, l) >= slices.Index(levels, lowest)
}

// AtLeast says whether the status is as mature as lowest. A rule that has no status passes.
func (s Status) AtLeast(lowest Status) bool {
	return s == "" || slices.Index(statuses, s) >= slices.Index(statuses, lowest)
}

// oneOf lists names for a message.
func oneOf[T ~string](names []T) string {
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = string(name)
	}
	return strings.Join(texts, ", ")
}
