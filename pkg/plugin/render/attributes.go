// SPDX-License-Identifier: Apache-2.0

package render

import (
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// attribute is one thing that a wide line says about an event; an empty value is not shown.
type attribute struct{ key, value string }

// attributeSource finds one attribute of an item, or several, which have keys of their own.
type attributeSource struct {
	key   string
	value func(*pipeline.Item) string
	all   func(*event.Event) []attribute
}

// wideAttributes in the order in which they follow the compact line.
var wideAttributes = [...]attributeSource{
	one("message", ofHook(func(h *event.Hooked) string { return h.Message })),
	{all: hookArguments},
	one("return", returned),
	one("action", ofHook(func(h *event.Hooked) string { return actionWord(h.Action) })),
	one("return_action", func(e *event.Event) string {
		if k := e.ProcessKprobe; k != nil {
			return actionWord(k.ReturnAction)
		}
		return ""
	}),
	one("policy", ofHook(func(h *event.Hooked) string { return h.PolicyName })),
	one("selector", ofHook(func(h *event.Hooked) string { return h.SelectorLabel })),
	one("tags", ofHook(func(h *event.Hooked) string { return strings.Join(h.Tags, ",") })),
	one("hook", hookedAt),
	one("via", via),

	{key: "duration", value: func(it *pipeline.Item) string { return shortDuration(it.Process.Lifetime) }},
	one("pid", ofProcess(func(p *event.Process) string { return number(p.Pid) })),
	one("tid", ofProcess(otherThread)),
	one("uid", ofProcess(func(p *event.Process) string { return number(p.Uid) })),
	one("auid", ofProcess(loginUser)),
	one("container", ofProcess(containerName)),
	one("node", func(e *event.Event) string { return e.NodeName }),
	one("cwd", ofProcess(func(p *event.Process) string { return p.Cwd })),
	one("executable", func(e *event.Event) string { return e.Executable }),
	one("parent", func(e *event.Event) string { return binaryOf(e.Parent()) }),
	one("flags", ofProcess(func(p *event.Process) string { return p.Flags })),
	one("injected", ofProcess(func(p *event.Process) string {
		if injected(p) {
			return "true"
		}
		return ""
	})),
	one("privileges", ofProcess(raisedPrivileges)),
}

func one(key string, value func(*event.Event) string) attributeSource {
	return attributeSource{key: key, value: func(it *pipeline.Item) string { return value(it.Event) }}
}

func ofHook(f func(*event.Hooked) string) func(*event.Event) string {
	return func(e *event.Event) string {
		if h := e.Hooked(); h != nil {
			return f(h)
		}
		return ""
	}
}

// hookArguments are all arguments by their labels, or by what they are.
func hookArguments(e *event.Event) (all []attribute) {
	h := e.Hooked()
	if h == nil {
		return nil
	}
	for _, list := range [...][]event.Argument{h.Args, h.Data} {
		for i := range list {
			name, text := describe(&list[i])
			all = append(all, attribute{name, text})
		}
	}
	return all
}

// hookedAt is the function or place itself: the word of a line may be another.
func hookedAt(e *event.Event) string {
	switch {
	case e.ProcessTracepoint != nil:
		return e.ProcessTracepoint.Subsys + "/" + e.ProcessTracepoint.Event
	case e.ProcessUprobe != nil && e.ProcessUprobe.Symbol == "":
		return "0x" + strconv.FormatUint(e.ProcessUprobe.Offset, 16)
	}
	return functionName(e)
}

func via(e *event.Event) string {
	if l := e.ProcessLoader; l != nil {
		return l.Via
	}
	if h := e.Hooked(); h != nil {
		return h.Via
	}
	return ""
}

// otherThread is the thread that acted where it is not the process's first.
func otherThread(p *event.Process) string {
	if p.Tid == nil || p.Pid == nil || *p.Tid == *p.Pid {
		return ""
	}
	return number(p.Tid)
}

func ofProcess(f func(*event.Process) string) func(*event.Event) string {
	return func(e *event.Event) string {
		if p := e.Process(); p != nil {
			return f(p)
		}
		return ""
	}
}

func number(n *uint32) string {
	if n == nil {
		return ""
	}
	return strconv.FormatUint(uint64(*n), 10)
}

// noLoginUser is the audit login uid of a process that nobody logged in for.
const noLoginUser = 4294967295

func loginUser(p *event.Process) string {
	if p.Auid != nil && *p.Auid == noLoginUser {
		return ""
	}
	return number(p.Auid)
}

func containerName(p *event.Process) string {
	switch {
	case p.Pod != nil && p.Pod.Container != nil && p.Pod.Container.Name != "":
		return p.Pod.Container.Name
	default:
		return p.Docker
	}
}

func binaryOf(p *event.Process) string {
	if p == nil {
		return ""
	}
	return p.Binary
}

// injected says that a process of a pod does not descend from its container's first process: kubectl exec, or a probe.
func injected(p *event.Process) bool {
	return p.Pod != nil && p.InInitTree != nil && !*p.InInitTree
}

// raisedPrivileges are the words of Tetragon without what they have in common: FILE_SETUID.
func raisedPrivileges(p *event.Process) string {
	if p.BinaryProperties == nil {
		return ""
	}
	var words []string
	for _, w := range p.BinaryProperties.PrivilegesChanged {
		words = append(words, strings.ToLower(strings.TrimPrefix(w, "PRIVILEGES_RAISED_EXEC_FILE_")))
	}
	return strings.Join(words, ",")
}

// shortDuration has few characters: <0.1ms, 0.4ms, 12ms, 5.0s, 15.2s, 3m04s, 2h05m, 3d04h; empty when
// negative.
func shortDuration(d time.Duration) string {
	two := func(n time.Duration) string { return string([]byte{'0' + byte(n/10), '0' + byte(n%10)}) }
	whole := func(n time.Duration) string { return strconv.FormatInt(int64(n), 10) }
	decimal := func(d, unit time.Duration) string {
		return strconv.FormatFloat(float64(d)/float64(unit), 'f', 1, 64)
	}
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return ""
	case d > 0 && d < 100*time.Microsecond:
		return "<0.1ms"
	case d < 10*time.Millisecond:
		return decimal(d, time.Millisecond) + "ms"
	case d < time.Second:
		return whole(d/time.Millisecond) + "ms"
	case d < time.Minute:
		return decimal(d, time.Second) + "s"
	case d < time.Hour:
		return whole(d/time.Minute) + "m" + two(d%time.Minute/time.Second) + "s"
	case d < day:
		return whole(d/time.Hour) + "h" + two(d%time.Hour/time.Minute) + "m"
	default:
		return whole(d/day) + "d" + two(d%day/time.Hour) + "h"
	}
}
