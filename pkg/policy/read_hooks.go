// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"path"
	"regexp"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy/syscalls"
)

// Limits of what events carry with them, as the CRD has them; messages may be longer than there, where they are cut.
const (
	shortestText   = 2
	longestMessage = 2048
	longestTag     = 128
	mostTags       = 16
)

// hookReading is the state of reading one hook.
type hookReading struct {
	*reading
	hook *Hook
	at   cursor
	// syscall of a kprobe or fentry; the CRD's default is true.
	syscall, syscallGiven bool
}

// section reads the hooks of one kind.
func section(kind HookKind, table []field[hookReading]) func(cursor, *reading) {
	return func(c cursor, r *reading) {
		c.items(func(item cursor) {
			h := &hookReading{reading: r, hook: &Hook{Position: item.position(), Kind: kind}, at: item, syscall: true}
			before := len(*c.problems)
			seen := object(item, table, h)
			h.check(seen, before)
			r.policy.Hooks = append(r.policy.Hooks, *h.hook)
		})
	}
}

// Fields that several sections have.
var (
	argsField = field[hookReading]{name: "args", read: func(c cursor, h *hookReading) {
		h.hook.Args = h.arguments(c, false)
	}}
	dataField = field[hookReading]{name: "data", read: func(c cursor, h *hookReading) {
		h.hook.Data = h.arguments(c, true)
	}}
	selectorsField = field[hookReading]{name: "selectors", read: func(c cursor, h *hookReading) {
		c.items(func(item cursor) { h.hook.Selectors = append(h.hook.Selectors, h.selector(item)) })
	}}
	returnField = field[hookReading]{name: "return", read: func(c cursor, h *hookReading) {
		h.hook.Return, _ = c.boolean()
	}}
	returnArgField = field[hookReading]{name: "returnArg", read: func(c cursor, h *hookReading) {
		h.hook.ReturnArg = h.returnArgument(c)
	}}
	messageField = field[hookReading]{name: "message", read: func(c cursor, h *hookReading) {
		text, ok := c.text()
		if ok && (len(text) < shortestText || len(text) > longestMessage) {
			c.fail("the message has %d bytes: want %d to %d", len(text), shortestText, longestMessage)
		}
		h.hook.Message = text
	}}
	tagsField = field[hookReading]{name: "tags", read: func(c cursor, h *hookReading) {
		if n := c.items(h.tag); n > mostTags {
			c.fail("%d tags: at most %d", n, mostTags)
		}
	}}
	pathField = field[hookReading]{name: "path", required: true, read: func(c cursor, h *hookReading) {
		text, ok := c.text()
		if ok && !path.IsAbs(text) {
			c.fail("%s is not an absolute path", shown(text))
		}
		h.program().Path = text
	}}
	btfPathField = field[hookReading]{name: "btfPath", read: func(c cursor, h *hookReading) {
		h.program().BTFPath, _ = c.text()
	}}
)

func (h *hookReading) tag(c cursor) {
	text, ok := c.text()
	switch {
	case !ok:
	case len(text) < shortestText || len(text) > longestTag:
		c.fail("the tag has %d bytes: want %d to %d", len(text), shortestText, longestTag)
	default:
		h.hook.Tags = append(h.hook.Tags, text)
	}
}

func (h *hookReading) program() *Program {
	if h.hook.Program == nil {
		h.hook.Program = &Program{}
	}
	return h.hook.Program
}

var kprobeFields = []field[hookReading]{
	{name: "syscall", read: func(c cursor, h *hookReading) {
		if value, ok := c.boolean(); ok {
			h.syscall, h.syscallGiven = value, true
		}
	}},
	{name: "call", required: true, read: func(c cursor, h *hookReading) {
		if text, ok := c.text(); ok {
			h.readCall(c, text)
		}
	}},
	{name: "ignore", read: func(c cursor, h *hookReading) { object(c, ignoreCallFields, h.hook) }},
	returnField, argsField, dataField, returnArgField,
	{name: "returnArgAction", read: func(c cursor, h *hookReading) { h.hook.ReturnArgAction = h.returnArgAction(c) }},
	selectorsField, messageField, tagsField,
}

var ignoreCallFields = []field[Hook]{
	{name: "callNotFound", read: func(c cursor, h *Hook) { h.IgnoreCallNotFound, _ = c.boolean() }},
}

