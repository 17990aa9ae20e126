// SPDX-License-Identifier: Apache-2.0

//go:build linux

package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/plan"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/process"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

// fixture is a reporter with one process, 42.
type fixture struct {
	*Reporter
	out []process.Output
	// execs is how often the process executed a program.
	execs uint64
}

func key(tgid uint32) kernel.Key { return kernel.Key{Tgid: tgid, Start: uint64(tgid) * 1000} }

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	clock, err := process.NewClock()
	if err != nil {
		tb.Fatal(err)
	}
	f := &fixture{}
	table := process.NewTable(process.Config{
		Node: "n", Clock: clock, Running: func() ([]*kernel.Image, error) { return nil, nil },
		Emit: func(o process.Output) { f.out = append(f.out, o) }, Lost: func() bool { return false },
	})
	f.Reporter = New(Config{Table: table, Architecture: "amd64"})
	f.exec("/app")
	return f
}

// exec has process 42 execute a file.
func (f *fixture) exec(filename string) {
	i := &kernel.Image{Filename: filename, Executable: filename, Cwd: "/"}
	i.Header.Process, i.Header.Time = key(42), 43000+f.execs
	f.execs++
	emit := f.Table.Emit
	f.Table.Emit = func(process.Output) {}
	f.Table.Exec(i)
	f.Table.Emit = emit
}

func bytesOf[T any](v T, text ...byte) []byte {
	return append(append([]byte{}, unsafe.Slice((*byte)(unsafe.Pointer(&v)), unsafe.Sizeof(v))...), text...)
}

func typed(name string) *policy.ArgumentType { return policy.LookupArgumentType(name) }

// value is an argument of a record, in a place.
func value(place uint8, typ string, raw []byte) hook.Argument {
	kind, _, _ := hook.Layout(typed(typ))
	return hook.Argument{Place: place, Kind: kind, Raw: raw}
}

func number(place uint8, word int64) hook.Argument { return value(place, "int64", bytesOf(word)) }

func file(place uint8, path string) hook.Argument {
	return value(place, "file", bytesOf(bpf.HookFileValue{Mode: 0o100644}, []byte(path)...))
}

func buffer(place uint8, text string) hook.Argument {
	return value(place, "char_buf", bytesOf(bpf.HookBytesValue{Size: uint64(len(text))}, []byte(text)...))
}

// pidHere is the process of records where the tracer is, in a pid namespace of its own.
const pidHere = 7

// record of thread 42 that was entered at a time.
func record(stage uint32, entered uint64, arguments ...hook.Argument) *hook.Record {
	r := &hook.Record{Arguments: arguments}
	r.Header.Process, r.Tid, r.Stage, r.Entered, r.Header.Time, r.Selector, r.Done = key(42), 42, stage, entered, entered, -1, posted
	r.TracerNamespacePid = pidHere
	return r
}

func entry(entered uint64, arguments ...hook.Argument) *hook.Record {
	return record(hook.StageEntry, entered, arguments...)
}

// waits is the record of an entry that the return follows.
func waits(entered uint64, arguments ...hook.Argument) *hook.Record {
	return with(entry(entered, arguments...), func(r *hook.Record) { r.Flags = hook.RecordWaits })
}

func returned(entered uint64, arguments ...hook.Argument) *hook.Record {
	return with(record(hook.StageReturn, entered, arguments...), func(r *hook.Record) { r.Header.Time += 5 })
}

func with(r *hook.Record, change func(*hook.Record)) *hook.Record {
	change(r)
	return r
}

// planned is a hook with a way in which it is served.
type planned struct {
	plan.Hook
	plan.Way
}

func kprobe(name string, places ...plan.Place) planned {
	p := planned{plan.Hook{Name: name, Policy: &policy.Policy{Name: "policy"}, Hook: &policy.Hook{Kind: policy.Kprobe}}, plan.Way{Places: places}}
	p.Definitions = []*hook.Definition{{Arguments: make([]bpf.HookHookArgument, len(places))}}
	return p
}

func (p planned) change(f func(*planned)) planned { f(&p); return p }

func arg(index int, typ string) plan.Place {
	return plan.Place{Role: plan.Argument, Index: index, Type: typed(typ)}
}

