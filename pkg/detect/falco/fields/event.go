// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Names finds the names that are known for an address, for fd.sip.name and the like; false if names are not known at all.
type Names func(netip.Addr) ([]string, bool)

// Event gives the fields of one event. It is made by Reset and may be used again for another one; it is used by one goroutine.
type Event struct {
	// Names may be nil: then fields that compare names of hosts are not delivered.
	Names Names
	// Arch of the node, as Go calls it.
	Arch string

	count   int64 // of events, with this one
	event   *event.Event
	kind    *catalog.EventType
	hooked  *event.Hooked
	process *event.Process
	parent  *event.Process
	// ancestors from the grandparent upwards.
	ancestors []*event.Process
	result    int64
	hasResult bool
	// found: what was returned is told as a file, and not as a number.
	found  bool
	socket endpoints
}

// Reset makes the fields those of another event. The type is nil for an event that no rule is about.
func (e *Event) Reset(of *event.Event) *catalog.EventType {
	*e = Event{Names: e.Names, Arch: e.Arch, count: e.count + 1, event: of}
	e.kind = typeOf(of)
	if e.kind == nil {
		return nil
	}
	subjects, _ := of.Subjects()
	e.process, e.parent, e.ancestors = *subjects.Process, *subjects.Parent, *subjects.Ancestors
	if e.process == nil {
		e.process = &event.Process{}
	}
	e.hooked = of.Hooked()
	e.Arch = archOf(of, e.Arch)
	e.results()
	e.socket = e.endpoints()
	return e.kind
}

// callPrefixes of the functions that serve system calls, the longest first.
var callPrefixes = []string{"__x64_sys_", "__arm64_sys_", "__ia32_sys_", "__se_sys_", "__sys_", "sys_"}

// typeOf is the type of an event: what runs a program is execve, and a hook of a system call is that call.
func typeOf(of *event.Event) *catalog.EventType {
	name := ""
	switch {
	case of.ProcessExec != nil:
		name = "execve"
	case of.ProcessKprobe != nil:
		name = callName(of.ProcessKprobe.FunctionName)
	}
	kind, _ := catalog.EventTypeOf(name)
	return kind
}

func callName(function string) string {
	for _, prefix := range callPrefixes {
		if name, ok := strings.CutPrefix(function, prefix); ok {
			return name
		}
	}
	return ""
}

// results reads what the call returned. An exec is told when it succeeded.
func (e *Event) results() {
	if e.event.ProcessExec != nil {
		e.result, e.hasResult = 0, true
		return
	}
	returned := e.event.ProcessKprobe.Return
	switch {
	case returned == nil:
	case returned.FileArg == nil:
		e.result, e.hasResult = returned.Integer()
	case returned.FileArg.Path == "":
		e.result, e.hasResult, e.found = -1, true, true
	default:
		e.result, e.hasResult, e.found = 0, true, true
	}
}

// archOf is the architecture that the name of a function tells, and else the one that is known.
func archOf(of *event.Event, known string) string {
	if of.ProcessKprobe != nil {
		switch name := of.ProcessKprobe.FunctionName; {
		case strings.HasPrefix(name, "__x64_"):
			return "amd64"
		case strings.HasPrefix(name, "__arm64_"):
			return "arm64"
		}
	}
	return known
}

// argument finds an argument by its label; nil if the policy did not ask for it.
func (e *Event) argument(label string) *event.Argument {
	if e.hooked == nil {
		return nil
	}
	for _, list := range [][]event.Argument{e.hooked.Args, e.hooked.Data} {
		if at := slices.IndexFunc(list, func(a event.Argument) bool { return a.Label == label }); at >= 0 {
			return &list[at]
		}
	}
	if k := e.event.ProcessKprobe; k != nil && k.Return != nil && k.Return.Label == label {
		return k.Return
	}
	return nil
}

// time of the event; zero if it is not known.
func (e *Event) time() time.Time {
	if e.event.Time == nil {
		return time.Time{}
	}
	return e.event.Time.Time
}

// Value implements compare.Source.
func (e *Event) Value(r *catalog.Reference, view compare.View, v *compare.Value) {
	if !r.PossibleFor(e.kind) {
		return
	}
	name := r.Field.Name
	if r.Parameter != "" {
		name = r.Name
		if r.Indexed { // evt.arg[name]
			name = r.Field.Name + "." + r.Parameter
		}
	}
	if name == "evt.args" {
		v.SetText(e.arguments())
		return
	}
	if give, ok := givers[name]; ok {
		give(e, r, view, v)
		return
	}
	v.State = compare.NotDelivered
}

// giver fills in a value.
type giver func(e *Event, r *catalog.Reference, view compare.View, v *compare.Value)

// givers of all fields that events have, by their names.
var givers = merged(eventGivers, argumentGivers, descriptorGivers, processGivers, containerGivers)

func merged(tables ...map[string]giver) map[string]giver {
	all := map[string]giver{}
	for _, table := range tables {
		maps.Copy(all, table)
	}
	return all
}

// textGiver gives a text that is always known.
func textGiver(text func(*Event) string) giver {
	return func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) { v.SetText(text(e)) }
}

// eventGivers are those of evt.*, without the arguments.
var eventGivers = map[string]giver{
	"evt.type":     textGiver(func(e *Event) string { return e.kind.Name }),
	"syscall.type": textGiver(func(e *Event) string { return e.kind.Name }),
	"evt.type.is": func(e *Event, r *catalog.Reference, _ compare.View, v *compare.Value) {
		v.SetBool(r.Key == e.kind.Name)
	},
	"evt.num":      func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) { v.SetNumber(e.count) },
	"evt.dir":      textGiver(func(*Event) string { return "<" }),
	"evt.source":   textGiver(func(*Event) string { return "syscall" }),
	"evt.hostname": textGiver(func(e *Event) string { return e.event.NodeName }),
	"evt.rawtime": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		if at := e.time(); !at.IsZero() {
			v.SetNumber(at.UnixNano())
		}
	},
	"evt.time": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		if at := e.time(); !at.IsZero() {
			v.SetText(at.Local().Format("15:04:05.000000000"))
		}
	},
	"evt.time.iso8601": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		if at := e.time(); !at.IsZero() {
			v.SetText(at.UTC().Format("2006-01-02T15:04:05.000000000-0700"))
		}
	},
	"evt.rawres": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		if e.returned(v) {
			v.SetNumber(e.result)
		}
	},
	"evt.res": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		if e.found && e.result < 0 { // which error it was is not told
			v.State = compare.NotDelivered
			return
		}
		if e.returned(v) {
			v.SetText(catalog.ResultWord(e.result))
		}
	},
	"evt.failed": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		if e.returned(v) {
			v.SetBool(e.result < 0)
		}
	},
}

// returned says whether the result is known; if not, the value is not delivered.
func (e *Event) returned(v *compare.Value) bool {
	if !e.hasResult {
		v.State = compare.NotDelivered
	}
	return e.hasResult
}
