// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

func newTestStatus(c terminal.Capabilities) (*Status, *screenText) {
	out := &screenText{}
	out.screen = terminal.NewScreen(&out.Buffer, &out.Buffer, c.Terminal)
	return NewStatus(out.screen, c), out
}

// screenText is what a screen has written.
type screenText struct {
	bytes.Buffer
	screen *terminal.Screen
}

// String waits for what is still to be written.
func (w *screenText) String() string {
	_ = w.screen.Flush(context.Background())
	return w.Buffer.String()
}

func TestStatusOnTerminal(t *testing.T) {
	c := wideTerminal
	c.Columns = 70
	s, out := newTestStatus(c)
	step := func(want string) {
		t.Helper()
		if got := out.String(); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		if line := out.String()[strings.LastIndexAny(out.String(), "\n\rK")+1:]; terminal.Width(line) >= c.Columns {
			t.Errorf("%d cells would wrap: %q", terminal.Width(line), line)
		}
		out.Reset()
	}
	const wipe = "\r\x1b[K"
	s.Waiting("node-1", "its image")
	step("⏳ node-1: waiting for its image")
	s.Waiting("node-1", "its image")
	step("")
	s.Waiting("node-2", "its image")
	step(wipe + "⏳ node-1, node-2: waiting for its image")
	s.Waiting("node-3", "a schedule\x1b[2J")
	step(wipe + `⏳ node-1, node-2: waiting for its image · node-3: waiting for a sch…`)
	s.Ready("node-1")
	step(wipe + `⏳ 1 of 3 nodes ready · node-3: waiting for a schedule\x1b[2J · node…`)
	s.Failed("node-3", errors.New("image not found\n  check --tracer-image\x07"))
	const before = `⏳ 1 of 3 nodes ready · node-3: waiting for a schedule\x1b[2J · node…`
	step(wipe + "🛑 node-3: image not found\n     check --tracer-image\\a\n" + before + wipe + "⏳ 1 of 2 nodes ready · node-2: waiting for its image")
	s.Hooks(map[string]*event.Hello{"node-2": {Hooks: []event.Hook{{Name: "exec"}, {Name: "exit", Refused: "no BTF"}}}})
	step(wipe + "🛑 hook exit is not attached on node-2: no BTF\n⏳ 1 of 2 nodes ready · node-2: waiting for its image")
	s.Close()
	step(wipe)
}

func TestStatusOfHooks(t *testing.T) {
	s, out := newTestStatus(terminal.Capabilities{})
	s.Verbose = true
	const less = "only the calls that it sees"
	life := event.Hook{Name: "sched_process_exec", Backend: "tp_btf"}
	write := event.Hook{Policy: "p\x1b", Name: "sys_write", Backend: "fentry"}
	file := event.Hook{Policy: "files", Name: "security_file_permission", Backend: "sys_enter", Via: "tracepoint sys_enter", Notes: []string{less, "slow"}}
	gone := event.Hook{Policy: "files", Name: "vfs_gone", Refused: "function: no such function"}
	traced := file
	traced.Backend, traced.Via, traced.Notes = "fentry", "", nil
	other := file
	other.Name, other.Notes = "security_file_open", []string{"slow"}
	weak := &event.Hello{Hooks: []event.Hook{life, write, file, other, gone}}
	s.Hooks(map[string]*event.Hello{"a": weak, "b": weak, "c": {Hooks: []event.Hook{life, write, traced, gone}}, "d": {Hooks: []event.Hook{life}}})
	want := `a, b: 3 hooks attached: 1 by fentry, 2 by sys_enter
c: 2 hooks attached: 2 by fentry
warning: a, b: only the calls that it sees (security_file_permission)
warning: a, b: slow (security_file_open, security_file_permission)
error: hook vfs_gone of policy files is not attached on a, b, c: function: no such function
`
	if got := strings.ReplaceAll(out.String(), "notice: ", ""); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	out.Reset()
	write.Notes = []string{"new"}
	s.Hooks(map[string]*event.Hello{"e": {Hooks: []event.Hook{write, file, gone}}})
	want = "e: 2 hooks attached: 1 by fentry, 1 by sys_enter\nwarning: e: new (sys_write)\n" +
		"error: hook vfs_gone of policy files is not attached on e: function: no such function\n"
	if got := strings.ReplaceAll(out.String(), "notice: ", ""); got != want {
		t.Errorf("of a later node:\n%s\nwant\n%s", got, want)
	}
}

