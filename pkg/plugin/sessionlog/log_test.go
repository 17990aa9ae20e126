// SPDX-License-Identifier: Apache-2.0

package sessionlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

var moment = &event.Timestamp{Time: time.Date(2026, 5, 1, 10, 0, 0, 340e6, time.UTC)}

// own are the events that have records, with the records without time and node.
var own = map[string]event.Event{
	`"hello","body":{"protocol":1,"build":"v1","session":"s","kernel":"6.18","arch":"amd64","boot_id":"b","tiers":["tracepoint"],"cgroups":"unified","hooks":[{"name":"x","refused":"no such"}]}`: {Hello: &event.Hello{
		Protocol: 1, Build: "v1", Session: "s", Kernel: "6.18", Arch: "amd64", BootID: "b", Tiers: []string{"tracepoint"}, Cgroups: "unified", Hooks: []event.Hook{{Name: "x", Refused: "no such"}}}},
	`"loss","body":{"cause":"ring","count":1,"total":3}`: {Loss: &event.Loss{Cause: event.LostRing, Count: 1, Total: 3}},
	`"throttle","body":{"type":"THROTTLE_STOP","cgroup":"pod1","pod":{"namespace":"shop","name":"web"},"count":3,"total":5}`: {
		ProcessThrottle: &event.ProcessThrottle{Type: event.ThrottleStop, Cgroup: "pod1"},
		Throttled:       &event.Throttled{Pod: &event.Pod{Namespace: "shop", Name: "web"}, Count: 3, Total: 5}},
	`"notice","body":{"level":"warning","subject":"<pod>","text":"a\u001b[2J\u202eb"}`: {Notice: &event.Notice{Level: event.LevelWarning, Subject: "<pod>", Text: "a\x1b[2J\u202eb"}},
	`"bye","body":{"reason":"stopped","totals":{"seen":{"exec":2},"events":2,"cost":{"cpu_ns":"5","resident_bytes":"0","peak_resident_bytes":"0","bpf_ns":"0","bpf_runs":"0"}}}`: {Bye: &event.Bye{
		Reason: event.ByeStopped, Totals: event.Totals{Seen: map[string]uint64{"exec": 2}, Events: 2, Cost: event.Cost{CPUNanoseconds: 5}}}},
	`"unknown"`: {},
}

func take(t *testing.T, l *Log, e event.Event) {
	t.Helper()
	if err := l.Take(&pipeline.Item{Event: &e}); err != nil {
		t.Fatal(err)
	}
}

func TestRecords(t *testing.T) {
	for want, e := range own {
		e.NodeName, e.Time = "n1", moment
		kind, body, _ := strings.Cut(want, ",")
		want = `{"type":` + kind + `,"time":"2026-05-01T10:00:00.340Z","node":"n1"`
		if body != "" {
			want += "," + body
		}
		var out bytes.Buffer
		l, err := Open(Stdout, &out)
		if err != nil {
			t.Fatal(err)
		}
		take(t, l, e)
		if got := out.String(); got != want+"}\n" {
			t.Errorf("got  %swant %s}", got, want)
		}
		back, is, err := ReadEvent(out.Bytes())
		if !is || err != nil || !reflect.DeepEqual(back, e) {
			t.Errorf("read back: %v, %v, %+v", is, err, back)
		}
	}
}

func TestWhatIsOfTetragonIsLeftAlone(t *testing.T) {
	var out bytes.Buffer
	l, _ := Open(Stdout, &out)
	exec := event.Event{ProcessExec: &event.ProcessExec{Process: &event.Process{Binary: "/bin/sh"}}, NodeName: "n1"}
	take(t, l, exec)
	if out.Len() > 0 {
		t.Errorf("got %s", &out)
	}
	line, err := json.Marshal(exec)
	if err != nil {
		t.Fatal(err)
	}
	if e, is, err := ReadEvent(line); is || err != nil || !reflect.DeepEqual(e, exec) {
		t.Errorf("%v, %v, %+v", is, err, e)
	}
}

