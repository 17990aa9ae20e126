// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// turns has a process run another program a moment later, to its end.
func (s *story) turns(a *actor, binary, arguments string, code uint32) {
	s.wait(time.Millisecond)
	s.end(s.replace(a, binary, arguments), code, "")
}

// forked is a process that was forked and has executed nothing.
func (s *story) forked(parent *actor) *actor {
	fork := s.process(parent.node, parent.Pod, parent, parent.Binary, parent.Arguments)
	fork.Flags = "rootcwd clone"
	return fork
}

// opens has a process open a file.
func (s *story) opens(a *actor, file string) {
	parent, ancestors := a.relatives()
	e := kprobe("security_file_open", event.Argument{FileArg: &event.FileArg{Path: file}})
	e.NodeName, e.Time = a.node, s.time()
	e.ProcessKprobe.Process, e.ProcessKprobe.Parent, e.ProcessKprobe.Ancestors = a.Process, parent, ancestors
	s.show(e)
}

// tries has a process try to execute a file that is not there.
func (s *story) tries(a *actor, file string) {
	parent, ancestors := a.relatives()
	e := execFails(-2, asString(file))
	e.NodeName, e.Time = a.node, s.time()
	e.ProcessKprobe.Process, e.ProcessKprobe.Parent, e.ProcessKprobe.Ancestors = a.Process, parent, ancestors
	s.show(e)
}

// searches has a process try two files in vain.
func (s *story) searches(a *actor) {
	for _, folder := range []string{"/usr/local/bin", "/usr/bin"} {
		s.tries(a, folder+"/bash")
	}
}

