// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// roundTrip sends one event and returns how it comes out.
func roundTrip(t *testing.T, ev Event, processes ...*Process) *event.Event {
	t.Helper()
	before := mustJSON(ev)
	var out bytes.Buffer
	e := NewEncoder(&out, strings.Repeat("\x01", maxName))
	must(t, e.Add(ev, processes...))
	must(t, e.Flush())
	if !bytes.Equal(before, mustJSON(ev)) {
		t.Error("the caller's event was changed")
	}
	f := frames(t, out.Bytes())[0]
	if p := processes[0]; f.Processes[p.ExecID] == nil {
		t.Error("the process is missing")
	}
	return f.Event(0, func(p *Process) *event.Process { return &p.Process })
}

func stack(frames, length int) []event.StackTraceEntry {
	return slices.Repeat([]event.StackTraceEntry{{Address: 1 << 63, Offset: 17, Symbol: strings.Repeat("s", length)}}, frames)
}

// What is least dear gives way first.
func TestFitBody(t *testing.T) {
	long := strings.Repeat("x", 6000)
	for _, c := range []struct {
		name   string
		change func(*event.ProcessKprobe)
		check  func(*event.ProcessKprobe) bool
	}{
		{"a buffer becomes a truncated one", func(k *event.ProcessKprobe) {
			k.Args = append(k.Args, event.Argument{BytesArg: make([]byte, 20000), Label: "buf"})
		}, func(k *event.ProcessKprobe) bool {
			a := k.Args[2]
			return a.BytesArg == nil && a.Label == "buf" && a.TruncatedBytesArg.OrigSize == 20000 && len(a.TruncatedBytesArg.BytesArg) == 4096
		}},
		{"a truncated one keeps what it says of its size", func(k *event.ProcessKprobe) {
			k.Args[0] = event.Argument{TruncatedBytesArg: &event.TruncatedBytesArg{BytesArg: make([]byte, 9000), OrigSize: 1 << 40}}
		}, func(k *event.ProcessKprobe) bool {
			a := k.Args[0].TruncatedBytesArg
			return a.OrigSize == 1<<40 && len(a.BytesArg) == 4096
		}},
		{"buffers before stack traces", func(k *event.ProcessKprobe) {
			k.Return = &event.Argument{BytesArg: make([]byte, 9000)}
			k.UserStackTrace = stack(100, 10)
		}, func(k *event.ProcessKprobe) bool {
			return len(k.UserStackTrace) == 100 && len(k.Return.TruncatedBytesArg.BytesArg) < 4096
		}},
		{"stack traces before texts", func(k *event.ProcessKprobe) {
			k.KernelStackTrace, k.UserStackTrace = stack(127, 40), stack(60, 40)
			k.Args[0].FileArg.Path = "/" + long
		}, func(k *event.ProcessKprobe) bool {
			last := k.KernelStackTrace[len(k.KernelStackTrace)-1]
			return last.Symbol == ellipsis && len(k.KernelStackTrace) < 127 && k.Args[0].FileArg.Path == "/"+long
		}},
		{"then texts, marked", func(k *event.ProcessKprobe) {
			k.Args[0].FileArg.Path = "/" + long
			k.Args = append(k.Args, event.Argument{StringArg: &long})
		}, func(k *event.ProcessKprobe) bool {
			return strings.HasSuffix(k.Args[0].FileArg.Path, ellipsis) && len(k.Args[0].FileArg.Path) > 2000 && k.PolicyName == "file-monitoring-filtered"
		}},
		{"at last, arguments say that they are missing", func(k *event.ProcessKprobe) {
			for range 8 {
				k.Args = append(k.Args, event.Argument{CredArg: capabilities(), Label: "creds"})
			}
		}, func(k *event.ProcessKprobe) bool {
			return len(k.Args) == 10 && k.Args[9].Label == "creds" && k.Args[9].ErrorArg != nil && k.FunctionName != ""
		}},
	} {
		ev := kprobeOf("a", "b")
		c.change(ev.ProcessKprobe)
		got := roundTrip(t, ev, process("a"), process("b"))
		if got.ProcessKprobe == nil || got.NodeName != "node" || !c.check(got.ProcessKprobe) {
			t.Errorf("%s: %s", c.name, mustJSON(got))
		}
	}
}