// ofKind is a hook of another kind, with one argument.
func ofKind(kind policy.HookKind, typ string) planned {
	return kprobe("name", arg(0, typ)).change(func(p *planned) { p.Hook.Hook.Kind = kind })
}

// reads is a system call that fills its second argument.
func reads() planned {
	p := kprobe("sys_read", arg(0, "int"), plan.Place{Index: 1, Type: typed("char_buf"), Label: "what"}, plan.Place{Role: plan.Result, Type: typed("long"), Label: "count"})
	p.Hook.Hook.Return = true
	p.Definitions[0].Config.Flags = uint32(bpf.HookHookFlagsHOOK_IS_SYSCALL)
	for place := range 2 {
		p.Definitions[0].Arguments[1+place].Flags = uint8(bpf.HookArgumentFlagsARGUMENT_AT_RETURN)
	}
	return p
}

// decided is reads with filters on what is returned.
func decided() planned {
	return reads().change(func(p *planned) { p.Definitions[0].Config.Flags |= uint32(bpf.HookHookFlagsHOOK_RETURN_DECIDES) })
}

// void is the return of a call that its filters do not match.
func void(entered uint64) *hook.Record {
	return with(returned(entered), func(r *hook.Record) { r.Flags, r.Done = hook.RecordVoid, 0 })
}

// selecting has a hook whose selector does some things.
func selecting(actions, atReturn []policy.Action) planned {
	return kprobe("security_file_open").change(func(p *planned) {
		p.Hook.Hook.Selectors = []policy.Selector{{}, {Label: "secrets", Actions: actions, ReturnActions: atReturn}}
		p.Hook.Hook.Return = atReturn != nil
	})
}

func done(r *hook.Record, done, would bpf.HookHookActions) *hook.Record {
	r.Selector, r.Done, r.Would = 1, uint32(done), uint32(would)
	return r
}

func do(kinds ...policy.ActionKind) (list []policy.Action) {
	for _, kind := range kinds {
		list = append(list, policy.Action{Kind: kind})
	}
	return list
}

const (
	post     = bpf.HookHookActionsACTION_POST
	kill     = bpf.HookHookActionsACTION_KILL
	override = bpf.HookHookActionsACTION_OVERRIDE
)

