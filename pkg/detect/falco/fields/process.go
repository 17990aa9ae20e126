// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"path"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// longestName of a process in the kernel, TASK_COMM_LEN of include/linux/sched.h without the final zero.
const longestName = 15

// nameOf is the name that a process has after running its program: the base name, cut.
func nameOf(p *event.Process) string {
	name := path.Base(p.Binary)
	return name[:min(len(name), longestName)]
}

// argumentsOf are argv[1…] joined by blanks: the double quotes around those that hold a blank are taken away.
func argumentsOf(p *event.Process) string {
	if !strings.Contains(p.Arguments, `"`) {
		return p.Arguments
	}
	words := event.SplitArguments(p.Arguments)
	return strings.Join(words, " ")
}

func commandLine(p *event.Process) string {
	if p.Arguments == "" {
		return nameOf(p)
	}
	return nameOf(p) + " " + argumentsOf(p)
}

// cutArguments says whether the arguments are not all there.
func cutArguments(p *event.Process) bool {
	return event.ParseFlags(p.Flags)&(event.FlagTruncatedArguments|event.FlagErrorArguments) != 0
}

// memory is how the kernel calls files that are in memory only, deleted what it appends to a file that has no name.
const (
	memory  = "/memfd:"
	deleted = " (deleted)"
)

// pathOf is the executable; that of a memfd is written without slash and ending.
func pathOf(p *event.Process, executable string) string {
	name := p.Binary
	if executable != "" {
		name = executable
	}
	if strings.HasPrefix(name, memory) {
		return strings.TrimSuffix(name[1:], deleted)
	}
	return strings.TrimSuffix(name, deleted)
}

// chain is the n-th process upwards: 0 is the process itself. It is nil, and known, above the first process of the system.
func (e *Event) chain(n int) (p *event.Process, known bool) {
	switch {
	case n == 0:
		return e.process, true
	case n == 1 && e.parent != nil:
		return e.parent, true
	case n >= 2 && n-2 < len(e.ancestors):
		return e.ancestors[n-2], e.ancestors[n-2] != nil
	}
	return nil, e.toRoot()
}

// toRoot says whether the ancestors that are known go up to the first process.
func (e *Event) toRoot() bool {
	last := e.process
	if e.parent != nil {
		last = e.parent
	}
	if len(e.ancestors) > 0 {
		last = e.ancestors[len(e.ancestors)-1]
	}
	return last != nil && last.Pid != nil && *last.Pid <= 1
}

// ofProcess gives a text of the process, its parent or an ancestor, at a fixed distance.
func ofProcess(distance int, give func(e *Event, p *event.Process, v *compare.Value)) giver {
	return func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) { e.give(distance, v, give) }
}

func (e *Event) give(distance int, v *compare.Value, give func(e *Event, p *event.Process, v *compare.Value)) {
	p, known := e.chain(distance)
	switch {
	case p != nil:
		give(e, p, v)
	case !known:
		v.State = compare.NotDelivered
	}
}

// ofAncestor gives a text of the ancestor that the index says, or of all.
func ofAncestor(give func(e *Event, p *event.Process, v *compare.Value)) giver {
	return func(e *Event, r *catalog.Reference, _ compare.View, v *compare.Value) {
		if !r.Any() {
			e.give(r.Number, v, give)
			return
		}
		v.State, v.Cut = compare.Present, !e.toRoot()
		for n := 1; ; n++ {
			p, _ := e.chain(n)
			if p == nil {
				break
			}
			var one compare.Value
			give(e, p, &one)
			v.Texts, v.Numbers, v.Cut = append(v.Texts, one.Text), append(v.Numbers, one.Number), v.Cut || one.Cut
		}
		if len(v.Texts) == 0 && !v.Cut {
			v.State = compare.Absent
		}
	}
}

func giveName(_ *Event, p *event.Process, v *compare.Value) {
	if p.Binary == "" {
		v.State = compare.NotDelivered
		return
	}
	v.SetText(nameOf(p))
}

func givePath(e *Event, p *event.Process, v *compare.Value) {
	executable := ""
	if p == e.process {
		executable = e.event.Executable
	}
	v.SetText(pathOf(p, executable))
}

func giveFirst(_ *Event, p *event.Process, v *compare.Value) { v.SetText(p.Binary) }

func giveCommand(_ *Event, p *event.Process, v *compare.Value) {
	v.SetText(commandLine(p))
	v.Cut = cutArguments(p)
}

func givePid(_ *Event, p *event.Process, v *compare.Value) {
	if p.Pid == nil {
		v.State = compare.NotDelivered
		return
	}
	v.SetNumber(int64(*p.Pid))
}

// giveArguments gives all arguments, or the one that the index says: a text that is empty beyond the last.
func giveArguments(e *Event, r *catalog.Reference, _ compare.View, v *compare.Value) {
	v.Cut = cutArguments(e.process)
	if !r.Indexed {
		v.SetText(argumentsOf(e.process))
		return
	}
	words := event.SplitArguments(e.process.Arguments)
	switch {
	case r.Number < len(words):
		v.SetText(words[r.Number])
	case v.Cut:
		v.State = compare.NotDelivered
	default:
		v.SetText("")
	}
}