// However long the texts of an event and its processes, whatever they are made of: the event comes out.
func TestNoHookEventIsTooLong(t *testing.T) {
	for name, filling := range fillings {
		for _, k := range hookEvents(fill(filling, 4096)) {
			t.Run(fmt.Sprint(name, " ", k.Event.Kind()), func(t *testing.T) {
				k.ProcessID, k.ParentID = longID(0), longID(1)
				got := roundTrip(t, k, hostile(longID(0), filling, true), hostile(longID(1), filling, false))
				if got.Kind() != k.Event.Kind() || got.Process() == nil || got.Process().ExecID != longID(0) {
					t.Errorf("%+v", got)
				}
				if h, was := got.Hooked(), k.Event.Hooked(); h != nil && len(h.Args) != len(was.Args) {
					t.Errorf("%d arguments, want %d", len(h.Args), len(was.Args))
				}
			})
		}
	}
}

// hookEvents has an event of each kind of hook, all of whose texts are text, with an argument of each kind.
func hookEvents(text string) (all []Event) {
	for f := range reflect.TypeFor[event.Event]().Fields() {
		if !strings.HasPrefix(f.Name, "Process") || f.Name == "ProcessExec" || f.Name == "ProcessExit" {
			continue
		}
		ev := Event{Event: event.Event{NodeName: "node", Time: moment(1)}}
		reflect.ValueOf(&ev.Event).Elem().FieldByName(f.Name).Set(reflect.New(f.Type.Elem()))
		if _, about := ev.Subjects(); !about {
			continue
		}
		if h := ev.Hooked(); h != nil {
			h.Args = make([]event.Argument, reflect.TypeFor[event.Argument]().NumField())
			for i := range h.Args {
				setField(reflect.ValueOf(&h.Args[i]).Elem().Field(i), text)
			}
			h.Tags, h.Would = []string{text, text}, []string{text}
		}
		eachText(reflect.ValueOf(&ev.Event), func(s *string) { *s = text })
		ev.NodeName = "node"
		all = append(all, ev)
	}
	return all
}

// setField makes a field non-nil, and so all that it holds.
func setField(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		setField(v.Elem(), text)
	case reflect.Struct:
		for _, field := range v.Fields() {
			setField(field, text)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(text))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		setField(v.Index(0), text)
	}
}

func TestHelloTellsOfWhatWasRefusedFirst(t *testing.T) {
	var hooks []event.Hook
	for i := range 1000 {
		h := event.Hook{Name: fmt.Sprint("sys_call_", i), Policy: "everything", Backend: "raw_tracepoint"}
		switch i % 100 {
		case 7:
			h = event.Hook{Name: h.Name, Policy: h.Policy, Refused: "no such function"}
		case 8:
			h.Notes = []string{"Paths are as the process gave them."}
		}
		hooks = append(hooks, h)
	}
	var out bytes.Buffer
	must(t, NewEncoder(&out, "s").Hello(event.Hello{Hooks: hooks}))
	got := frames(t, out.Bytes())[0].Hello.Hooks
	told := map[string]bool{}
	for _, h := range got {
		told[h.Name] = true
	}
	for _, h := range hooks {
		if (h.Refused != "" || h.Notes != nil) && !told[h.Name] {
			t.Errorf("not a word about %+v", h)
		}
	}
	if last := got[len(got)-1]; len(got) < 50 || last.Refused != fmt.Sprintf("no room to say what became of %d hooks", 1000-len(got)+1) {
		t.Errorf("%d hooks, the last: %+v", len(got), last)
	}
}
