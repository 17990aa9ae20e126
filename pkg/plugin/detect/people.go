// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/library"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
)

// people remembers on each process which program it runs, so that later events, and those of its descendants, are told with what only
// the event of its exec says: the file that was loaded.
type people struct {
	programs *processes.Slot[*library.Process]
}

func newPeople() *people { return &people{processes.NewSlot[*library.Process]()} }

// mostAncestors that conditions see.
const mostAncestors = 32

// programBytes is what a program takes besides its texts, which are those of the event.
const programBytes = 256

// subject is an event with the processes that belong to it.
func (p *people) subject(it *pipeline.Item) *library.Subject {
	s := &library.Subject{Event: it.Event, Source: it.Process.Source}
	own, record := it.Process.Process, it.Event.Process()
	s.Ancestors = p.ancestors(own, it.Event)
	known, ran := p.programs.Get(own)
	switch {
	case ran:
		s.Previous = known
	case len(s.Ancestors) > 0:
		s.Previous = s.Ancestors[0]
	default:
		s.Previous = library.NewProcess(nil, "")
	}
	switch {
	case it.Event.ProcessExec != nil:
		s.Process = library.NewProcess(record, it.Event.Executable)
		p.remember(own, s.Process)
	case ran && record != nil && known.ID == record.ExecID:
		s.Process = known
	default:
		s.Process = library.NewProcess(record, loaded(record, s.Ancestors))
		if !ran {
			p.remember(own, s.Process)
		}
	}
	return s
}

// loaded is the file that the parent runs, if a process still runs the same: it has executed nothing.
func loaded(record *event.Process, ancestors []*library.Process) string {
	if record != nil && len(ancestors) > 0 && ancestors[0].Binary == record.Binary && ancestors[0].Arguments == record.Arguments {
		return ancestors[0].Exe
	}
	return ""
}

func (p *people) remember(process *processes.Process, program *library.Process) {
	if process != nil {
		p.programs.Set(process, program, programBytes+len(program.Exe)+len(program.Binary)+2*len(program.Arguments)+len(program.Cwd))
	}
}

// ancestors are what runs above a process, the parent first: as the event tells, beyond that as it is remembered.
func (p *people) ancestors(own *processes.Process, e *event.Event) (all []*library.Process) {
	subjects, ok := e.Subjects()
	if !ok {
		return nil
	}
	var records []*event.Process
	if *subjects.Parent != nil {
		records = append(records, *subjects.Parent)
	}
	records = append(records, *subjects.Ancestors...)
	var up *processes.Process
	if own != nil {
		up = own.Parent()
	}
	for i := 0; i < mostAncestors && (i < len(records) || up != nil); i++ {
		known, remembered := p.programs.Get(up)
		switch {
		case i < len(records) && records[i] != nil && (!remembered || known.ID != records[i].ExecID):
			program := library.NewProcess(records[i], "")
			if !remembered {
				p.remember(up, program)
			}
			all = append(all, program)
		case remembered:
			all = append(all, known)
		default:
			return all
		}
		if up != nil {
			up = up.Parent()
		}
	}
	return all
}
