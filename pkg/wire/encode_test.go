// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

func moment(nanosecond int) *event.Timestamp {
	return &event.Timestamp{Time: time.Date(2026, 3, 1, 12, 0, 0, nanosecond, time.UTC)}
}

func process(id string) *Process {
	return &Process{
		Process: event.Process{ExecID: id, Pid: new(uint32(0)), Binary: "/bin/sh", Arguments: `-c "a && b > c"`, Flags: "execve clone", StartTime: moment(0)},
		PodUID:  "uid", ContainerID: "0123", NamespacePid: 1,
	}
}

func execOf(id, parent string, ancestors ...string) Event {
	return Event{ProcessID: id, ParentID: parent, AncestorIDs: ancestors, Event: event.Event{ProcessExec: &event.ProcessExec{}, NodeName: "node", Time: moment(1)}}
}

// kprobeOf is what a policy on security_file_permission sends.
func kprobeOf(id, parent string) Event {
	return Event{ProcessID: id, ParentID: parent, Event: event.Event{ProcessKprobe: &event.ProcessKprobe{
		FunctionName: "security_file_permission",
		Hooked: event.Hooked{
			Args: []event.Argument{
				{FileArg: &event.FileArg{Path: "/var/lib/postgresql/data/base/16384/2619", Permission: "-rw-------"}}, {IntArg: new(int32(4))},
			},
			Action: event.ActionPost, PolicyName: "file-monitoring-filtered",
		},
		Return: &event.Argument{IntArg: new(int32(0))}, ReturnAction: event.ActionPost,
	}, NodeName: "node", Time: moment(123456789)}}
}

// encodings of frames, with what a reader accepts.
var encodings = map[string][]string{"plain": nil, "zstd": {"unknown", EncodingZstd}}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// frames decodes all of a stream, and checks what holds for every one.
func frames(t *testing.T, stream []byte) []*Frame {
	t.Helper()
	var all []*Frame
	events := uint64(1)
	for line := range bytes.Lines(stream) {
		if len(line) > MaxFrame {
			t.Fatalf("frame %d has %d bytes", len(all)+1, len(line))
		}
		f, err := DecodeFrame(line)
		must(t, err)
		if f.Number != uint64(len(all)+1) || f.First != events || f.Count != len(f.Events) {
			t.Fatalf("frame %d, events %d + %d: want frame %d, event %d", f.Number, f.First, f.Count, len(all)+1, events)
		}
		events += uint64(f.Count)
		all = append(all, f)
	}
	return all
}

func TestGolden(t *testing.T) {
	var out bytes.Buffer
	e := NewEncoder(&out, "session")
	code := 0
	must(t, e.Hello(event.Hello{Protocol: Version, Build: "v1", Session: "session", Kernel: "6.18", Hooks: []event.Hook{{Name: "exec", Backend: "tp_btf"}}}))
	must(t, e.Heartbeat(event.Totals{Events: 99}))
	must(t, e.Add(execOf("a", "b", "c"), process("a"), process("b")))
	must(t, e.Add(Event{ProcessID: "a", Event: event.Event{ProcessExit: &event.ProcessExit{Status: 1}}}, process("a")))
	e.SetLost(map[string]uint64{event.LostRing: 3})
	must(t, e.Flush())
	must(t, e.Flush())
	must(t, e.Add(execOf("d", ""), process("d")))
	must(t, e.Add(kprobeOf("d", "e"), process("d"), process("e")))
	must(t, e.Notice(event.Notice{Level: event.LevelInfo, Text: "text"}))
	must(t, e.Throttle(Throttle{Type: event.ThrottleStop, Cgroup: "pod1", PodUID: "1", Count: 2, Total: 3, Time: moment(1)}))
	must(t, e.Add(execOf("d", ""), process("d")))
	must(t, e.Bye(event.Bye{Reason: event.ByeFinished, ExitCode: &code, Totals: event.Totals{Lost: map[string]uint64{event.LostRing: 3}}}))

	golden.Check(t, "testdata/frames.ndjson", out.Bytes())
	frames(t, out.Bytes())
	if e.Written() != 5 {
		t.Errorf("%d events were written", e.Written())
	}
}

