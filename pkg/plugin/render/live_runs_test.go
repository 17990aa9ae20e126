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
)

// probe runs a program that runs another.
func (s *story) probe(shell *actor) {
	a := s.child(shell, "/bin/a", "")
	s.run(a, "/bin/b", "", time.Millisecond, 0)
	s.end(a, 0, "")
}

const probed = "│ 🚀 /bin/a\n│ │ 🚀 /bin/b  ✔ 0 1.0ms\n│ ╰ /bin/a  ✔ 0 1.0ms\n"

// What runs again and again is shown three times and then counted; a run that differs in anything is shown.
func TestRunsAreCounted(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
		tell func(s *story, shell *actor)
		want string
	}{
		{"of the same", Options{}, func(s *story, shell *actor) { s.probe(shell) }, "│ 🚀 /bin/a +5×  ✔ 0 ≤1.0ms\n"},
		{"unfolded", Options{Every: true}, func(s *story, shell *actor) { s.probe(shell) }, strings.Repeat(probed, 5)},
		{"one that fails", Options{}, func(s *story, shell *actor) {
			a := s.child(shell, "/bin/a", "")
			s.run(a, "/bin/b", "", time.Millisecond, 1)
			s.end(a, 0, "")
		}, "│ 🚀 /bin/a\n│ │ 🚀 /bin/b  ✘ 1 1.0ms\n│ ╰ /bin/a  ✔ 0 1.0ms\n│ 🚀 /bin/a +4×  ✔ 0 ≤1.0ms\n"},
		{"one that is killed", Options{}, func(s *story, shell *actor) { s.end(s.child(shell, "/bin/a", ""), 0, "SIGKILL") },
			"│ 🚀 /bin/a  💥 SIGKILL 0.0ms\n│ 🚀 /bin/a +4×  ✔ 0 ≤1.0ms\n"},
		{"one that opens a file", Options{}, func(s *story, shell *actor) {
			a := s.child(shell, "/bin/a", "")
			s.opens(a, "/etc/shadow")
			s.end(a, 0, "")
		}, "│ 🚀 /bin/a\n│ │ 📬 open /etc/shadow\n│ ╰ /bin/a  ✔ 0 0.0ms\n│ 🚀 /bin/a +4×  ✔ 0 ≤1.0ms\n"},
		{"one whose fork opens a file", Options{}, func(s *story, shell *actor) {
			a := s.child(shell, "/bin/a", "")
			s.opens(s.forked(a), "/etc/shadow")
			s.end(a, 0, "")
		}, "│ 🚀 /bin/a\n│ │ ○ a (fork)\n│ │ │ 📬 open /etc/shadow\n│ ╰ /bin/a  ✔ 0 0.0ms\n│ 🚀 /bin/a +4×  ✔ 0 ≤1.0ms\n"},
		{"one that runs something else", Options{}, func(s *story, shell *actor) {
			a := s.child(shell, "/bin/a", "")
			s.run(a, "/bin/c", "", time.Millisecond, 0)
			s.end(a, 0, "")
		}, "│ 🚀 /bin/a\n│ │ 🚀 /bin/c  ✔ 0 1.0ms\n│ ╰ /bin/a  ✔ 0 1.0ms\n│ 🚀 /bin/a +4×  ✔ 0 ≤1.0ms\n"},
		{"one that runs nothing", Options{}, func(s *story, shell *actor) { s.end(s.child(shell, "/bin/a", ""), 0, "") },
			"│ 🚀 /bin/a  ✔ 0 0.0ms\n│ 🚀 /bin/a +4×  ✔ 0 ≤1.0ms\n"},
		{"one that is from memory", Options{}, func(s *story, shell *actor) {
			a := s.process("n", nil, shell, "/bin/a", "")
			s.start(a, func(e *event.Event) { e.Executable = "memfd:x" })
			s.run(a, "/bin/b", "", time.Millisecond, 0)
			s.end(a, 0, "")
		}, "│ 🚀 /bin/a  👻 memfd:x\n│ │ 🚀 /bin/b  ✔ 0 1.0ms\n│ ╰ /bin/a  ✔ 0 1.0ms\n│ 🚀 /bin/a +4×  ✔ 0 ≤1.0ms\n"},
		{"one that becomes another program", Options{}, func(s *story, shell *actor) { s.turns(s.child(shell, "/bin/a", ""), "/bin/x", "", 0) },
			"│ 🚀 /bin/a\n│ 🔁 /bin/x  (was a)  ✔ 0 1.0ms\n│ 🚀 /bin/a +4×  ✔ 0 ≤1.0ms\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.o.Out, c.o.OwnWords, c.o.FinalTree = unlimited, true, FinalTreeNever
				got := shown(t, c.o, func(s *story) {
					shell := s.start(s.process("n", nil, nil, "/bin/sh", "script"))
					for range 5 {
						s.probe(shell)
					}
					c.tell(s, shell)
					for range 2 {
						s.probe(shell)
					}
					s.end(shell, 0, "")
				})
				got = strings.TrimPrefix(got, "💻 n\n🚀 /bin/sh script\n"+strings.Repeat(probed, 3))
				if got, _, _ = strings.Cut(got, "╰ /bin/sh"); got != c.want {
					t.Errorf("got\n%swant\n%s", got, c.want)
				}
			})
		})
	}
}