var scenarios = []struct {
	name    string
	hook    planned
	records []*hook.Record
}{
	{"a system call", kprobe("sys_write", plan.Place{Type: typed("fd"), Label: "target"}, arg(1, "char_buf"), arg(2, "size_t")).change(func(p *planned) {
		p.Definitions[0].Config.Flags = uint32(bpf.HookHookFlagsHOOK_IS_SYSCALL)
		p.Hook.Hook.Message, p.Hook.Hook.Tags = "a message", []string{"a", "b"}
	}), []*hook.Record{with(entry(50000, file(0, "/x"), buffer(1, "hello"), number(2, 5)), func(r *hook.Record) { r.Function, r.Tid = 1, 43 })}},
	{"a system call of the other ABI", reads(), []*hook.Record{with(returned(50000, number(2, 1)), func(r *hook.Record) { r.Function, r.Flags = 3, hook.RecordCompat|hook.RecordAlone })}},
	{"a hook on system calls of the other ABI", kprobe("i386/sys_exit").change(func(p *planned) {
		p.Definitions[0].Config.Flags = uint32(bpf.HookHookFlagsHOOK_IS_SYSCALL)
		p.Definitions[0].Attachments = []hook.Attachment{{Compat: []uint32{1}}}
	}), []*hook.Record{with(entry(1), func(r *hook.Record) { r.Function = 1 })}},
	{"a system call without a name", kprobe("sys_x").change(func(p *planned) { p.Definitions[0].Config.Flags = uint32(bpf.HookHookFlagsHOOK_IS_SYSCALL) }),
		[]*hook.Record{with(entry(1), func(r *hook.Record) { r.Function = 1<<32 - 1 })}},
	{"a system call that has another function", kprobe("sys_uname").change(func(p *planned) { p.Definitions[0].Config.Flags = uint32(bpf.HookHookFlagsHOOK_IS_SYSCALL) }),
		[]*hook.Record{with(entry(1), func(r *hook.Record) { r.Function = 63 })}},
	{"functions by number", kprobe("a,b").change(func(p *planned) { p.Functions = []string{"a", "b"} }), []*hook.Record{with(entry(1), func(r *hook.Record) { r.Function = 1 })}},

	{"entry and return", reads(), []*hook.Record{waits(50000, number(0, 3)), returned(50000, buffer(1, "text"), number(2, 4))}},
	{"entry and return in one", reads(), []*hook.Record{record(hook.StageEntry|hook.StageReturn, 50000, number(0, 3), buffer(1, "text"), number(2, 4))}},
	{"the return does not match", decided(), []*hook.Record{waits(50000, number(0, 3)), void(50000)}},
	{"the return does not match, and something was done at the entry", decided(), []*hook.Record{with(waits(50000, number(0, 3)), func(r *hook.Record) { r.Done = uint32(post | kill) }), void(50000)}},
	{"something was done at the return of an entry that was not told", reads(), []*hook.Record{with(returned(50000, buffer(1, "text"), number(2, 4)), func(r *hook.Record) { r.Flags = hook.RecordAlone })}},
	{"a return of a call that was told early", reads(), []*hook.Record{returned(50000, buffer(1, "text"), number(2, 4))}},
	{"the return was lost", reads(), []*hook.Record{waits(50000, number(0, 3)), waits(60000, number(0, 4)), returned(60000, buffer(1, "text"), number(2, 4))}},
	{"the return was lost that decides", decided(), []*hook.Record{waits(50000, number(0, 3)), waits(60000, number(0, 4)), returned(60000, buffer(1, "text"), number(2, 4))}},
	{"the return and the next entry were lost", reads(), []*hook.Record{waits(50000, number(0, 3)), void(60000)}},
	{"a return that comes too late", reads(), []*hook.Record{waits(60000, number(0, 3)), returned(50000, buffer(1, "early"), number(2, 5)), returned(60000, buffer(1, "text"), number(2, 4))}},
	{"no room for all", reads(), []*hook.Record{with(record(hook.StageEntry|hook.StageReturn, 50000, number(0, 3)), func(r *hook.Record) { r.Flags = hook.RecordCut })}},
	{"places that are not shown", kprobe("f", arg(0, "nop"), arg(2, "int"), arg(1, "uint32"), plan.Place{Role: plan.Data, Type: typed("string"), Label: "comm"}, plan.Place{Role: plan.Hidden}),
		[]*hook.Record{entry(1, number(0, 0), number(1, 2), number(2, 1), value(3, "string", []byte("sh")), number(4, 9))}},

	{"the selector's action", selecting(do(policy.Post, policy.Sigkill), nil), []*hook.Record{done(entry(1), post|kill, 0)}},
	{"actions that are not armed", selecting(do(policy.Override, policy.Sigkill), nil), []*hook.Record{done(entry(1), post, override|kill)}},
	{"posted at last", selecting(do(policy.Sigkill, policy.Post), nil), []*hook.Record{done(entry(1), post|kill, 0)}},
	{"an action of the reader", selecting(do(policy.GetURL), nil), []*hook.Record{done(entry(1), post, 0)}},
	{"actions at the return", selecting(nil, do(policy.Sigkill)), []*hook.Record{done(waits(1), post, 0), done(returned(1), post|kill, 0)}},
	{"a selector that the policy has not", kprobe("f"), []*hook.Record{done(entry(1), post, 0)}},
	{"what stands in for the hook", kprobe("f").change(func(p *planned) { p.Via = "tracepoint sys_exit" }), []*hook.Record{entry(1)}},

	{"an LSM hook", ofKind(policy.LSM, "file"), []*hook.Record{entry(1, file(0, "/x"))}},
	{"a tracepoint", ofKind(policy.Tracepoint, "syscall64").change(func(p *planned) { p.Hook.Hook.Subsystem, p.Hook.Hook.Event = "raw_syscalls", "sys_enter" }),
		[]*hook.Record{entry(1, value(0, "syscall64", bytesOf(uint64(0))))}},
	{"a raw tracepoint", ofKind(policy.RawTracepoint, "int").change(func(p *planned) { p.Hook.Hook.Event = "sched_process_exit" }), []*hook.Record{entry(1, number(0, 1))}},
	{"a uprobe", ofKind(policy.Uprobe, "int").change(func(p *planned) {
		p.Hook.Hook.Program = &policy.Program{Path: "/bin/bash", Symbols: []policy.Symbol{{Name: "main"}, {Name: "readline", Offset: 4}}, RefCtrOffsets: []uint64{0, 8}}
	}), []*hook.Record{with(entry(1, number(0, 1)), func(r *hook.Record) { r.Function = 1 })}},
	{"what a uprobe's function returned", reads().change(func(p *planned) {
		p.Hook.Hook.Kind, p.Hook.Hook.Program = policy.Uprobe, &policy.Program{Path: "/bin/bash", Symbols: []policy.Symbol{{Name: "readline"}}}
		p.Definitions[0].Config.Flags = 0
	}), []*hook.Record{waits(50000, number(0, 3)), returned(50000, buffer(1, "text"), number(2, 4))}},
	{"a uprobe by its offset", ofKind(policy.Uprobe, "int").change(func(p *planned) { p.Hook.Hook.Program = &policy.Program{Path: "/bin/bash", Offsets: []uint64{4096}} }),
		[]*hook.Record{entry(1, number(0, 1)), with(entry(1, number(0, 1)), func(r *hook.Record) { r.Function = 7 })}},
	{"a usdt", ofKind(policy.USDT, "int").change(func(p *planned) {
		p.Hook.Hook.Program = &policy.Program{Path: "/lib/libc.so.6", Provider: "libc", Name: "setjmp"}
	}), []*hook.Record{entry(1, number(0, 1))}},
	{"the loader", kprobe("loader", arg(0, "file"), arg(1, "uint32"), arg(2, "char_buf")).change(func(p *planned) { p.Hook.Hook.Kind = policy.Loader }),
		[]*hook.Record{entry(1, file(0, "/lib/libc.so.6"), number(1, 5), buffer(2, "id"))}},
	{"stacks", kprobe("f"), []*hook.Record{with(entry(1), func(r *hook.Record) { r.KernelStack, r.UserStack = []uint64{1, 2}, []uint64{3} })}},
	{"a process that is not known", kprobe("f"), []*hook.Record{with(entry(1), func(r *hook.Record) { r.Header.Process, r.Tid = key(7), 7 })}},
}

