// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

func newTestTree(t *testing.T, out *bytes.Buffer, o Options) (*tree, *story) {
	t.Helper()
	r, err := New(out, o)
	if err != nil {
		t.Fatal(err)
	}
	return r.(*repeats).next.(*tree), newStory(t, r)
}

// On a terminal an exec shows at once, on a line that its exit joins.
func TestExecShowsAtOnce(t *testing.T) {
	var out bytes.Buffer
	_, s := newTestTree(t, &out, Options{Out: wideTerminal})
	a := s.start(s.process("n", nil, nil, "/bin/sleep", "5"))
	const line = "💻 n\n🚀 /bin/sleep 5"
	if got := out.String(); got != line {
		t.Fatalf("after exec: got %q, want %q", got, line)
	}
	s.wait(5 * time.Second)
	s.end(a, 0, "")
	if got := out.String(); !strings.HasPrefix(got, line+"   ") || !strings.HasSuffix(got, "✔ 0           5.0s\n") || strings.Count(got, "\n") != 2 {
		t.Errorf("after exit: got %q", got)
	}
}

// What somebody else wrote on the screen ends the open line: the exit then has one of its own.
func TestMessageEndsOpenLine(t *testing.T) {
	var screen bytes.Buffer
	shared := terminal.NewScreen(&screen, &screen, true)
	r, err := New(shared.Out(), Options{Out: wideTerminal, FinalTree: FinalTreeNever})
	if err != nil {
		t.Fatal(err)
	}
	s := newStory(t, r)
	a := s.start(s.process("n", nil, nil, "/bin/sleep", "5"))
	fmt.Fprintln(shared.Err(), "a warning")
	s.end(a, 1, "")
	s.start(s.process("n", nil, nil, "/bin/ls", ""))
	fmt.Fprintln(shared.Err(), "another")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := shared.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := "💻 n\n🚀 /bin/sleep 5\na warning\n╰ /bin/sleep 5" + strings.Repeat(" ", 68) + "✘ 1          0.0ms\n🚀 /bin/ls\nanother\n"
	if got := screen.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// Into a pipe only whole lines are written: an exec waits a moment for its exit, not longer.
func TestExecIntoPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		r, err := New(&out, Options{Out: pipe, FinalTree: FinalTreeNever})
		if err != nil {
			t.Fatal(err)
		}
		sink := feed(r)
		s := newStory(t, sink)
		s.run(s.top(), "/bin/true", "", 2*time.Millisecond, 0)
		const joined = "🚀 /bin/true  ✔ 0 2.0ms\n"
		if got := sink.written(&out); !strings.HasSuffix(got, joined) {
			t.Errorf("short: got %q, want %q at the end", got, joined)
		}
		a := s.start(s.process("n", nil, nil, "/bin/sleep", "5"))
		if got := sink.written(&out); strings.Contains(got, "sleep") {
			t.Errorf("not held back: %q", got)
		}
		time.Sleep(2 * holdTime)
		if got, want := sink.written(&out), "🚀 /bin/sleep 5\n"; got != want {
			t.Errorf("after %v: got %q, want %q", holdTime, got, want)
		}
		s.end(a, 0, "SIGKILL")
		if got, want := sink.written(&out), "╰ /bin/sleep 5  💥 SIGKILL 0.0ms\n"; got != want {
			t.Errorf("exit: got %q, want %q", got, want)
		}
		s.start(s.process("n", nil, nil, "/bin/ls", ""))
		if err := sink.Close(); err != nil {
			t.Fatal(err)
		}
		if got, want := sink.written(&out), "🚀 /bin/ls\n"; got != want {
			t.Errorf("close: got %q, want %q", got, want)
		}
	})
}

