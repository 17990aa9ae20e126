// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"regexp"
	"strconv"
	"strings"
)

// mostSteps of a resolve.
const mostSteps = 32

// mostSize is the highest sizeArgIndex, which counts from 1: the CRD's limit.
const mostSize = 15

// argumentReading is the state of reading one argument.
type argumentReading struct {
	*hookReading
	argument Argument
	data     bool
	resolve  string
}

var argumentFields = []field[argumentReading]{
	{name: "index", read: func(c cursor, a *argumentReading) {
		if n, ok := c.index(); ok && !a.data {
			a.argument.Index = n
		}
	}},
	{name: "type", read: func(c cursor, a *argumentReading) {
		text, ok := c.text()
		if t := LookupArgumentType(text); t != nil {
			a.argument.Type = t
		} else if ok {
			c.fail("unknown type %s%s", shown(text), DidYouMean(text, typeNames(0)))
		}
	}},
	{name: "source", read: func(c cursor, a *argumentReading) {
		text, ok := c.text()
		source, err := oneOf(text, SourceTask, SourceRegisters)
		switch {
		case !ok:
		case !a.data:
			c.fail("only entries of data have a source")
		case err != nil:
			c.fail("%v", err)
		}
		a.argument.Source = source
	}},
	{name: "resolve", read: func(c cursor, a *argumentReading) {
		text, ok := c.text()
		switch {
		case !ok:
		case a.argument.Source == SourceRegisters:
			if a.argument.Register, ok = lookupRegister(text); !ok {
				c.fail("unknown register %s%s", shown(text), DidYouMean(text, registerNames()))
			}
		case text != "":
			a.argument.Resolve = steps(c, text)
		}
		a.resolve = text
	}},
	{name: "btfType", read: func(c cursor, a *argumentReading) { a.argument.BTFType = a.startOfResolve(c) }},
	{name: "btfTypeModule", read: func(c cursor, a *argumentReading) { a.argument.BTFTypeModule = a.startOfResolve(c) }},
	{name: "sizeArgIndex", older: []string{"sizeargindex"}, read: func(c cursor, a *argumentReading) {
		if n, ok := c.integer(0, mostSize); ok && n > 0 && a.ofBuffer(c) {
			a.argument.SizeIndex = int(n) - 1
		}
	}},
	{name: "returnCopy", read: func(c cursor, a *argumentReading) {
		if on, _ := c.boolean(); !on || !a.ofBuffer(c) {
			return
		}
		if a.hook.Kind&(function|Uprobe) == 0 {
			c.fail("%s has no return at which it could be read", a.hook.Kind.one())
			return
		}
		a.argument.ReturnCopy = true
	}},
	{name: "maxData", read: func(c cursor, a *argumentReading) {
		switch on, _ := c.boolean(); {
		case !on || !a.ofBuffer(c):
		case a.argument.ReturnCopy:
			c.fail("maxData and returnCopy exclude each other")
		default:
			a.argument.MaxData = true
		}
	}},
	{name: "label", read: func(c cursor, a *argumentReading) { a.argument.Label, _ = c.text() }},
}

// ofBuffer reports an attribute that only buffers have.
func (a *argumentReading) ofBuffer(c cursor) bool {
	if a.argument.Type != nil && !a.argument.Type.buffer() {
		c.fail("only buffers have it (%s), not type %s", strings.Join(typeNames(ClassBytes), ", "), a.argument.Type)
		return false
	}
	return true
}

func (a *argumentReading) startOfResolve(c cursor) string {
	text, ok := c.text()
	if ok && text != "" && len(a.argument.Resolve) == 0 {
		c.fail("it is the type from which resolve starts, and there is no resolve")
	}
	return text
}

// arguments reads args or data. One argument may be listed several times, to be read in several ways.
func (h *hookReading) arguments(c cursor, data bool) (all []Argument) {
	c.items(func(item cursor) { all = append(all, h.argument(item, data, len(all))) })
	return all
}