// Without -v, what a kernel can't show is one line for the nodes that are alike; what is refused is said in any case.
func TestStatusCountsNotes(t *testing.T) {
	s, out := newTestStatus(terminal.Capabilities{})
	write := event.Hook{Policy: "p", Name: "sys_write", Backend: "fentry"}
	file := event.Hook{Policy: "files", Name: "security_file_permission", Backend: "sys_enter", Notes: []string{"less", "slow"}}
	other := event.Hook{Policy: "files", Name: "security_file_open", Backend: "sys_enter", Notes: []string{"slow"}}
	gone := event.Hook{Policy: "files", Name: "vfs_gone", Refused: "no such function"}
	weak, implied := &event.Hello{Hooks: []event.Hook{write, file, other, gone}}, file
	s.Hooks(map[string]*event.Hello{"a": weak, "b": weak, "c": {Hooks: []event.Hook{write}}})
	first := "a, b: 3 hooks attached: 1 by fentry, 2 by sys_enter; 2 limits (-v=1)"
	third := "d" + strings.TrimPrefix(first, "a, b")
	implied.Backend, implied.Notes = "", []string{"new"}
	s.Hooks(map[string]*event.Hello{"d": weak})
	s.Hooks(map[string]*event.Hello{"e": {Hooks: []event.Hook{implied}}})
	second := "e: 1 limit on what hooks see here (-v=1 says which)"
	want := "warning: " + first + `
c: 1 hook attached: 1 by fentry
error: hook vfs_gone of policy files is not attached on a, b: no such function
warning: ` + third + `
error: hook vfs_gone of policy files is not attached on d: no such function
warning: ` + second + "\n"
	if got := strings.ReplaceAll(out.String(), "notice: ", ""); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := s.Limits(); !slices.Equal(got, []string{"a, b: 2 limits on what hooks see here (-v=1 says which)", "d: 2 limits on what hooks see here (-v=1 says which)", second}) {
		t.Errorf("got %q", got)
	}
}