// line is an event with the process that it is about.
func line(t *testing.T, f *fixture, o process.Output) []byte {
	t.Helper()
	if o.Event.ProcessID != o.Processes[0].ExecID || o.Event.Time == nil {
		t.Errorf("%+v", o.Event)
	}
	o.Event.ProcessID = o.Processes[0].Binary + " " + o.Processes[0].Flags
	o.Event.Time = nil
	text, err := json.Marshal(o.Event)
	if err != nil {
		t.Fatal(err)
	}
	return append(append([]byte("\t"), text...), '\n')
}

// What becomes of records, for each kind of hook and for what can happen to entries and returns.
func TestEvents(t *testing.T) {
	var got bytes.Buffer
	for _, s := range scenarios {
		f := newFixture(t)
		f.Serve(0, s.hook.Hook, s.hook.Way)
		for _, r := range s.records {
			if err := f.Record(r); err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
		}
		if calls := len(f.waiting.calls) + f.waiting.byAge.Len() + len(f.waiting.byProcess); calls != 0 {
			t.Errorf("%s: calls are waiting", s.name)
		}
		got.WriteString(s.name + "\n")
		for _, o := range f.out {
			got.Write(line(t, f, o))
		}
	}
	golden.Check(t, "testdata/events.txt", got.Bytes())
}

// The scenarios have every kind of hook.
func TestEveryKindHasABody(t *testing.T) {
	seen := map[policy.HookKind]bool{policy.Fentry: true} // the same as kprobe
	for _, s := range scenarios {
		seen[s.hook.Hook.Hook.Kind] = true
	}
	for kind := policy.Kprobe; kind <= policy.Loader; kind <<= 1 {
		if bodies[kind] == nil || !seen[kind] {
			t.Errorf("%s", kind)
		}
	}
}