// argument reads one; its type is never nil, so that what refers to it can be read on.
func (h *hookReading) argument(c cursor, data bool, place int) Argument {
	a := argumentReading{hookReading: h, data: data, argument: Argument{Position: c.position(), SizeIndex: -1}}
	if data {
		a.argument.Index = place
	}
	before := len(*c.problems)
	seen := object(c, argumentFields, &a)
	if a.argument.Type == nil {
		a.argument.Type = LookupArgumentType("auto")
	}
	if len(*c.problems) == before {
		h.checkArgument(c, seen, &a)
	}
	return a.argument
}

// checkArgument refuses types that the hook cannot have. What resolve leads to and what data reads is the kernel's.
func (h *hookReading) checkArgument(c cursor, seen given, a *argumentReading) {
	t, kind := a.argument.Type, h.hook.Kind
	at := c
	if seen.has("type") {
		at = seen["type"]
	}
	switch {
	case a.data && a.argument.Source == "":
		c.fail("source is missing: want %s or %s", SourceTask, SourceRegisters)
	case a.data && a.resolve == "":
		c.fail("resolve is missing: what of %s?", a.argument.Source)
	case a.data:
	case !seen.has("index") && kind&function != 0:
		c.fail("index is missing")
	case len(a.argument.Resolve) > 0 && kind == Tracepoint:
		seen["resolve"].fail("the fields of a tracepoint lead nowhere: want raw: true, which has the arguments themselves")
	case len(a.argument.Resolve) > 0:
	case t.Class == ClassAuto && kind == Kprobe:
		at.fail("type is missing: a kprobe knows only with resolve what it reads")
	case t.Hooks&kind == 0:
		at.fail("type %s is for %s, not for %s", t, t.Hooks, kind.one())
	case kind&function != 0 && h.syscall && t.Hooks&inProgram == 0:
		at.fail("a system call is given numbers and addresses by the program, no %s; for a kernel function write syscall: false", t)
	}
}

// returnArgument reads returnArg: the index is always 0.
func (h *hookReading) returnArgument(c cursor) *Argument {
	a := argumentReading{hookReading: h, argument: Argument{Position: c.position(), SizeIndex: -1}}
	seen := object(c, argumentFields, &a)
	if a.argument.Type == nil {
		a.argument.Type = LookupArgumentType("auto")
		if !seen.has("type") && h.hook.Kind == Kprobe && len(a.argument.Resolve) == 0 {
			c.fail("type is missing")
		}
	}
	for _, name := range []string{"source", "sizeArgIndex", "returnCopy", "maxData"} {
		if seen.has(name) {
			seen[name].fail("a returned value has no %s", name)
		}
	}
	switch kind := h.hook.Kind; {
	case a.argument.Index != 0:
		seen["index"].fail("a function returns one value: want 0")
	case a.argument.Type.Hooks&kind == 0:
		seen["type"].fail("type %s is for %s, not for %s", a.argument.Type, a.argument.Type.Hooks, kind.one())
	}
	return &a.argument
}

// step of a resolve: a field, perhaps an element of it.
var step = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)?((?:\[[0-9]{1,6}\])*)$`)

// steps reads a path such as mm.owner.real_parent.comm, files[3].f_flags or [2].
func steps(c cursor, text string) (all []Step) {
	for part := range strings.SplitSeq(text, ".") {
		match := step.FindStringSubmatch(part)
		if match == nil || part == "" {
			c.fail("%s: %s is neither a field nor an element [n]", shown(text), shown(part))
			return nil
		}
		if match[1] != "" {
			all = append(all, Step{Field: match[1]})
		}
		for element := range strings.SplitSeq(strings.Trim(match[2], "[]"), "][") {
			if n, err := strconv.Atoi(element); err == nil {
				all = append(all, Step{Element: n})
			}
		}
	}
	if len(all) > mostSteps {
		c.fail("%d steps: at most %d", len(all), mostSteps)
		return nil
	}
	return all
}