// What is folded and what is not, in the lines as they come and in the tree at the end.
func TestFolding(t *testing.T) {
	for _, c := range []struct {
		name               string
		tell               func(s *story, shell *actor)
		live, final, every []string
	}{
		{"a subshell that runs programs", func(s *story, shell *actor) {
			fork := s.forked(shell)
			s.run(fork, "/bin/a", "", time.Millisecond, 0)
			s.run(fork, "/bin/b", "", time.Millisecond, 1)
			s.end(fork, 0, "")
		},
			[]string{"│ 🚀 /bin/a  ✔ 0 1.0ms", "│ 🚀 /bin/b  ✘ 1 1.0ms"},
			[]string{"4 processes, 1 failed, 1 running, 1 folded", "├─ /bin/a  ✔ 0 1.0ms", "╰─ /bin/b  ✘ 1 1.0ms"},
			[]string{"│ ○ sh (fork)", "│ │ 🚀 /bin/a  ✔ 0 1.0ms", "│ │ 🚀 /bin/b  ✘ 1 1.0ms", "│ ╰ sh (fork)  ✔ 0 2.0ms",
				"4 processes, 1 failed, 1 running", "╰─ sh (fork)  ✔ 0 2.0ms", "   ├─ /bin/a  ✔ 0 1.0ms", "   ╰─ /bin/b  ✘ 1 1.0ms"}},
		{"a subshell in a subshell", func(s *story, shell *actor) {
			outer := s.forked(shell)
			inner := s.forked(outer)
			s.run(inner, "/bin/a", "", time.Millisecond, 0)
			s.end(inner, 0, "")
			s.end(outer, 0, "")
		},
			[]string{"│ 🚀 /bin/a  ✔ 0 1.0ms"},
			[]string{"4 processes, 1 running, 2 folded", "╰─ /bin/a  ✔ 0 1.0ms"}, nil},
		{"a subshell that fails", func(s *story, shell *actor) { s.end(s.forked(shell), 3, "") },
			[]string{"│ · sh (fork)  ✘ 3 0.0ms"}, []string{"2 processes, 1 failed, 1 running", "╰─ sh (fork)  ✘ 3 0.0ms"}, nil},
		{"a subshell that is killed when its program has ended", func(s *story, shell *actor) {
			fork := s.forked(shell)
			s.run(fork, "/bin/a", "", time.Millisecond, 0)
			s.end(fork, 0, "SIGKILL")
		},
			[]string{"│ 🚀 /bin/a  ✔ 0 1.0ms", "│ · sh (fork)  💥 SIGKILL 1.0ms"},
			[]string{"3 processes, 1 killed, 1 running", "╰─ sh (fork)  💥 SIGKILL 1.0ms", "   ╰─ /bin/a  ✔ 0 1.0ms"}, nil},
		{"a subshell that does something itself", func(s *story, shell *actor) {
			fork := s.forked(shell)
			s.opens(fork, "/etc/shadow")
			s.run(fork, "/bin/a", "", time.Millisecond, 0)
			s.end(fork, 0, "")
		},
			[]string{"│ ○ sh (fork)", "│ │ 📬 open /etc/shadow", "│ │ 🚀 /bin/a  ✔ 0 1.0ms", "│ ╰ sh (fork)  ✔ 0 1.0ms"},
			[]string{"3 processes, 1 running", "╰─ sh (fork)  ✔ 0 1.0ms", "   ╰─ /bin/a  ✔ 0 1.0ms"}, nil},
		{"a subshell that outlives its shell", func(s *story, shell *actor) {
			fork := s.forked(shell)
			s.run(fork, "/bin/a", "", time.Millisecond, 0)
			s.end(shell, 0, "")
			s.run(fork, "/bin/b", "", time.Millisecond, 0)
		},
			[]string{"│ 🚀 /bin/a  ✔ 0 1.0ms", "╰ /bin/sh script  ✔ 0 1.0ms", "  ○ sh (fork)", "  │ 🚀 /bin/b  ✔ 0 1.0ms"},
			[]string{"4 processes, 1 running", "╰─ sh (fork)  ● running", "   ├─ /bin/a  ✔ 0 1.0ms", "   ╰─ /bin/b  ✔ 0 1.0ms"}, nil},
		{"a subshell that becomes another program", func(s *story, shell *actor) {
			fork := s.forked(shell)
			s.run(fork, "/bin/a", "", time.Millisecond, 0)
			s.turns(fork, "/bin/b", "x", 0)
		},
			[]string{"│ 🚀 /bin/a  ✔ 0 1.0ms", "│ 🔁 /bin/b x  (was sh)  ✔ 0 2.0ms"},
			[]string{"3 processes, 1 running", "╰─ sh 🔁 /bin/b x  ✔ 0 2.0ms", "   ╰─ /bin/a  ✔ 0 1.0ms"}, nil},
		{"env that finds its program at once", func(s *story, shell *actor) {
			env := s.child(shell, "/usr/bin/env", "bash -c x")
			s.turns(env, "/usr/bin/bash", "-c x", 0)
		},
			[]string{"│ 🚀 /usr/bin/env bash -c x  🔁 /usr/bin/bash  ✔ 0 1.0ms"},
			[]string{"2 processes, 1 running", "╰─ /usr/bin/bash -c x  ✔ 0 1.0ms"},
			[]string{"│ 🚀 /usr/bin/env bash -c x", "│ 🔁 /usr/bin/bash -c x  (was env)  ✔ 0 1.0ms", "2 processes, 1 running", "╰─ env 🔁 /usr/bin/bash -c x  ✔ 0 1.0ms"}},
		{"a script whose first line names env, which searches", func(s *story, shell *actor) {
			env := s.child(shell, "/x.sh", "bash ./x.sh")
			s.searches(env)
			s.turns(env, "/bin/bash", "./x.sh", 2)
		},
			[]string{"│ 🚀 /x.sh bash ./x.sh  🔁 /bin/bash (2× ENOENT before)  ✘ 2 1.0ms"},
			[]string{"2 processes, 1 failed, 1 running", "╰─ /bin/bash ./x.sh  ✘ 2 1.0ms"}, nil},
		{"env that searches in vain", func(s *story, shell *actor) {
			env := s.child(shell, "/usr/bin/env", "bash")
			s.searches(env)
			s.end(env, 127, "")
		},
			[]string{"│ 🚀 /usr/bin/env bash", "│ │ 🚫 exec-failed bash 2× ENOENT", "│ ╰ /usr/bin/env bash  ✘ 127 0.0ms"},
			[]string{"2 processes, 1 failed, 1 running", "╰─ /usr/bin/env bash  ✘ 127 0.0ms"}, nil},
		{"a search for one program before another", func(s *story, shell *actor) {
			a := s.child(shell, "/usr/bin/env", "zsh")
			s.searches(a)
			s.turns(a, "/bin/zsh", "", 0)
		},
			[]string{"│ 🚀 /usr/bin/env zsh", "│ │ 🚫 exec-failed bash 2× ENOENT", "│ 🔁 /bin/zsh  (was env)  ✔ 0 1.0ms"},
			[]string{"2 processes, 1 running", "╰─ /bin/zsh  ✔ 0 1.0ms"}, nil},
		{"a program that runs its arguments but is not env", func(s *story, shell *actor) {
			nice := s.child(shell, "/usr/bin/nice", "/bin/ls -l")
			s.turns(nice, "/bin/ls", "-l", 0)
		},
			[]string{"│ 🚀 /usr/bin/nice /bin/ls -l  🔁 /bin/ls  ✔ 0 1.0ms"},
			[]string{"2 processes, 1 running", "╰─ nice 🔁 /bin/ls -l  ✔ 0 1.0ms"}, nil},
		{"a program that becomes another", func(s *story, shell *actor) {
			a := s.child(shell, "/bin/a", "xbash -c x")
			s.turns(a, "/bin/bash", "-c x", 0)
		},
			[]string{"│ 🚀 /bin/a xbash -c x", "│ 🔁 /bin/bash -c x  (was a)  ✔ 0 1.0ms"},
			[]string{"2 processes, 1 running", "╰─ a 🔁 /bin/bash -c x  ✔ 0 1.0ms"}, nil},
		{"two subtrees and two programs that look the same", func(s *story, shell *actor) {
			for range 2 {
				a := s.child(shell, "/bin/a", "")
				s.run(a, "/bin/b", "", time.Millisecond, 0)
				s.end(a, 0, "")
				s.run(shell, "/bin/c", "", time.Millisecond, 0)
			}
		}, nil,
			[]string{"7 processes, 1 running", "├─ /bin/a ×2  ✔ 0 ≤1.0ms", "│  ╰─ /bin/b  ✔ 0 1.0ms", "├─ /bin/c  ✔ 0 1.0ms", "╰─ /bin/c  ✔ 0 1.0ms"}, nil},
		{"subshells that look the same", func(s *story, shell *actor) {
			for range 6 {
				fork := s.forked(shell)
				s.run(fork, "/bin/a", "", time.Millisecond, 0)
				s.run(fork, "/bin/b", "", time.Millisecond, 1)
				s.end(fork, 0, "")
			}
		}, nil,
			[]string{"19 processes, 6 failed, 1 running, 6 folded", "├─ /bin/a ×6  ✔ 0 ≤1.0ms", "╰─ /bin/b ×6  ✘ 1 ≤1.0ms"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for every, want := range map[bool][]string{false: slices.Concat(c.live, c.final), true: c.every} {
				synctest.Test(t, func(t *testing.T) {
					got := shown(t, Options{Out: unlimited, OwnWords: true, Every: every}, func(s *story) {
						c.tell(s, s.start(s.process("n", nil, nil, "/bin/sh", "script")))
					})
					live, final, _ := strings.Cut(got, "── process trees ───────────────────────\n💻 n  ")
					if got = strings.TrimPrefix(live, "💻 n\n🚀 /bin/sh script\n"); c.live == nil {
						got = ""
					}
					got += strings.Replace(strings.Replace(final, "/bin/sh script  ● running\n", "", 1), "/bin/sh script  ✔ 0 1.0ms\n", "", 1)
					if lines := strings.Join(want, "\n") + "\n"; want != nil && got != lines {
						t.Errorf("every: %v\ngot\n%swant\n%s", every, got, lines)
					}
				})
			}
		})
	}
}