func TestRoundTrip(t *testing.T) {
	for name, accepted := range encodings {
		t.Run(name, func(t *testing.T) { comesOut(t, accepted) })
	}
}

func comesOut(t *testing.T, accepted []string) {
	var out bytes.Buffer
	e := NewEncoder(&out, "session", accepted...)
	const events = 1000
	for n := range events {
		p := process(fmt.Sprint("process-", n))
		p.Arguments = strings.Repeat("x", n)
		parent := process("parent")
		must(t, e.Add(execOf(p.ExecID, parent.ExecID), p, parent))
	}
	must(t, e.Flush())
	n := 0
	for _, f := range frames(t, out.Bytes()) {
		for i := range f.Events {
			want := process(fmt.Sprint("process-", n))
			want.Arguments = strings.Repeat("x", n)
			got := f.Event(i, func(p *Process) *event.Process { return &p.Process })
			if !reflect.DeepEqual(got.Process(), &want.Process) || !reflect.DeepEqual(got.Parent(), &process("parent").Process) {
				t.Fatalf("event %d: %+v", n, got.Process())
			}
			if p := f.Processes[want.ExecID]; p.PodUID != "uid" || p.ContainerID != "0123" || p.NamespacePid != 1 {
				t.Fatalf("event %d: %+v", n, p)
			}
			n++
		}
	}
	if n != events {
		t.Errorf("%d events came out", n)
	}
}

func TestEventIsJoinedWithoutChangingTheFrame(t *testing.T) {
	f := &Frame{
		Processes: map[string]*Process{"a": process("a"), "b": process("b")},
		Events:    []Event{execOf("a", "b", "c", "b"), {Event: event.Event{Notice: &event.Notice{}}}, execOf("", "")},
	}
	complete := func(p *Process) *event.Process { return &event.Process{ExecID: "completed " + p.ExecID} }
	for range 2 { // a second time, nothing is left of the first
		got := f.Event(0, complete)
		ancestors := got.ProcessExec.Ancestors
		if got.Process().ExecID != "completed a" || got.Parent().ExecID != "completed b" || len(ancestors) != 2 ||
			ancestors[0].ExecID != "c" || ancestors[0].Flags != "unknown" || ancestors[1].ExecID != "completed b" {
			t.Fatalf("%+v", got.ProcessExec)
		}
	}
	if p := f.Events[0].ProcessExec; p.Process != nil || p.Parent != nil || p.Ancestors != nil {
		t.Error("the frame was changed")
	}
	want := f.Event(0, complete)
	if got := f.Take(0, complete); !reflect.DeepEqual(got, want) || got.ProcessExec != f.Events[0].ProcessExec {
		t.Errorf("taken: %+v, want %+v", got.ProcessExec, want.ProcessExec)
	}
	if got := f.Event(1, complete); got.Notice == nil {
		t.Error("an event without processes is lost")
	}
	if got := f.Event(2, complete); got.ProcessExec == nil || got.Process() != nil {
		t.Errorf("an event without names of processes: %+v", got)
	}
}

// The threads of a process share what the frame says of it.
func TestEventsAreOfThreads(t *testing.T) {
	var out bytes.Buffer
	e := NewEncoder(&out, "session")
	p := process("a")
	p.Tid = new(uint32(7))
	for _, tid := range []uint32{8, 0, 9} {
		acting := execOf("a", "a")
		acting.Tid = tid
		must(t, e.Add(acting, p))
	}
	must(t, e.Flush())
	f := frames(t, out.Bytes())[0]
	for i, want := range []uint32{8, 7, 9} {
		got := f.Event(i, func(p *Process) *event.Process { return &p.Process })
		if *got.Process().Tid != want || *got.Parent().Tid != 7 {
			t.Errorf("event %d: thread %d, parent's %d", i, *got.Process().Tid, *got.Parent().Tid)
		}
	}
}

