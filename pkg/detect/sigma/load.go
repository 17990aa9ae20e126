// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// Options say which rules are wanted.
type Options struct {
	// Level and Status are the lowest that are loaded; empty are DefaultLevel and DefaultStatus.
	Level  Level
	Status Status
	// Auditd: rules of the service auditd too.
	Auditd bool
}

// Loaded is what files and directories hold.
type Loaded struct {
	// Rules in the order of the files, each of an id once.
	Rules []*Rule
	// Refusals of what is not loaded, in the order of the files.
	Refusals []*Refusal
}

// Reasons counts the refusals by their reason.
func (l *Loaded) Reasons() map[Reason]int {
	counts := map[Reason]int{}
	for _, r := range l.Refusals {
		counts[r.Reason()]++
	}
	return counts
}

// Load reads rules from files, and from directories all files in and below them that end in .yml or .yaml. What is not a rule that is
// wanted is in Refusals. The error is of a name that is not there, a directory that cannot be read, of too many files, or of the
// context.
func Load(ctx context.Context, names []string, o Options) (*Loaded, error) {
	if o.Level == "" {
		o.Level = DefaultLevel
	}
	if o.Status == "" {
		o.Status = DefaultStatus
	}
	if !o.Level.Known() {
		return nil, fmt.Errorf("level %q: want one of %s", o.Level, oneOf(levels))
	}
	if !o.Status.Known() {
		return nil, fmt.Errorf("status %q: want one of %s", o.Status, oneOf(statuses))
	}
	files, err := find(ctx, names)
	if err != nil {
		return nil, err
	}
	l := loading{options: o, byID: map[string]*Rule{}}
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l.file(file)
	}
	return &l.loaded, nil
}

type loading struct {
	options Options
	loaded  Loaded
	byID    map[string]*Rule
}

func (l *loading) file(name string) {
	content, err := readFile(name)
	if err != nil {
		l.loaded.Refusals = append(l.loaded.Refusals, &Refusal{Problems: []Problem{{Position{File: name}, ReasonUnreadable, err.Error()}}})
		return
	}
	rules, refusals := Parse(name, content)
	l.loaded.Refusals = append(l.loaded.Refusals, refusals...)
	for _, rule := range rules {
		if reason, message := l.unwanted(rule); reason != "" {
			l.loaded.Refusals = append(l.loaded.Refusals, &Refusal{rule.Title, rule.ID, []Problem{{rule.Position, reason, message}}})
			continue
		}
		if rule.ID != "" {
			l.byID[rule.ID] = rule
		}
		l.loaded.Rules = append(l.loaded.Rules, rule)
	}
}

// unwanted says why a rule is left out; the reason is empty if it is not.
func (l *loading) unwanted(rule *Rule) (Reason, string) {
	switch same := l.byID[rule.ID]; {
	case rule.Source.Auditd() && !l.options.Auditd:
		return ReasonAuditd, "rules over audit records were not asked for"
	case !rule.Level.AtLeast(l.options.Level):
		return ReasonLevel, fmt.Sprintf("level %s is below %s", rule.Level, l.options.Level)
	case !rule.Status.AtLeast(l.options.Status):
		return ReasonStatus, fmt.Sprintf("status %s is below %s", rule.Status, l.options.Status)
	case same != nil:
		return ReasonDuplicate, fmt.Sprintf("the rule in %s has the id %s too", same.Position, rule.ID)
	}
	return "", ""
}

// readFile reads a regular file, of which no more than Parse takes. It does not wait for a pipe.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, LongestFile+1))
	if err != nil {
		return nil, cause(err)
	}
	return content, nil
}

// cause is an error of a file without the file's name, which stands before it already.
func cause(err error) error {
	if at, ok := errors.AsType[*os.PathError](err); ok {
		return at.Err
	}
	return err
}

// ReasonsInOrder lists the reasons that are counted, most frequent first.
func ReasonsInOrder(counts map[Reason]int) []Reason {
	reasons := make([]Reason, 0, len(counts))
	for reason := range counts {
		reasons = append(reasons, reason)
	}
	slices.SortFunc(reasons, func(a, b Reason) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		if a < b {
			return -1
		}
		return 1
	})
	return reasons
}
