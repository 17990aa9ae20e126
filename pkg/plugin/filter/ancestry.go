// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"math"
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

// mark is whether a process is followed. Who is followed stays so: from its program of the number since on, so that what it had
// started before is not. Of who is not, it is said as of its program of the number asked.
type mark struct {
	followed     bool
	since, asked int32
}

// always is the first program of who descends from one that is followed, whether it is known or not.
const always = math.MinInt32

const (
	markBytes = 16
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
	f := it.Process
	if f.Process == nil {
		return false
	}
	known, marked := a.marks.Get(f.Process)
	if known.followed || marked && known.asked == f.Program && !f.ParentFound {
		return known.followed
	}
	s, ok := it.Event.Subjects()
	if !ok || *s.Process == nil {
		return false
	}
	m := mark{asked: f.Program}
	switch {
	case a.descends(f.Process, s):
		m.followed, m.since = true, always
	case a.matches(*s.Process):
		m.followed, m.since = true, f.Program
	}
	a.marks.Set(f.Process, m, markBytes)
	return m.followed
}

// descends says whether an ancestor of a process is followed, or is one to follow by what the event tells of it, and was when it
// started the next one on the way down.
func (a *ancestry) descends(p *processes.Process, s event.Subjects) bool {
	relatives := *s.Ancestors
	if *s.Parent != nil {
		relatives = slices.Concat([]*event.Process{*s.Parent}, relatives)
	}
	var between []*processes.Process
	child, up := p, p.Parent()
	for i := 0; i < len(relatives) || up != nil && i < mostGenerations; i++ {
		known, marked := a.marks.Get(up)
		matches := i < len(relatives) && relatives[i] != nil && a.matches(relatives[i])
		if matches && up != nil && !(known.followed && known.since <= child.ParentProgram()) {
			a.marks.Set(up, mark{followed: true, since: child.ParentProgram()}, markBytes)
		}
		if matches || known.followed && known.since <= child.ParentProgram() {
			for _, descendant := range between {
				a.marks.Set(descendant, mark{followed: true, since: always}, markBytes)
			}
			return true
		}
		if marked && !known.followed && i >= len(relatives) { // and so is nobody above it
			return false
		}
		if up != nil {
			between = append(between, up)
			child, up = up, up.Parent()
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