// A process that a frame holds already is not put there again, and each frame holds what its events name.
func TestFrameHoldsEachProcessOnce(t *testing.T) {
	var out bytes.Buffer
	e := NewEncoder(&out, "session")
	for range 500 {
		must(t, e.Add(execOf("a", "b", "a"), process("a"), process("b"), nil, process("a")))
	}
	must(t, e.Flush())
	all := frames(t, out.Bytes())
	if len(all) < 2 {
		t.Fatalf("%d frames", len(all))
	}
	for i, line := range bytes.SplitAfter(out.Bytes(), []byte("\n"))[:len(all)] {
		if n := bytes.Count(line, []byte(`"a":{`)); n != 1 || len(all[i].Processes) != 2 {
			t.Errorf("frame %d: process a is there %d times, %d processes", i+1, n, len(all[i].Processes))
		}
	}
}

func TestAddRefusesWhatCantBeEncoded(t *testing.T) {
	var out bytes.Buffer
	e := NewEncoder(&out, "session")
	broken := execOf("a", "")
	broken.Time = &event.Timestamp{Time: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)}
	if err := e.Add(broken, process("a")); !errors.Is(err, ErrEvent) {
		t.Errorf("got %v", err)
	}
	odd := process("b")
	odd.StartTime = broken.Time
	must(t, e.Add(execOf("b", ""), odd))
	must(t, e.Flush())
	if all := frames(t, out.Bytes()); len(all) != 1 || all[0].Events[0].ProcessID != "b" || all[0].Processes["b"].StartTime != nil {
		t.Errorf("%s", out.Bytes())
	}
}

type refusing struct{ error }

func (w refusing) Write([]byte) (int, error) { return 0, w.error }

func TestErrorsOfTheWriterComeBack(t *testing.T) {
	full := errors.New("disk full")
	for what, use := range map[string]func(*Encoder) error{
		"hello":     func(e *Encoder) error { return e.Hello(event.Hello{}) },
		"heartbeat": func(e *Encoder) error { return e.Heartbeat(event.Totals{}) },
		"bye":       func(e *Encoder) error { return e.Bye(event.Bye{}) },
		"flush":     func(e *Encoder) error { return errors.Join(e.Add(execOf("a", "")), e.Flush()) },
		"add": func(e *Encoder) (err error) {
			for n := 0; n < MaxFrame && err == nil; n++ {
				err = e.Add(execOf("a", ""))
			}
			return err
		},
	} {
		if err := use(NewEncoder(refusing{full}, "s")); !errors.Is(err, full) || errors.Is(err, ErrEvent) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	e := NewEncoder(nowhere{}, "session")
	p, parent, ev := process("bm9kZS1uYW1lOjEyMzQ1Njc4OTAxMjM0OjEyMzQ1"), process("bm9kZS1uYW1lOjEyMzQ1Njc4OTAxMjM0OjEyMzQ2"), execOf("a", "b")
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Add(ev, p, parent); err != nil {
			b.Fatal(err)
		}
	}
}

type nowhere struct{}

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

// What is kept for totals of losses, which may begin while a frame is gathered, does not shorten an event that fills a frame.
func TestWholeFrameForAnEvent(t *testing.T) {
	for name, accepted := range encodings {
		t.Run(name, func(t *testing.T) {
			ev := kprobeOf("p", "")
			ev.ProcessKprobe.Args = []event.Argument{{BytesArg: []byte{}}}
			empty := len(mustJSON(ev.Event)) + len(mustJSON(process("p")))
			var out bytes.Buffer
			e := NewEncoder(&out, "s", accepted...)
			length := (e.room() + lostRoom/2 - empty) / 4 * 3 // base64
			ev.ProcessKprobe.Args[0].BytesArg = make([]byte, length)
			must(t, e.Add(ev, process("p")))
			must(t, e.Flush())
			all := frames(t, out.Bytes())
			if got := all[0].Events[0].ProcessKprobe.Args[0].BytesArg; len(all) != 1 || len(got) != length {
				t.Errorf("%d bytes in %d frames, want %d in one", len(got), len(all), length)
			}
		})
	}
}
