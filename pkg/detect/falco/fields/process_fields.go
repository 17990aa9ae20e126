// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// processGivers are those of proc.*, thread.*, user.* and group.*.
var processGivers = map[string]giver{
	"proc.name": ofProcess(0, giveName), "proc.pname": ofProcess(1, giveName), "proc.aname": ofAncestor(giveName),
	"proc.exe": ofProcess(0, giveFirst), "proc.pexe": ofProcess(1, giveFirst), "proc.aexe": ofAncestor(giveFirst),
	"proc.exepath": ofProcess(0, givePath), "proc.pexepath": ofProcess(1, givePath), "proc.aexepath": ofAncestor(givePath),
	"proc.cmdline": ofProcess(0, giveCommand), "proc.pcmdline": ofProcess(1, giveCommand), "proc.acmdline": ofAncestor(giveCommand),
	"proc.pid": ofProcess(0, givePid), "proc.ppid": ofProcess(1, givePid), "proc.apid": ofAncestor(givePid),
	"proc.args": giveArguments,
	"proc.cwd": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		directory := e.directory()
		if directory == "" {
			v.State = compare.NotDelivered
			return
		}
		v.SetText(strings.TrimSuffix(directory, "/") + "/")
	},
	"proc.tty": func(_ *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) { v.State = compare.NotDelivered }, // any counts
	"proc.vpid": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		if pod := e.process.Pod; pod != nil && pod.Container != nil {
			giveOptional(v, pod.Container.Pid)
			return
		}
		giveOptional(v, e.process.Pid)
	},
	"proc.duration": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		if e.process.StartTime == nil || e.event.Time == nil {
			v.State = compare.NotDelivered
			return
		}
		v.SetNumber(e.time().Sub(e.process.StartTime.Time).Nanoseconds())
	},
	"proc.is_exe_from_memfd": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		v.SetBool(strings.HasPrefix(pathOf(e.process, e.event.Executable), memory[1:]))
	},
	"thread.tid":             func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) { giveOptional(v, e.process.Tid) },
	"thread.cap_effective":   capabilities("cap_effective", func(c *event.Capabilities) []string { return c.Effective }),
	"thread.cap_permitted":   capabilities("cap_permitted", func(c *event.Capabilities) []string { return c.Permitted }),
	"thread.cap_inheritable": capabilities("cap_inheritable", func(c *event.Capabilities) []string { return c.Inheritable }),
	"user.uid":               func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) { giveOptional(v, e.uid()) },
	"user.name":              func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) { giveUser(v, e.uid()) },
	"user.loginuid": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		if giveOptional(v, e.process.Auid); v.Number == noLogin {
			v.Number = -1
		}
	},
	"user.loginname": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		if id := e.process.Auid; id != nil && *id == noLogin {
			v.SetText("<NA>") // as in Falco
			return
		}
		giveUser(v, e.process.Auid)
	},
	"group.gid":  func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) { giveOptional(v, e.gid()) },
	"group.name": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) { giveUser(v, e.gid()) },
}

// noLogin is the audit uid of a process that no one logged in for.
const noLogin = 1<<32 - 1

// giveOptional gives a number that events have on request.
func giveOptional(v *compare.Value, n *uint32) {
	if n == nil {
		v.State = compare.NotDelivered
		return
	}
	v.SetNumber(int64(*n))
}

// root is the name of user and group 0, the only one that is known.
const root = "root"

func giveUser(v *compare.Value, id *uint32) {
	if id == nil || *id != 0 {
		v.State = compare.NotDelivered
		return
	}
	v.SetText(root)
}

// uid is the effective one: of the thread when it made the call where that is told; after a setuid that succeeded the one that it set, as
// in Falco.
func (e *Event) uid() *uint32 {
	if set, ok := e.argument("uid").Integer(); ok && e.kind.Name == "setuid" && e.hasResult && e.result == 0 {
		id := uint32(set)
		return &id
	}
	if a := e.argument("euid"); a != nil && a.UintArg != nil {
		return a.UintArg
	}
	if c := e.process.ProcessCredentials; c != nil && c.Euid != nil {
		return c.Euid
	}
	return e.process.Uid
}

func (e *Event) gid() *uint32 {
	if c := e.process.ProcessCredentials; c != nil {
		return c.Egid
	}
	return nil
}

// capabilities gives a set as text: that of the thread when it made the call, under its label, or that of the exec. Events have them on
// request.
func capabilities(label string, set func(*event.Capabilities) []string) giver {
	return func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		if names, ok := setOf(e.argument(label)); ok {
			giveCapabilities(v, names)
			return
		}
		have := e.process.Cap
		if have == nil && e.process.ProcessCredentials != nil {
			have = e.process.ProcessCredentials.Caps
		}
		if have == nil {
			v.State = compare.NotDelivered
			return
		}
		giveCapabilities(v, set(have))
	}
}

// setOf are the names of the capabilities that an argument has.
func setOf(a *event.Argument) ([]string, bool) {
	if a == nil {
		return nil, false
	}
	for _, digits := range []*string{a.CapEffectiveArg, a.CapPermittedArg, a.CapInheritableArg} {
		if digits == nil {
			continue
		}
		if set, err := strconv.ParseUint(*digits, 16, 64); err == nil {
			return event.CapabilitySet(set), true
		}
	}
	return nil, false
}

func giveCapabilities(v *compare.Value, names []string) {
	words := make([]string, len(names))
	for i, word := range names {
		words[i] = "CAP_" + strings.TrimPrefix(word, "CAP_") // Tetragon has one without
	}
	v.SetText(strings.Join(words, " "))
}