// The time is that of the call, and the process that which it was then.
func TestEventsAreOfTheEntry(t *testing.T) {
	f := newFixture(t)
	f.Serve(0, reads().Hook, reads().Way)
	if err := f.Record(waits(50000)); err != nil {
		t.Fatal(err)
	}
	f.exec("/other")
	if err := f.Record(returned(50000)); err != nil {
		t.Fatal(err)
	}
	if len(f.out) != 1 || f.out[0].Processes[0].Binary != "/app" || !f.out[0].Event.Time.Equal(f.Table.Clock.At(50000).Time) {
		t.Errorf("%+v", f.out)
	}
}

func TestExited(t *testing.T) {
	f := newFixture(t)
	f.Serve(0, reads().Hook, reads().Way)
	f.Serve(2, reads().Hook, reads().Way)
	for _, r := range []*hook.Record{
		waits(1), with(waits(2), func(r *hook.Record) { r.Tid = 43 }), with(waits(3), func(r *hook.Record) { r.Hook = 2 }),
		with(waits(4), func(r *hook.Record) { r.Header.Process, r.Tid = key(7), 7 }),
	} {
		if err := f.Record(r); err != nil {
			t.Fatal(err)
		}
	}
	f.Exited(key(8))
	if len(f.out) != 0 {
		t.Fatalf("the exit of another process: %+v", f.out)
	}
	f.Exited(key(42))
	if len(f.out) != 3 || f.out[0].Event.ProcessKprobe.Return != nil || f.out[0].Event.ProcessKprobe.ReturnAction != "" {
		t.Fatalf("%+v", f.out)
	}
	f.Flush()
	if len(f.out) != 4 || *f.out[3].Processes[0].Pid != 7 || len(f.waiting.calls) != 0 || len(f.waiting.byProcess) != 0 {
		t.Errorf("%+v", f.out)
	}
}

func TestTooManyWait(t *testing.T) {
	f := newFixture(t)
	f.waiting = newWaiting(2 * callBytes)
	f.Serve(0, reads().Hook, reads().Way)
	for tid := range uint32(5) {
		if err := f.Record(with(waits(uint64(tid)), func(r *hook.Record) { r.Tid = tid })); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.out) != 3 || f.Counts().ReturnsLost != 3 || f.out[0].Event.Tid != 0 || f.out[1].Event.Tid != 1 || f.out[2].Event.Tid != 2 {
		t.Fatalf("%d were told early: %+v", f.Counts().ReturnsLost, f.out)
	}
	if err := f.Record(with(returned(4, number(2, 7)), func(r *hook.Record) { r.Tid = 4 })); err != nil {
		t.Fatal(err)
	}
	if len(f.out) != 4 || *f.out[3].Event.ProcessKprobe.Return.LongArg != 7 || len(f.waiting.calls) != 1 {
		t.Errorf("the newest waits still: %+v", f.out)
	}
}

