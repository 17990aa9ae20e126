// SPDX-License-Identifier: Apache-2.0

//go:build linux

package report

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// bodies by the kind of hook: how a call becomes an event's body.
var bodies = map[policy.HookKind]func(*call, *event.Event){
	policy.Kprobe:        kprobeBody,
	policy.Fentry:        kprobeBody,
	policy.Tracepoint:    tracepointBody,
	policy.RawTracepoint: tracepointBody,
	policy.LSM: func(c *call, e *event.Event) {
		e.ProcessLsm = &event.ProcessLsm{FunctionName: c.function, Hooked: c.hooked(), ImaHash: c.hash}
	},
	policy.Uprobe: uprobeBody,
	policy.USDT: func(c *call, e *event.Event) {
		p := c.of.hook.Program
		e.ProcessUsdt = &event.ProcessUsdt{Path: p.Path, Provider: p.Provider, Name: p.Name, Hooked: c.hooked()}
	},
	policy.Loader: loaderBody,
}

func kprobeBody(c *call, e *event.Event) {
	e.ProcessKprobe = &event.ProcessKprobe{
		FunctionName: c.function, Hooked: c.hooked(), Return: c.result, ReturnAction: c.returnAction(),
		KernelStackTrace: c.kernelStack, UserStackTrace: c.userStack,
	}
}

func tracepointBody(c *call, e *event.Event) {
	e.ProcessTracepoint = &event.ProcessTracepoint{Subsys: c.of.hook.Subsystem, Event: c.of.hook.Event, Hooked: c.hooked()}
}

// uprobeBody: the number of the function is that of the place in the policy's list. What it returned is the last of the
// arguments, as in Tetragon's events.
func uprobeBody(c *call, e *event.Event) {
	p, n := c.of.hook.Program, c.number
	u := &event.ProcessUprobe{Path: p.Path, Hooked: c.hooked(), RefCtrOffset: at(p.RefCtrOffsets, n)}
	if c.result != nil {
		u.Args = append(u.Args, *c.result)
	}
	symbol := at(p.Symbols, n)
	u.Symbol, u.Offset = symbol.Name, symbol.Offset
	if len(p.Symbols) == 0 {
		u.Offset = at(p.Offsets, n) + at(p.Addresses, n) // the policy has one of them
	}
	e.ProcessUprobe = u
}

// at is the entry of a list; zero if there is none.
func at[T any](list []T, n uint32) (entry T) {
	if int64(n) < int64(len(list)) {
		entry = list[n]
	}
	return entry
}