func TestStatusElsewhere(t *testing.T) {
	s, out := newTestStatus(terminal.Capabilities{})
	s.Waiting("node-1", "its image")
	s.Waiting("node-1", "its image")
	s.Ready("node-1")
	s.Say(event.LevelWarning, "pod a/b is gone")
	s.Close()
	if got, want := out.String(), "... node-1: waiting for its image\nwarning: pod a/b is gone\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFailuresThatAreTheSame(t *testing.T) {
	s, out := newTestStatus(terminal.Capabilities{})
	s.Failed("a", errors.New("no such function\nmore of it"))
	s.Failed("b", errors.New("no such function\nmore of it"))
	s.Failed("c", errors.New("no image"))
	s.Failed("a", errors.New("no such function\nmore of it"))
	const full = "error: a: no such function\n       more of it\n"
	if got, want := out.String(), full+"error: b: not traced, for the same reason as a\nerror: c: no image\n"+full; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestNodeList(t *testing.T) {
	if got, want := nodeList([]string{"a", "b", "c", "d", "e"}), "a, b and 3 more nodes"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// manyNodes are 500, of which each 50th lost events, each 25th was not traced, and each 100th had its own trouble.
func manyNodes(cost event.Cost) session.Summary {
	s := session.Summary{Duration: time.Minute}
	for i := range 500 {
		n := session.NodeSummary{Node: fmt.Sprintf("node-%03d", i), Events: 10, Cost: cost, Ended: event.ByeStopped}
		switch {
		case i%100 == 7:
			n.Problem = fmt.Sprintf("reason %d", i)
		case i%50 == 3:
			n.Lost = map[string]uint64{event.LostRing: 2}
		case i%25 == 1:
			n.Events, n.Problem, n.Ended = 0, "ErrImagePull: no such image", ""
		}
		s.Nodes = append(s.Nodes, n)
	}
	return s
}

func TestSummary(t *testing.T) {
	cost := event.Cost{CPUNanoseconds: 123456789, PeakResidentBytes: 24 << 20, BPFNanoseconds: 4200000, BPFRuns: 30412}
	whole := session.Summary{Duration: 15300 * time.Millisecond, Nodes: []session.NodeSummary{
		{Node: "node-2", Events: 7, Cost: cost, Ended: event.ByeStopped},
		{Node: "node-10-ノード", Events: 1204, Filtered: 12, Lost: map[string]uint64{event.LostRing: 0}, Cost: cost, Ended: event.ByeStopped},
	}}
	if !whole.Complete() {
		t.Error("whole: not complete")
	}
	holes := session.Summary{Duration: time.Hour, Enforce: true, Nodes: []session.NodeSummary{
		{Node: "node-1", Events: 1, Lost: map[string]uint64{event.LostRing: 400, event.LostWire: 1, "new": 2}, Ended: event.ByeStopped,
			Partial:   event.Partial{RateLimited: 5, Throttled: 17, ReturnsLost: 1, FactsLost: 2},
			Throttled: map[string]uint64{"shop/web": 9, "shop/db\x1b": 8}},
		{Node: "node-2", Enforcements: []session.Enforcement{
			{Policy: "read only", Action: event.ActionSigkill, Count: 2}, {Policy: "a\x1b", Action: event.ActionSet, Count: 1},
			{Policy: "read only", Action: event.ActionOverride, Count: 1}, {Policy: "read only", Action: event.ActionOverride, Would: true, Count: 4},
		}},
		{Node: "node-3", Problem: "ErrImagePull: no such image", Ended: ""},
	}}
	if holes.Complete() {
		t.Error("holes: complete")
	}
	long := holes
	long.Duration = 10 * time.Second
	long.Nodes = slices.Clone(holes.Nodes)
	long.Nodes[0] = session.NodeSummary{
		Node: "gke-production-default-pool-0d1e2f3a-x7k2", Events: 1234567, Filtered: 12345678, Lost: map[string]uint64{event.LostRing: 4567},
		Cost: event.Cost{CPUNanoseconds: 12345678901, PeakResidentBytes: 1024 << 20, BPFNanoseconds: 1000000000}, Ended: event.ByeStopped,
		Enforcements: []session.Enforcement{{Policy: "p", Action: event.ActionSigkill, Count: 12345}},
	}
	long.Nodes[1].Node, long.Nodes[2].Node = "ip-10-0-12-34.eu-central-1.compute.internal", "ノード-ノード-ノード-ノード-1"
	for name, c := range map[string]struct {
		data session.Summary
		out  terminal.Capabilities
	}{
		"summary-unknown":  {session.Summary{Enforce: true, Nodes: []session.NodeSummary{{Node: "node-1", Ended: event.ByeStopped, Lost: map[string]uint64{event.LostRing: 1}}}}, pipe},
		"summary-harmless": {session.Summary{Enforce: true, Nodes: []session.NodeSummary{{Node: "node-1", Ended: event.ByeStopped}}}, pipe},
		"summary-many":     {manyNodes(cost), wideTerminal},
		"summary":          {whole, wideTerminal}, "summary-incomplete": {holes, colored}, "summary-ascii": {holes, asciiOnly}, "summary-long": {long, narrow}, "summary-nothing": {session.Summary{}, pipe},
	} {
		var out bytes.Buffer
		if err := Summary(&out, c.data, []string{"node-1: 2 notes\x1b"}, c.out); err != nil {
			t.Fatal(err)
		}
		table, _, _ := strings.Cut(out.String(), "ENFORCED ")
		for line := range strings.SplitSeq(table, "\n") {
			if name == "summary-long" && terminal.Width(line) > 80 {
				t.Errorf("%d columns: %s", terminal.Width(line), line)
			}
		}
		golden.Check(t, "testdata/"+name+".golden", out.String())
	}
}