// Calls that wait for a verdict are no events before that; of those that were given up the ones that match are counted as lost.
func TestUndecided(t *testing.T) {
	f := newFixture(t)
	f.waiting = newWaiting(2 * callBytes)
	f.Serve(0, decided().Hook, decided().Way)
	for tid := range uint32(5) {
		if err := f.Record(with(waits(uint64(tid)), func(r *hook.Record) { r.Tid = tid })); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range []*hook.Record{returned(0), returned(1), void(2), returned(3)} {
		if err := f.Record(with(r, func(r *hook.Record) { r.Tid = uint32(r.Entered) })); err != nil {
			t.Fatal(err)
		}
	}
	f.Exited(key(42))
	if len(f.out) != 1 || f.out[0].Event.Tid != 3 || f.Counts() != (Counts{Undecided: 2}) || f.waiting.bytes != 0 {
		t.Errorf("%+v; %+v", f.Counts(), f.out)
	}
}

func TestUnknownRecords(t *testing.T) {
	f := newFixture(t)
	f.Serve(1, kprobe("f", arg(0, "int")).Hook, kprobe("f", arg(0, "int")).Way)
	for name, r := range map[string]*hook.Record{
		"before its hook":       entry(1),
		"beyond all hooks":      with(entry(1), func(r *hook.Record) { r.Hook = 1<<32 - 1 }),
		"beyond all arguments":  with(entry(1, number(1, 1)), func(r *hook.Record) { r.Hook = 1 }),
		"a return of such kind": with(returned(1, number(15, 1)), func(r *hook.Record) { r.Hook = 1 }),
	} {
		if err := f.Record(r); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(f.out) != 0 {
		t.Errorf("%+v", f.out)
	}
}

// symbols are those of a Symbolizer that knows one.
type symbols struct{ pid uint32 }

func (*symbols) Kernel(addresses []uint64) []event.StackTraceEntry {
	return []event.StackTraceEntry{{Symbol: "do_sys_openat2", Offset: addresses[0]}}
}

func (s *symbols) User(pid uint32, addresses []uint64) []event.StackTraceEntry {
	s.pid = pid
	return []event.StackTraceEntry{{Module: "/app", Offset: addresses[0]}}
}

func TestStacksAreSymbolized(t *testing.T) {
	f, s := newFixture(t), &symbols{}
	f.Symbols = s
	f.Serve(0, kprobe("f").Hook, kprobe("f").Way)
	if err := f.Record(with(entry(1), func(r *hook.Record) { r.KernelStack, r.UserStack = []uint64{5}, []uint64{6} })); err != nil {
		t.Fatal(err)
	}
	k := f.out[0].Event.ProcessKprobe
	if s.pid != pidHere || k.KernelStackTrace[0].Offset != 5 || k.UserStackTrace[0].Module != "/app" {
		t.Errorf("%+v", k)
	}
}

// Records of what is usual, from the ring's bytes to the event that is queued.
func BenchmarkRecord(b *testing.B) {
	write := kprobe("sys_write", arg(0, "fd"), arg(1, "char_buf"), arg(2, "size_t"))
	write.Definitions[0].Config.Flags = uint32(bpf.HookHookFlagsHOOK_IS_SYSCALL)
	for _, bench := range []struct {
		name    string
		hook    planned
		records []*hook.Record
	}{
		{"int", kprobe("f", arg(0, "int")), []*hook.Record{entry(1, number(0, 1))}},
		{"write", write, []*hook.Record{entry(1, file(0, "/var/log/app.log"), buffer(1, "hello"), number(2, 5))}},
		{"sock", kprobe("tcp_connect", arg(0, "sock")), []*hook.Record{entry(1, value(0, "sock", bytesOf(bpf.HookSocketValue{Family: 10, Type: 1, Protocol: 6, State: 2, Source: [2]uint64{1, 2}})))}},
		{"entry and return", reads(), []*hook.Record{waits(1, number(0, 3)), returned(1, buffer(1, "text"), number(2, 4))}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			f := newFixture(b)
			f.Table.Emit = func(process.Output) {}
			f.Serve(0, bench.hook.Hook, bench.hook.Way)
			var raw [][]byte
			for _, r := range bench.records {
				raw = append(raw, encode(r))
			}
			var decoded hook.Record
			b.ReportAllocs()
			begin := cpuTime(b)
			for b.Loop() {
				for i := range raw {
					if err := errors.Join(decoded.Decode(raw[i]), f.Record(&decoded)); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(cpuTime(b)-begin)/float64(b.N*len(raw)), "cpu-ns/record")
		})
	}
}

// cpuTime is what this process has used, in ns, garbage collection included: time on a busy machine says nothing.
func cpuTime(b *testing.B) int64 {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// encode is a record as the kernel side puts it together.
func encode(r *hook.Record) []byte {
	var arguments []byte
	for _, a := range r.Arguments {
		arguments = append(arguments, bytesOf(bpf.HookArgumentHeader{Place: a.Place, Kind: a.Kind, Flags: a.Flags, Length: uint32(len(a.Raw))}, a.Raw...)...)
		for len(arguments)%8 != 0 {
			arguments = append(arguments, 0)
		}
	}
	r.ArgumentCount, r.ArgumentLength = uint32(len(r.Arguments)), uint32(len(arguments))
	return bytesOf(r.HookHookRecord, arguments...)
}
