// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"regexp"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
)

// ancestry follows processes that match, through all programs that they run, and all that descend from them. It knows them
// from events only: who descends from a matching process over others that all ran before tracing began is not found.
type ancestry struct {
	patterns []*regexp.Regexp
	marks    *processes.Slot[mark]
}

// mark is whether a process is followed, as of a program that it runs. Who is followed stays so.
type mark struct {
	followed bool
	program  uint32
}

const (
	markBytes = 8
	// mostGenerations is how many ancestors are asked for a mark that an event does not name.
	mostGenerations = 256
)

// compileAncestors reads regular expressions on "binary" or "binary arguments".
func compileAncestors(v values) (compiled, error) {
	a := &ancestry{marks: processes.NewSlot[mark]()}
	var errs []error
	for _, value := range v.list {
		pattern, err := expression(value)
		if err != nil {
			errs = append(errs, v.wrong(value, err))
		}
		a.patterns = append(a.patterns, pattern)
	}
	return compiled{ancestry: a}, errors.Join(errs...)
}

// has says whether the process of an event is followed. It is found out once for each program that the process runs, and again
// when its parent becomes known.
func (a *ancestry) has(it *pipeline.Item) bool {
	f, s, ok := it.Process, event.Subjects{}, false
	if f.Process == nil {
		return false
	}
	known, marked := a.marks.Get(f.Process)
	if known.followed || marked && known.program == f.Program && !f.ParentFound {
		return known.followed
	}
	if s, ok = it.Event.Subjects(); !ok || *s.Process == nil {
		return false
	}
	m := mark{program: f.Program, followed: a.matches(*s.Process) || a.descends(f.Process, s)}
	a.marks.Set(f.Process, m, markBytes)
	return m.followed
}

// descends says whether an ancestor of a process is followed, or is one to follow by what the event tells of it.
func (a *ancestry) descends(p *processes.Process, s event.Subjects) bool {
	relatives := *s.Ancestors
	if *s.Parent != nil {
		relatives = slices.Concat([]*event.Process{*s.Parent}, relatives)
	}
	up := p.Parent()
	var between []*processes.Process
	for i := 0; i < len(relatives) || up != nil && i < mostGenerations; i++ {
		known, marked := a.marks.Get(up)
		matches := i < len(relatives) && relatives[i] != nil && a.matches(relatives[i])
		if up != nil {
			between = append(between, up)
			up = up.Parent()
		}
		if known.followed || matches {
			for _, descendant := range between {
				a.marks.Set(descendant, mark{followed: true}, markBytes)
			}
			return true
		}
		if marked && i >= len(relatives) { // and so is nobody above it
			return false
		}
	}
	return false
}

// matches says whether a program is one to follow.
func (a *ancestry) matches(p *event.Process) bool {
	return slices.ContainsFunc(a.patterns, func(r *regexp.Regexp) bool {
		return r.MatchString(p.Binary) || p.Arguments != "" && r.MatchString(p.Binary+" "+p.Arguments)
	})
}