func TestSummaryIsTheLastRecord(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, []byte("of another session\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Open(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	take(t, l, event.Event{Notice: &event.Notice{Level: event.LevelInfo, Text: "x"}})
	s := Summary{Reason: "interrupted", DurationSeconds: 1.5, Nodes: []NodeSummary{{Node: "n1", Shown: 2, Filtered: 1, Lost: map[string]uint64{"ring": 3}, Ended: "stopped",
		Enforced: []Enforced{{Policy: "p", Action: event.ActionSigkill, Would: true, Count: 4}}}}}
	if err := errors.Join(l.Finish(s), l.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	const want = `"body":{"reason":"interrupted","duration_seconds":1.5,"complete":false,"nodes":[{"node":"n1","shown":2,"filtered":1,"lost":{"ring":3},` +
		`"enforced":[{"policy":"p","action":"KPROBE_ACTION_SIGKILL","would":true,"count":4}],"ended":"stopped",` +
		`"cost":{"cpu_ns":"0","resident_bytes":"0","peak_resident_bytes":"0","bpf_ns":"0","bpf_runs":"0"}}]}}`
	if len(lines) != 3 || !strings.HasPrefix(lines[0], `{"type":"notice","time":"`) || !strings.HasPrefix(lines[1], `{"type":"summary","time":"`) || !strings.HasSuffix(lines[1], want) {
		t.Errorf("got %s", text)
	}
	if e, is, err := ReadEvent([]byte(lines[1])); !is || err != nil || e.Kind() != event.KindUnknown {
		t.Errorf("%v, %v, %+v", is, err, e)
	}
}

// pieces counts what is written at once.
type pieces struct {
	mu    sync.Mutex
	lines map[string]int
}

func (p *pieces) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines[string(text)]++
	return len(text), nil
}

func TestEachRecordIsOneWrite(t *testing.T) {
	p := &pieces{lines: map[string]int{}}
	l, _ := Open(Stdout, p)
	var work sync.WaitGroup
	for _, node := range []string{"n1", "n2"} {
		work.Go(func() {
			for range 100 {
				take(t, l, event.Event{Notice: &event.Notice{Text: strings.Repeat(node, 5000)}, NodeName: node, Time: moment})
			}
		})
	}
	work.Wait()
	for line, count := range p.lines {
		if count != 100 || !json.Valid([]byte(line)) || !strings.HasSuffix(line, "}\n") {
			t.Errorf("%d times %.80s…", count, line)
		}
	}
	if len(p.lines) != 2 {
		t.Errorf("%d lines", len(p.lines))
	}
}

// full fails from the second write on.
type full struct{ written int }

var errFull = errors.New("no space left")

func (f *full) Write(text []byte) (int, error) {
	if f.written++; f.written > 1 {
		return 0, errFull
	}
	return len(text), nil
}

func TestErrorsAreReturnedAgain(t *testing.T) {
	f := &full{}
	l, _ := Open(Stdout, f)
	notice := &pipeline.Item{Event: &event.Event{Notice: &event.Notice{}}}
	exec := &pipeline.Item{Event: &event.Event{ProcessExec: &event.ProcessExec{}}}
	if err := l.Take(notice); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{l.Take(notice), l.Take(notice), l.Take(exec), l.Finish(Summary{}), l.Close()} {
		if !errors.Is(err, errFull) || !strings.Contains(err.Error(), "session log standard output") {
			t.Errorf("got %v", err)
		}
	}
	if f.written != 2 {
		t.Errorf("%d writes", f.written)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none", "log"), nil); err == nil || !strings.Contains(err.Error(), "session log") {
		t.Errorf("got %v", err)
	}
}

func TestBrokenRecords(t *testing.T) {
	for _, line := range []string{"", "x", `{"type":"bye"}`, `{"type":"hello","body":[]}`, `{"process_exec":[]}`} {
		if e, _, err := ReadEvent([]byte(line)); err == nil {
			t.Errorf("%s: read as %+v", line, e)
		}
	}
}