// The trees at the end are left out where they would repeat what is on the screen, and nowhere else.
func TestFinalTreeIsLeftOut(t *testing.T) {
	simple := func(s *story) {
		shell := s.top()
		s.run(shell, "/bin/a", "", time.Millisecond, 1)
		fork := s.forked(shell)
		s.run(fork, "/bin/b", "", time.Millisecond, 0)
		s.end(fork, 0, "")
	}
	terminal24 := unlimited
	terminal24.Rows = 24
	small, file := terminal24, terminal24
	small.Rows, file.Terminal = 9, false
	for _, c := range []struct {
		name     string
		o        Options
		messages int
		tell     func(*story)
		left     bool
	}{
		{"on the screen", Options{Out: terminal24}, 0, simple, true},
		{"for once", Options{Out: terminal24, FinalTree: FinalTreeAlways}, 0, simple, false},
		{"to a file", Options{Out: file}, 0, simple, false},
		{"a small screen", Options{Out: small}, 0, simple, false},
		{"messages", Options{Out: terminal24}, 15, simple, false},
		{"somebody else writes there", Options{Out: terminal24, SharedTerminal: true}, 0, simple, false},
		{"equal subtrees", Options{Out: terminal24}, 0, func(s *story) {
			for range 3 {
				s.run(s.top(), "/bin/a", "", time.Millisecond, 0)
			}
		}, false},
		{"two at once", Options{Out: terminal24}, 0, func(s *story) {
			a := s.child(s.top(), "/bin/a", "")
			s.child(s.top(), "/bin/b", "")
			s.end(a, 0, "")
		}, false},
		{"events were lost", Options{Out: terminal24}, 0, func(s *story) {
			simple(s)
			s.show(&event.Event{NodeName: "n", Loss: &event.Loss{Cause: event.LostRing, Count: 1, Total: 1}})
		}, false},
		{"two containers in turn", Options{Out: terminal24}, 0, func(s *story) {
			simple(s)
			s.start(s.process("m", nil, nil, "/bin/m", ""))
			simple(s)
		}, false},
		{"two containers", Options{Out: terminal24}, 0, func(s *story) {
			simple(s)
			s.start(s.process("m", nil, nil, "/bin/m", ""))
		}, true},
		{"nothing to show", Options{Out: terminal24}, 0, func(*story) {}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			screen := terminal.NewScreen(&out, &out, true)
			for range c.messages {
				if _, err := screen.Err().Write([]byte("a message\n")); err != nil {
					t.Fatal(err)
				}
			}
			r, err := New(screen.Out(), c.o)
			if err != nil {
				t.Fatal(err)
			}
			c.tell(newStory(t, r))
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if err := screen.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			const as = "── process trees: as above (--final-tree=always repeats them) ──\n"
			if left := strings.HasSuffix(out.String(), as); left != c.left {
				t.Errorf("left out: %v, want %v:\n%s", left, c.left, out.String())
			}
			if shows := strings.Contains(out.String(), "── process trees ──"); shows == c.left && c.name != "nothing to show" {
				t.Errorf("shows the trees: %v:\n%s", shows, out.String())
			}
		})
	}
}