// readCall resolves call, which may be a list.
func (h *hookReading) readCall(c cursor, text string) {
	check := checkedFunction
	if h.syscall {
		check = checkedSyscall
	}
	if name, ok := strings.CutPrefix(text, listPrefix); ok {
		if l := h.lists[name]; l != nil {
			switch {
			case l.ofSyscalls() && !h.syscall:
				c.fail("list %s holds system calls: leave out syscall: false", name)
				return
			case l.kind == patternList && h.syscall && h.syscallGiven:
				c.fail("list %s holds kernel functions: want syscall: false", name)
				return
			}
			h.syscall = h.syscall && l.kind != patternList
		}
	}
	h.hook.Calls, h.hook.Pattern = h.calls(c, text, check)
}

// calls resolves a call or a list of them; problems are reported where the name stands.
func (r *reading) calls(c cursor, text string, check func(string) (Call, error)) (calls []Call, pattern *regexp.Regexp) {
	name, isList := strings.CutPrefix(text, listPrefix)
	if !isList {
		call, err := check(text)
		if err != nil {
			c.fail("%v", err)
		}
		return []Call{call}, nil
	}
	l := r.list(c, name)
	if l == nil {
		return nil, nil
	}
	if l.kind != literalList {
		return l.calls, l.pattern
	}
	for _, value := range l.values {
		text, ok := value.text()
		if !ok {
			continue
		}
		call, err := check(text)
		if err != nil {
			value.fail("as a call: %v", err)
		}
		calls = append(calls, call)
	}
	return calls, nil
}

var tracepointFields = []field[hookReading]{
	{name: "raw", read: func(c cursor, h *hookReading) {
		if raw, _ := c.boolean(); raw {
			h.hook.Kind = RawTracepoint
		}
	}},
	{name: "subsystem", required: true, read: func(c cursor, h *hookReading) { h.hook.Subsystem = identifier(c) }},
	{name: "event", required: true, read: func(c cursor, h *hookReading) { h.hook.Event = identifier(c) }},
	argsField, dataField, selectorsField, messageField, tagsField,
}

var lsmFields = []field[hookReading]{
	{name: "hook", required: true, read: func(c cursor, h *hookReading) {
		name := identifier(c)
		if short, found := strings.CutPrefix(name, "bpf_lsm_"); found {
			c.fail("hooks are written without bpf_lsm_: %s", short)
		} else if short, found := strings.CutPrefix(name, "security_"); found {
			c.fail("%s is a kernel function (for kprobes, with syscall: false); the hook is %s", name, short)
		}
		h.hook.Calls = []Call{{Function: name}}
	}},
	argsField, dataField, selectorsField, messageField, tagsField,
}

// word is what subsystems, events, hooks and providers are called.
var word = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

func identifier(c cursor) string {
	text, ok := c.text()
	if ok && !word.MatchString(text) {
		c.fail("%s is not a name", shown(text))
	}
	return text
}

// check looks at what depends on more than one field. Before is the number of problems before the hook's.
func (h *hookReading) check(seen given, before int) {
	hook := h.hook
	for i := range hook.Args {
		if hook.Args[i].ReturnCopy {
			hook.Return = true // older dialects leave it out, and it can mean nothing else
		}
	}
	if hook.ReturnArg != nil && !seen.has("return") {
		hook.Return = true // so do examples of the original, and it can mean nothing else either
	}
	switch {
	case hook.ReturnArg != nil && !hook.Return:
		seen["returnArg"].fail("nothing reads it: the hook has return: false")
	case seen.has("returnArgAction") && hook.ReturnArg == nil:
		seen["returnArgAction"].fail("there is no returnArg that it could be about")
	case hook.Return && seen.has("return") && hook.ReturnArg == nil && !h.copiesAtReturn():
		seen["return"].fail("returnArg is missing: what type does the function return?")
	}
	if hook.ReturnArgAction != nil && hook.ReturnArgAction.Kind != Post && hook.ReturnArg != nil && hook.ReturnArg.Type.Class != ClassSocket {
		seen["returnArgAction"].fail("%s needs a returnArg of type sock, not %s", hook.ReturnArgAction.Kind, hook.ReturnArg.Type)
	}
	if hook.Kind&function != 0 {
		h.checkCall(seen)
	}
	if hook.Kind == Uprobe {
		h.checkUprobe(seen, before)
	}
}

func (h *hookReading) copiesAtReturn() bool {
	for i := range h.hook.Args {
		if h.hook.Args[i].ReturnCopy {
			return true
		}
	}
	return false
}

// checkCall refuses what reads arguments that are not there: the entry of a system call has one, the registers.
func (h *hookReading) checkCall(seen given) {
	if h.syscall || len(h.hook.Args) == 0 {
		return
	}
	for _, call := range h.hook.Calls {
		if sys, ok := parseSyscall(call.Function); ok && sys.ABI != syscalls.Native && seen.has("call") {
			seen["call"].fail("%s is the entry of a system call: to read its arguments, leave out syscall: false", call.Function)
		}
	}
}
