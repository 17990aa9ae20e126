// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// bodyCuts are how the body of an event gives way, in this order: each with limits from its most to its least, halved from
// one to the next. What is dear is cut late, and then all of it as far as it takes.
var bodyCuts = [...]struct {
	most, least int
	cut         func(e *event.Event, limit int)
}{
	{4096, 256, cutBytes},
	{64, 16, cutStacks},
	{4096, 256, cutTexts},
	{128, 16, cutBytes},
	{8, 1, cutStacks},
	{128, 32, cutTexts},
	{1, 1, cutArguments},
}

// fitBody is an event whose own texts, buffers, stack traces and arguments take at most room bytes of JSON together, or as
// little as can be. The event itself is left as it was.
func fitBody(ev Event, room int) (Event, error) {
	body, err := marshal(ev.Event)
	if err != nil {
		return ev, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	if len(body) <= room {
		return ev, nil
	}
	var e event.Event // nothing of it is the caller's
	if err := json.Unmarshal(body, &e); err != nil {
		return ev, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	for _, c := range bodyCuts {
		for limit := c.most; limit >= c.least; limit /= 2 {
			c.cut(&e, limit)
			if len(mustJSON(e)) <= room {
				ev.Event = e
				return ev, nil
			}
		}
	}
	ev.Event = e
	return ev, nil
}

// hookArguments are the lists of arguments that an event has.
func hookArguments(e *event.Event) (lists [][]event.Argument) {
	if h := e.Hooked(); h != nil {
		lists = append(lists, h.Args, h.Data)
	}
	return lists
}

// cutBytes leaves limit bytes of a buffer, and says how many it had.
func cutBytes(e *event.Event, limit int) {
	cut := func(a *event.Argument) {
		if len(a.BytesArg) > limit {
			a.TruncatedBytesArg = &event.TruncatedBytesArg{BytesArg: a.BytesArg, OrigSize: uint64(len(a.BytesArg))}
			a.BytesArg = nil
		}
		if t := a.TruncatedBytesArg; t != nil && len(t.BytesArg) > limit {
			t.BytesArg = t.BytesArg[:limit]
		}
	}
	for _, list := range hookArguments(e) {
		for i := range list {
			cut(&list[i])
		}
	}
	if k := e.ProcessKprobe; k != nil && k.Return != nil {
		cut(k.Return)
	}
}

// cutStacks leaves the innermost limit entries of stack traces, and one more that says so.
func cutStacks(e *event.Event, limit int) {
	if e.ProcessKprobe == nil {
		return
	}
	for _, stack := range []*[]event.StackTraceEntry{&e.ProcessKprobe.KernelStackTrace, &e.ProcessKprobe.UserStackTrace} {
		if len(*stack) > limit+1 {
			*stack = append((*stack)[:limit], event.StackTraceEntry{Symbol: ellipsis})
		}
	}
}

// cutTexts leaves limit bytes of JSON of every text of the body.
func cutTexts(e *event.Event, limit int) {
	node := e.NodeName
	eachText(reflect.ValueOf(e).Elem(), func(s *string) { shorten(s, limit) })
	e.NodeName = node
}

// eachText visits the texts that v holds.
func eachText(v reflect.Value, visit func(*string)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && v.Type() != reflect.TypeFor[*event.Timestamp]() {
			eachText(v.Elem(), visit)
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			eachText(field, visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachText(v.Index(i), visit)
		}
	case reflect.String:
		text := v.String()
		visit(&text)
		v.SetString(text)
	}
}

// cutArguments leaves the names of the arguments, and of the tags that there were some: lists of capabilities and the like
// can't be cut any shorter.
func cutArguments(e *event.Event, _ int) {
	for _, list := range hookArguments(e) {
		for i := range list {
			list[i] = event.Argument{ErrorArg: &event.ErrorArg{Message: "no room in the frame"}, Label: list[i].Label}
		}
	}
	if h := e.Hooked(); h != nil && len(h.Tags) > 0 {
		h.Tags = []string{ellipsis}
	}
}