// A run that goes on is shown after half a second, and a count after ten; the tree at the end counts all.
func TestRunsAreNotHeldForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		r, err := New(&out, Options{Out: unlimited, OwnWords: true})
		if err != nil {
			t.Fatal(err)
		}
		sink := feed(r)
		s := newStory(t, sink)
		shell := s.start(s.process("n", nil, nil, "/bin/sh", "script"))
		for range 4 {
			s.probe(shell)
		}
		sink.written(&out)
		a := s.child(shell, "/bin/a", "")
		time.Sleep(longestRun - 50*time.Millisecond)
		if got := sink.written(&out); got != "" {
			t.Errorf("not held back: %q", got)
		}
		time.Sleep(200 * time.Millisecond)
		if got, want := sink.written(&out), "│ 🚀 /bin/a"; got != want {
			t.Errorf("a run that goes on: got %q, want %q", got, want)
		}
		s.end(a, 0, "")
		time.Sleep(longestCount)
		if got, want := sink.written(&out), "  ✔ 0 0.0ms\n│ 🚀 /bin/a +1×  ✔ 0 1.0ms\n"; got != want {
			t.Errorf("after %v: got %q, want %q", longestCount, got, want)
		}
		for range 100 {
			s.probe(shell)
		}
		if err := sink.Close(); err != nil {
			t.Fatal(err)
		}
		end := sink.written(&out)
		for _, want := range []string{"│ 🚀 /bin/a +100×  ✔ 0 ≤1.0ms\n", "210 processes, 1 running\n", "├─ /bin/a ×104  ✔ 0 ≤1.0ms\n", "╰─ /bin/a  ✔ 0 0.0ms\n"} {
			if !strings.Contains(end, want) {
				t.Errorf("want %q in\n%s", want, end)
			}
		}
	})
}

// What is held back is bounded, and nothing of it gets lost.
func TestHeldRunsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		tree, s := newTestTree(t, &out, Options{Out: unlimited})
		shell := s.top()
		for range 4 {
			s.probe(shell)
		}
		for range 2 * mostRuns {
			s.child(shell, "/bin/a", "")
		}
		if got := len(tree.runs.held); got != mostRuns {
			t.Errorf("%d runs are held back, want %d", got, mostRuns)
		}
		a := s.child(shell, "/bin/a", "")
		for i := range 3 * mostRunItems {
			s.run(a, "/bin/b", fmt.Sprint(i), 0, 0)
		}
		if err := tree.Close(); err != nil {
			t.Fatal(err)
		}
		live, _, _ := strings.Cut(out.String(), "── process trees")
		if got, want := strings.Count(live, "🚀 /bin/a"), 3+1+2*mostRuns+1; got != want {
			t.Errorf("%d runs are shown, want %d", got, want)
		}
		if got, want := strings.Count(live, "🚀 /bin/b "), 3+3*mostRunItems; got != want {
			t.Errorf("%d programs are shown, want %d", got, want)
		}
		if len(tree.runs.held)+len(tree.runs.of)+len(tree.runs.counted) > 0 {
			t.Errorf("left: %+v", tree.runs)
		}
	})
}