// A tree of any length stays within its bound, and says what it no longer remembers.
func TestTreeIsBounded(t *testing.T) {
	const limit = 500
	for _, c := range []struct {
		name string
		tell func(s *story, i int)
	}{
		{"different children that end", func(s *story, i int) {
			s.run(s.top(), "/bin/echo", fmt.Sprint(i), time.Millisecond, uint32(i%3))
		}},
		{"subtrees", func(s *story, i int) {
			a := s.child(s.top(), "/bin/sh", fmt.Sprint(i))
			s.run(a, "/bin/true", "", time.Millisecond, 0)
			s.end(a, 0, "")
		}},
		{"equal subtrees", func(s *story, _ int) {
			a := s.child(s.top(), "/bin/sh", "")
			s.run(a, "/bin/true", "", time.Millisecond, 0)
			s.end(a, 0, "")
		}},
		{"exits that are lost", func(s *story, i int) { s.child(s.top(), "/bin/echo", fmt.Sprint(i)) }},
		{"a chain", func(s *story, i int) { s.last = s.child(s.top(), "/bin/sh", fmt.Sprint(i)) }},
		{"pods", func(s *story, i int) {
			a := s.start(s.process("n", pod("ns", fmt.Sprint("job-", i), "main"), s.process("n", nil, nil, "/shim", ""), "/bin/job", ""))
			s.end(a, 0, "")
		}},
		{"programs of one process", func(s *story, i int) { s.last = s.replace(s.top(), "/bin/sh", fmt.Sprint(i)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			tree, s := newTestTree(t, &out, Options{Out: unlimited})
			tree.forest.limit = limit
			for i := range 5 * limit {
				c.tell(s, i)
				f := tree.forest
				if f.size > limit || len(f.drawn) > limit || len(f.finished) > 3*limit || len(f.trees) > limit {
					t.Fatalf("after %d: size %d, %d drawn, %d finished, %d containers", i, f.size, len(f.drawn), len(f.finished), len(f.trees))
				}
				out.Reset()
			}
			if err := tree.Close(); err != nil {
				t.Fatal(err)
			}
			remembered := c.name == "programs of one process" || c.name == "equal subtrees"
			if got := out.String(); remembered == strings.Contains(got, "no longer remembered") {
				t.Errorf("does not say what is missing, or that anything is:\n%.2000s", got)
			}
		})
	}
}

// top is the process that the others of a story hang on.
func (s *story) top() *actor {
	if s.last == nil {
		s.last = s.start(s.process("n", nil, nil, "/bin/top", ""))
	}
	return s.last
}

// No process is counted twice or not at all when it is dropped.
func TestDroppedAreCounted(t *testing.T) {
	var out bytes.Buffer
	tree, s := newTestTree(t, &out, Options{Out: unlimited})
	tree.forest.limit = 100
	const rounds = 700
	for i := range rounds {
		a := s.child(s.top(), "/bin/sh", fmt.Sprint(i))
		s.run(a, "/bin/false", "", time.Millisecond, 1)
		s.end(a, 0, "")
	}
	var kept processCount
	var count func(*treeProcess)
	count = func(n *treeProcess) {
		kept.add(n.gone)
		for _, c := range n.children {
			kept.processes += c.repeats
			if c.outcome.failed() {
				kept.failed += c.repeats
			}
			count(c)
		}
	}
	count(tree.forest.trees[0].top)
	if want := (processCount{2*rounds + 1, rounds}); kept != want {
		t.Errorf("got %+v, want %+v", kept, want)
	}
}

// What has running descendants stays, also when they began after its end.
func TestRunningIsRemembered(t *testing.T) {
	var out bytes.Buffer
	tree, s := newTestTree(t, &out, Options{Out: unlimited})
	tree.forest.limit = 100
	a := s.child(s.top(), "/bin/daemonize", "")
	s.end(a, 0, "")
	s.child(a, "/bin/daemon", "")
	for i := range 500 {
		s.run(s.top(), "/bin/echo", fmt.Sprint(i), time.Millisecond, 0)
	}
	out.Reset()
	if err := tree.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "├─ /bin/daemonize  ✔ 0 0.0ms\n│  ╰─ /bin/daemon  ● running\n"; !strings.Contains(got, want) {
		t.Errorf("want %q in:\n%.1000s", want, got)
	}
}

// Equal children are counted, and every process is in exactly one line of the final tree.
func TestEqualChildrenAreCounted(t *testing.T) {
	var out bytes.Buffer
	tree, s := newTestTree(t, &out, Options{Out: unlimited})
	top := s.top()
	for i := range 300 {
		s.run(top, "/bin/sleep", "1", time.Duration(i)*time.Millisecond, 0)
		s.run(top, "/bin/false", "", time.Millisecond, 1)
	}
	s.run(top, "/bin/sleep", "1", time.Millisecond, 9)
	out.Reset()
	if err := tree.Close(); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	for _, want := range []string{
		"602 processes, 301 failed, 1 running\n",
		"├─ /bin/sleep 1 ×300  ✔ 0 ≤299ms\n", "├─ /bin/false ×300  ✘ 1 ≤1.0ms\n", "╰─ /bin/sleep 1  ✘ 9 1.0ms\n",
	} {
		if strings.Count(got, want) != 1 {
			t.Errorf("want once %q in:\n%s", want, got)
		}
	}
}

// Two commands that are only alike in what fits the memory of a tree are two.
func TestLongCommandsAreNotMistaken(t *testing.T) {
	var out bytes.Buffer
	tree, s := newTestTree(t, &out, Options{Out: unlimited})
	for i := range 6 {
		s.run(s.top(), "/bin/sh", strings.Repeat("x", 2*maxText)+fmt.Sprint(i), time.Millisecond, 0)
	}
	out.Reset()
	if err := tree.Close(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Contains(got, "×") || strings.Count(got, "─ /bin/sh") != 6 {
		t.Errorf("got:\n%s", got)
	}
}

func TestTreeOddities(t *testing.T) {
	for _, c := range []struct {
		name string
		tell func(*story)
		want []string
	}{
		{"an exec that was told twice", func(s *story) {
			a := s.start(s.process("n", nil, nil, "/bin/a", ""))
			s.start(a)
			s.end(a, 0, "")
		}, []string{"1 process\n"}},
		{"a pid that was given out again", func(s *story) {
			a := s.child(s.top(), "/bin/a", "")
			b := s.process("n", nil, s.top(), "/bin/b", "")
			*b.Pid = *a.Pid
			s.start(b)
		}, []string{"/bin/a  ? no exit\n", "/bin/b  ● running\n"}},
		{"a program of which only the exit is told", func(s *story) {
			a := s.child(s.top(), "/bin/a", "")
			p := *a.Process
			p.ExecID, p.Binary, p.Flags = "other", "/bin/b", "execve"
			s.end(&actor{&p, a.parent, "n"}, 3, "")
		}, []string{"a 🔁 /bin/b  ✘ 3"}},
		{"a subshell that runs a program and then becomes one", func(s *story) {
			shell := s.child(s.top(), "/bin/sh", "-c script")
			fork := s.process("n", nil, shell, "/bin/sh", "-c script")
			fork.Flags = "rootcwd clone"
			s.run(fork, "/bin/sleep", "1", time.Second, 0)
			next := s.process("n", nil, shell, "/bin/ls", "")
			*next.Pid = *fork.Pid
			s.end(s.start(next), 2, "")
			other := s.process("n", nil, shell, "/bin/sh", "-c script")
			other.Flags = "clone"
			s.end(other, 3, "")
		}, []string{"│ │ 🚀 /bin/sleep 1  ✔ 0 1.0s\n", "├─ sh 🔁 /bin/ls  ✘ 2", "│  ╰─ /bin/sleep 1  ✔ 0", "╰─ sh (fork)  ✘ 3"}},
		{"a child that begins after its parent's end", func(s *story) {
			a := s.child(s.top(), "/bin/a", "")
			s.end(a, 0, "")
			s.run(a, "/bin/late", "", time.Millisecond, 0)
			s.end(s.top(), 0, "")
		}, []string{"╰─ /bin/a  ✔ 0 0.0ms\n   ╰─ /bin/late  ✔ 0 1.0ms\n", "3 processes\n"}},
		{"no record of the process", func(s *story) {
			s.show(&event.Event{NodeName: "n", ProcessExec: &event.ProcessExec{Process: &event.Process{ExecID: "x", Flags: "unknown"}}})
			s.show(&event.Event{NodeName: "n", ProcessExit: &event.ProcessExit{Process: &event.Process{}, Status: 7}})
			s.show(&event.Event{NodeName: "n", ProcessExit: &event.ProcessExit{}})
		}, []string{"(unknown)  ● running\n", "(unknown)  ✘ 7\n"}},
		{"parents from before, of the container and of the runtime", func(s *story) {
			p := pod("ns", "pod", "c")
			shim := s.process("n", nil, nil, "/usr/bin/conmon", "-c abc")
			shell := s.process("n", p, s.process("n", p, shim, "/init", "arg"), "/bin/bash", "")
			s.child(shell, "/bin/ls", "")
		}, []string{"○ conmon\n│ ○ /init arg\n│ │ ○ /bin/bash\n│ │ │ 🚀 /bin/ls\n", "3 processes, 3 running"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := shown(t, Options{Out: unlimited}, c.tell)
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("want %q in:\n%s", want, got)
				}
			}
		})
	}
}

// However deep and long, lines keep to the terminal's width.
func TestTreeKeepsToTheWidth(t *testing.T) {
	for _, columns := range []int{40, 60, 80, 100, 200} {
		c := wideTerminal
		c.Columns = columns
		got := shown(t, Options{Out: c}, func(s *story) {
			a := s.top()
			for i := range 100 {
				a = s.child(a, "/usr/bin/日本語", strings.Repeat("長い", i))
				s.run(a, "/bin/x", strings.Repeat("y", i), time.Hour, 1)
			}
			for ; a.parent != nil; a = a.parent {
				s.end(a, 0, "SIGVTALRM")
			}
		})
		for line := range strings.SplitSeq(got, "\n") {
			if w := terminal.Width(line); w > columns {
				t.Errorf("%d columns: %d cells: %s", columns, w, line)
				break
			}
		}
	}
}
