// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// fillings are texts that take very different room in JSON.
var fillings = map[string]string{
	"letters":       "abcdefgh",
	"quotes":        `"\`,
	"controls":      "\x00\x1b\x07",
	"invalid UTF-8": "\xff\xc0\x80",
	"cut UTF-8":     "\xe2\x80",
	"separators":    "\u2028\u2029",
	"wide":          "世界🚀",
	"markup":        "<&>",
	"mixed":         "a\x01\"\xffé\u2028🚀\n",
}

func fill(filling string, bytes int) string {
	return strings.Repeat(filling, bytes/len(filling)+1)[:bytes]
}

// capabilities are all that a process can have.
func capabilities() *event.Capabilities {
	all := make([]string, 64)
	for i := range all {
		all[i] = fmt.Sprintf("CAP_SOME_LONG_NAME_%02d", i)
	}
	return &event.Capabilities{Permitted: all, Effective: all, Inheritable: all}
}

// hostile is a process whose texts are as long as the kernel lets them be.
func hostile(id, filling string, detail bool) *Process {
	p := process(id)
	p.Arguments, p.Cwd, p.Binary = fill(filling, 8192), fill(filling, 4096), fill(filling, 4096)
	p.ParentExecID = strings.Repeat("p", 380)
	if detail {
		p.Cap = capabilities()
	}
	return p
}

// longID is an exec_id with the longest node name.
func longID(n int) string { return fmt.Sprintf("%0380d", n) }

// No strings make a frame longer than MaxFrame, and every cut is marked.
func TestNothingIsTooLong(t *testing.T) {
	for name, filling := range fillings {
		for _, detail := range []bool{false, true} {
			for _, ancestors := range []int{0, 2, 100} {
				t.Run(fmt.Sprint(name, detail, ancestors), func(t *testing.T) {
					accepted := encodings["plain"]
					if detail {
						accepted = encodings["zstd"]
					}
					ev := execOf(longID(0), longID(1))
					ev.Executable = fill(filling, 4096)
					processes := []*Process{hostile(longID(0), filling, detail), hostile(longID(1), filling, detail)}
					for n := range ancestors {
						processes = append(processes, hostile(longID(2+n), filling, detail))
						ev.AncestorIDs = append(ev.AncestorIDs, longID(2+n))
					}
					original := *processes[0]
					var out bytes.Buffer
					e := NewEncoder(&out, strings.Repeat("\x01", maxName), accepted...)
					e.SetLost(map[string]uint64{event.LostRing: 1<<64 - 1, event.LostDecode: 1<<64 - 1, event.LostMissed: 1<<64 - 1, event.LostBusy: 1<<64 - 1, event.LostQueue: 1<<64 - 1, event.LostScope: 1<<64 - 1})
					e.event = 1 << 61
					e.number = 1 << 61
					must(t, e.Add(ev, processes...))
					must(t, e.Flush())
					if out.Len() > MaxFrame {
						t.Fatalf("%d bytes", out.Len())
					}
					if processes[0].Arguments != original.Arguments || processes[0].Flags != original.Flags {
						t.Error("the caller's process was changed")
					}
					f, err := DecodeFrame(out.Bytes())
					must(t, err)
					p := f.Processes[longID(0)]
					if p == nil {
						t.Fatal("the process itself is missing")
					}
					flags := strings.Fields(p.Flags)
					for _, text := range []struct {
						got, was, flag string
					}{
						{p.Arguments, processes[0].Arguments, "truncArgs"},
						{p.Cwd, processes[0].Cwd, "errorCWD"},
						{p.Binary + f.Events[0].Executable, processes[0].Binary + ev.Executable, "errorFilename"},
					} {
						was := string(bytes.ToValidUTF8([]byte(text.was), nil)) // the length may differ, not whether it was cut
						cut := strings.Contains(text.got, ellipsis)
						if cut != slices.Contains(flags, text.flag) || !cut && len(bytes.ToValidUTF8([]byte(text.got), nil)) < len(was) {
							t.Errorf("%s: cut %t, flags %s, %d of %d bytes", text.flag, cut, flags, len(text.got), len(text.was))
						}
					}
				})
			}
		}
	}
}

// Parents give way before the process itself, and it keeps as much as there is room for.
func TestFitTakesFromTheLeastImportant(t *testing.T) {
	for _, test := range []struct {
		name      string
		arguments [3]int // of process, parent, ancestor
		// least that must be left of each
		least [3]int
		cut   [3]bool
	}{
		{"all fit", [3]int{3000, 3000, 3000}, [3]int{3000, 3000, 3000}, [3]bool{false, false, false}},
		{"the ancestor is cut", [3]int{5000, 3000, 5000}, [3]int{5000, 3000, 200}, [3]bool{false, false, true}},
		{"the parent too", [3]int{8000, 5000, 5000}, [3]int{8000, 200, 200}, [3]bool{false, true, true}},
		{"the process keeps what fits", [3]int{20000, 5000, 5000}, [3]int{10000, 200, 200}, [3]bool{true, true, true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ids := [3]string{"a", "b", "c"}
			var processes []*Process
			for i, id := range ids {
				p := process(id)
				p.Arguments = strings.Repeat("x", test.arguments[i])
				processes = append(processes, p)
			}
			var out bytes.Buffer
			e := NewEncoder(&out, "session")
			must(t, e.Add(execOf("a", "b", "c"), processes...))
			must(t, e.Flush())
			f := frames(t, out.Bytes())[0]
			for i, id := range ids {
				p := f.Processes[id]
				if p == nil {
					t.Fatalf("%s is missing", id)
				}
				if len(p.Arguments) < test.least[i] || strings.Contains(p.Flags, "truncArgs") != test.cut[i] || p.Binary != "/bin/sh" {
					t.Errorf("%s: %d bytes of arguments, flags %s, binary %s", id, len(p.Arguments), p.Flags, p.Binary)
				}
			}
		})
	}
}

func TestLongExecutableIsMarked(t *testing.T) {
	var out bytes.Buffer
	e := NewEncoder(&out, "session")
	ev, p := execOf("a", ""), process("a")
	ev.Executable = strings.Repeat("\x01", 4096)
	must(t, e.Add(ev, p))
	must(t, e.Flush())
	if f := frames(t, out.Bytes())[0]; f.Processes["a"].Flags != "execve errorFilename clone" || p.Flags != "execve clone" {
		t.Errorf("flags %q, the caller's %q", f.Processes["a"].Flags, p.Flags)
	}
}

func TestLongTextsOfSingleFrames(t *testing.T) {
	for name, filling := range fillings {
		long := fill(filling, 6000)
		hooks := make([]event.Hook, 200)
		for i := range hooks {
			hooks[i] = event.Hook{Name: fmt.Sprint("hook ", i, long), Refused: long}
		}
		var out bytes.Buffer
		e := NewEncoder(&out, "session")
		must(t, e.Hello(event.Hello{Build: long, Kernel: long, Hooks: hooks}))
		must(t, e.Notice(event.Notice{Subject: long, Text: long}))
		must(t, e.Bye(event.Bye{Error: long}))
		all := frames(t, out.Bytes())
		last := all[0].Hello.Hooks[len(all[0].Hello.Hooks)-1]
		if !strings.Contains(last.Refused, fmt.Sprint(len(hooks)-len(all[0].Hello.Hooks)+1)) {
			t.Errorf("%s: %d hooks, the last: %+v", name, len(all[0].Hello.Hooks), last)
		}
		if len(hooks[0].Refused) != len(long) {
			t.Error("the caller's hooks were changed")
		}
		if all[1].Notice.Text == "" || all[2].Bye.Error == "" {
			t.Error("nothing is left of a text")
		}
	}
}

func TestShorten(t *testing.T) {
	for _, test := range []struct {
		text string
		room int
		want string
		cut  bool
	}{
		{"", 0, "", false},
		{"abcdef", 6, "abcdef", false},
		{"abcdef", 5, "ab…", true},
		{"abcdef", 3, "…", true},
		{"\x01\x01", 12, "\x01\x01", false},
		{"\x01\x01", 11, "\x01…", true},
		{"ééé", 5, "é…", true},
		{"\xff\xff", 12, "\xff\xff", false},
		{"\xff\xff", 11, "\xff…", true},
	} {
		got := test.text
		if cut := shorten(&got, test.room); got != test.want || cut != test.cut {
			t.Errorf("%q to %d: %q, %t, want %q, %t", test.text, test.room, got, cut, test.want, test.cut)
		}
	}
}

func FuzzShorten(f *testing.F) {
	for _, filling := range fillings {
		f.Add(filling, uint16(7))
	}
	f.Fuzz(func(t *testing.T, text string, room uint16) {
		quoted, err := marshal(text)
		must(t, err)
		if want := len(quoted) - 2; quotedLength(text) != want {
			t.Fatalf("length of %q is %d, want %d", text, quotedLength(text), want)
		}
		short := text
		cut := shorten(&short, int(room))
		if cut == (len(quoted)-2 <= int(room)) || cut && quotedLength(short) > max(int(room), len(ellipsis)) || !cut && short != text {
			t.Fatalf("%q to %d: %q, %t", text, room, short, cut)
		}
		if !json.Valid(mustJSON(short)) {
			t.Fatalf("%q", short)
		}
	})
}
