// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// call is a system call on a file with what it returned.
func (s *story) call(a *actor, function, path string, returned int64) *event.Event {
	return &event.Event{NodeName: a.node, Time: s.time(), ProcessKprobe: &event.ProcessKprobe{
		Process: a.Process, FunctionName: "__x64_" + function,
		Hooked: event.Hooked{PolicyName: "file", Args: []event.Argument{{FileArg: &event.FileArg{Path: path}}, {SizeArg: new(uint64(4096)), Label: "count"}}},
		Return: &event.Argument{LongArg: &returned},
	}}
}

// told is what a renderer of the file command writes of a story.
func told(t *testing.T, o Options, tell func(*story)) []string {
	t.Helper()
	o.OwnWords, o.FinalTree = true, FinalTreeNever
	if o.Out.Columns == 0 {
		o.Out = pipe
	}
	return strings.Split(strings.TrimSuffix(shown(t, o, tell), "\n"), "\n")
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// reader is a process of a story that was there before.
func (s *story) reader() *actor {
	return s.process("n1", pod("default", "busybox", "sh"), nil, "/bin/vi", "/etc/passwd")
}

func thousandReads(s *story) {
	a := s.start(s.reader())
	s.show(&event.Event{NodeName: a.node, Time: s.time(), ProcessKprobe: &event.ProcessKprobe{
		Process: a.Process, FunctionName: "fd_install", Hooked: event.Hooked{Args: []event.Argument{{IntArg: new(int32(3))}, {FileArg: &event.FileArg{Path: "/etc/passwd"}}}},
	}})
	for range 1000 {
		s.show(s.call(a, "sys_read", "/etc/passwd", 340))
	}
	s.show(s.call(a, "sys_close", "/etc/passwd", 0))
	s.end(a, 0, "")
}

func TestThousandReadsAreOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const vi = "default/busybox /bin/vi /etc/passwd"
		wantLines(t, told(t, Options{Format: "compact"}, thousandReads),
			"🚀 process "+vi, "📬 open    "+vi, "📚 read    "+vi+" 1000× 340 kB", "📪 close   "+vi, "💥 exit    "+vi+" 0")
		wantLines(t, told(t, Options{Format: "compact", Out: asciiOnly}, thousandReads)[2:3], "r read    "+vi+" 1000x 340 kB")
		wide := told(t, Options{Format: "wide"}, thousandReads)
		if !strings.Contains(wide[2], "1000× 340 kB  calls=1000  bytes=340000  policy=file  hook=__x64_sys_read  pid=") || strings.Contains(wide[2], "return=") {
			t.Errorf("wide: %s", wide[2])
		}
		wantLines(t, told(t, Options{}, thousandReads),
			"📦 default/busybox  sh  n1", "🚀 /bin/vi /etc/passwd", "│ 📬 open /etc/passwd", "│ 📚 read /etc/passwd 1000× 340 kB", "│ 📪 close /etc/passwd",
			"╰ /bin/vi /etc/passwd  ✔ 0 0.0ms")
		for name, o := range map[string]Options{
			"every": {Format: "compact", Every: true}, "every, tree": {Every: true}, "json": {Format: "json"}, "yaml": {Format: "yaml"},
			"jsonpath": {Format: "jsonpath={.process_kprobe.function_name}"},
		} {
			text := strings.Join(told(t, o, thousandReads), "\n")
			if reads := strings.Count(text, "📚 read") + strings.Count(text, "__x64_sys_read"); reads != 1000 {
				t.Errorf("%s: %d reads", name, reads)
			}
		}
		// Policies that a user wrote are Tetragon's to show.
		if text := shown(t, Options{Format: "compact", Out: pipe}, thousandReads); strings.Count(text, "📚 read    "+vi+" \n") != 1000 {
			t.Errorf("a user's policy:\n%.300s", text)
		}
	})
}

func TestWhatIsCountedTogether(t *testing.T) {
	const vi = "default/busybox /bin/vi "
	for name, c := range map[string]struct {
		tell func(s *story, a *actor)
		want []string
	}{
		"one": {func(s *story, a *actor) { s.show(s.call(a, "sys_read", "/a", 340)) }, []string{"📚 read    " + vi + "/a 340 bytes"}},
		"read and written in turn": {func(s *story, a *actor) {
			for i := range int64(4) {
				s.show(s.call(a, "sys_pread64", "/a", 5000))
				s.show(s.call(a, "sys_pwritev", "/b", i))
			}
		}, []string{"📚 read    " + vi + "/a 4× 20 kB", "📝 write   " + vi + "/b 4× 6 bytes"}},
		"errors": {func(s *story, a *actor) {
			for _, n := range []int64{10, -11, 20, -11, -9, -134} {
				s.show(s.call(a, "sys_read", "/a", n))
			}
		}, []string{"📚 read    " + vi + "/a 2× 30 bytes", "📚 read    " + vi + "/a 2× EAGAIN", "📚 read    " + vi + "/a EBADF", "📚 read    " + vi + "/a error 134"}},
		"not returned": {func(s *story, a *actor) {
			e := s.call(a, "sys_read", "/a", 0)
			e.ProcessKprobe.Return = nil
			s.show(e)
			e = s.call(a, "sys_readv", "/b", 0)
			e.ProcessKprobe.Return = nil
			s.show(e)
		}, []string{"📚 read    " + vi + "/a 4096 bytes", "📚 read    " + vi + "/b"}},
		"another file is opened": {func(s *story, a *actor) {
			s.show(s.call(a, "sys_read", "/a", 1))
			s.show(s.call(a, "sys_read", "/a", 1))
			s.show(s.call(a, "sys_close", "/b", 0))
			s.show(s.call(a, "sys_read", "/a", 1))
			s.show(s.call(a, "sys_close", "/a", 0))
		}, []string{"📚 read    " + vi + "/a 2× 2 bytes", "📪 close   " + vi + "/b", "📚 read    " + vi + "/a 1 bytes", "📪 close   " + vi + "/a"}},
		"more after what was shown": {func(s *story, a *actor) {
			s.show(s.call(a, "sys_read", "/a", 7))
			time.Sleep(settleTime + sweepTime)
			for range 3 {
				s.show(s.call(a, "sys_read", "/a", 7))
			}
		}, []string{"📚 read    " + vi + "/a 7 bytes", "📚 read    " + vi + "/a +3× 21 bytes"}},
		"a program that it starts": {func(s *story, a *actor) {
			s.show(s.call(a, "sys_read", "/a", 7))
			s.child(a, "/bin/nc", "")
		}, []string{"📚 read    " + vi + "/a 7 bytes", "🚀 process default/busybox /bin/nc "}},
		"a program that replaces it": {func(s *story, a *actor) {
			s.show(s.call(a, "sys_read", "/a", 7))
			b := s.replace(a, "/bin/nc", "")
			s.show(s.call(b, "sys_read", "/a", 8))
		}, []string{"📚 read    " + vi + "/a 7 bytes", "🚀 process default/busybox /bin/nc ", "📚 read    default/busybox /bin/nc /a 8 bytes"}},
		"another process": {func(s *story, a *actor) {
			b := s.process("n2", a.Pod, nil, "/bin/vi", "")
			*b.Pid = *a.Pid
			s.show(s.call(a, "sys_read", "/a", 1))
			s.show(s.call(b, "sys_read", "/a", 2))
			s.show(s.call(a, "sys_read", "/a", 4))
		}, []string{"📚 read    " + vi + "/a 2× 5 bytes", "📚 read    " + vi + "/a 2 bytes"}},
		"what is stopped": {func(s *story, a *actor) {
			for range 2 {
				e := s.call(a, "sys_read", "/a", -1)
				e.ProcessKprobe.Action = event.ActionSigkill
				s.show(e)
			}
		}, []string{"📚 read    " + vi + "/a EPERM ⛔ SIGKILL", "📚 read    " + vi + "/a EPERM ⛔ SIGKILL"}},
		"what would be stopped": {func(s *story, a *actor) {
			for i := range int64(4) {
				e := s.call(a, "sys_read", "/a", i)
				if i > 1 {
					e.ProcessKprobe.Would = []string{event.ActionSigkill}
				}
				s.show(e)
			}
		}, []string{"📚 read    " + vi + "/a 2× 1 bytes", "📚 read    " + vi + "/a 2× 5 bytes ⚠ would SIGKILL"}},
		"with stacks": {func(s *story, a *actor) {
			for range 2 {
				e := s.call(a, "sys_read", "/a", 1)
				e.ProcessKprobe.KernelStackTrace = []event.StackTraceEntry{{Symbol: "vfs_read"}}
				s.show(e)
			}
		}, []string{"📚 read    " + vi + "/a 1 bytes", "Kernel:", "   0x0: vfs_read+0x0", "📚 read    " + vi + "/a 1 bytes", "Kernel:", "   0x0: vfs_read+0x0"}},
		"a file that is not known": {func(s *story, a *actor) {
			s.show(s.call(a, "sys_read", "", 1))
			s.show(s.call(a, "sys_read", "", 1))
		}, []string{"📚 read    " + vi + " 1 bytes", "📚 read    " + vi + " 1 bytes"}},
		"from file to file": {func(s *story, a *actor) {
			for _, function := range []string{"sys_sendfile", "sys_copy_file_range", "sys_splice"} {
				for range 2 {
					e := s.call(a, function, "/a b", 100000)
					e.ProcessKprobe.Args = append(e.ProcessKprobe.Args[:1], event.Argument{FileArg: &event.FileArg{Path: "/c"}})
					s.show(e)
				}
			}
		}, []string{`📑 sendfile ` + vi + `/c -> "/a b" 2× 200 kB`, `📑 copy    ` + vi + `"/a b" -> /c 2× 200 kB`, `📑 splice  ` + vi + `"/a b" -> /c 2× 200 kB`}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wantLines(t, told(t, Options{Format: "compact"}, func(s *story) { c.tell(s, s.reader()) }), c.want...)
			})
		})
	}
}

// written is lines with the times at which they were written.
type written struct {
	at   []time.Time
	text []string
}

func (l *written) Write(p []byte) (int, error) {
	l.at, l.text = append(l.at, time.Now()), append(l.text, strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// Nobody waits long, and not for what never ends; all that was read is told.
func TestSteadyReader(t *testing.T) {
	for _, every := range []time.Duration{time.Millisecond, 30 * time.Millisecond, 500 * time.Millisecond, 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			var out written
			r, err := New(&out, Options{Format: "wide", Out: pipe})
			if err != nil {
				t.Fatal(err)
			}
			sink := feed(r)
			s := newStory(t, sink)
			a, began := s.reader(), time.Now()
			reads := int(30 * time.Second / every)
			for range reads {
				s.show(s.call(a, "sys_read", "/f1", 16))
				time.Sleep(every)
			}
			ended := time.Now()
			synctest.Wait()
			if err := sink.Close(); err != nil {
				t.Fatal(err)
			}
			limit := settleTime + 2*sweepTime
			if every < settleTime {
				limit = longestBurst + sweepTime
			}
			if first := out.at[0].Sub(began); first > limit {
				t.Errorf("every %s: the first line comes after %s", every, first)
			}
			for i := 1; i < len(out.at); i++ {
				if gap := out.at[i].Sub(out.at[i-1]); gap > max(longestCount, every)+longestBurst {
					t.Errorf("every %s: %s without a line", every, gap)
				}
			}
			if late := out.at[len(out.at)-1].Sub(ended); late > 0 {
				t.Errorf("every %s: the last line comes %s late", every, late)
			}
			if calls, bytes := totals(out.text); calls["/f1"] != uint64(reads) || bytes["/f1"] != uint64(16*reads) {
				t.Errorf("every %s: %d reads, %d bytes; want %d:\n%s", every, calls["/f1"], bytes["/f1"], reads, strings.Join(out.text, "\n"))
			}
			if len(out.text) > 12 {
				t.Errorf("every %s: %d lines:\n%s", every, len(out.text), strings.Join(out.text, "\n"))
			}
		})
	}
}

var exact = regexp.MustCompile(` (/f\d+) .*?(?:  calls=(\d+))?(?:  bytes=(\d+)|  return=(\d+))`)

// totals of wide lines by file.
func totals(lines []string) (calls, bytes map[string]uint64) {
	calls, bytes = map[string]uint64{}, map[string]uint64{}
	for _, line := range lines {
		if m := exact.FindStringSubmatch(line); m != nil {
			n, _ := strconv.ParseUint("0"+m[2], 10, 64)
			sum, _ := strconv.ParseUint(m[3]+m[4], 10, 64)
			calls[m[1]] += max(n, 1)
			bytes[m[1]] += sum
		}
	}
	return calls, bytes
}

// Whatever happens in whatever order: the calls and bytes of each file are all told.
func TestNothingIsLostInCounting(t *testing.T) {
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			calls, bytes := map[string]uint64{}, map[string]uint64{}
			lines := told(t, Options{Format: "wide"}, func(s *story) {
				actors := []*actor{s.reader(), s.reader(), s.reader()}
				files := 5
				if seed%4 == 0 {
					files = 2 * mostPending
				}
				for range 8000 {
					a, file := actors[random.IntN(len(actors))], fmt.Sprintf("/f%d", random.IntN(files))
					switch random.IntN(400) {
					case 0:
						time.Sleep(time.Duration(random.Int64N(int64(2 * time.Second))))
					case 1:
						s.end(a, 0, "")
					case 2:
						s.start(a)
					default:
						n := random.Uint64N(1 << 20)
						calls[file]++
						bytes[file] += n
						s.show(s.call(a, []string{"sys_read", "sys_write"}[random.IntN(2)], file, int64(n)))
					}
				}
			})
			gotCalls, gotBytes := totals(lines)
			if !maps.Equal(gotCalls, calls) || !maps.Equal(gotBytes, bytes) {
				t.Fatalf("seed %d: %d lines tell of %d files, want %d; the first:\n%.2000s", seed, len(lines), len(gotCalls), len(calls), strings.Join(lines, "\n"))
			}
		})
	}
}

// An output that is gone is an error of the next event, though it was a Flush that noticed.
func TestRepeatsTellThatTheOutputIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := New(failing{}, Options{Format: "wide", Out: pipe})
		if err != nil {
			t.Fatal(err)
		}
		sink := feed(r)
		s := newStory(t, sink)
		a := s.reader()
		s.show(s.call(a, "sys_read", "/a", 1))
		time.Sleep(time.Second)
		synctest.Wait()
		if err := sink.Take(observed()(s.call(a, "sys_read", "/a", 1))); !errors.Is(err, errGone) {
			t.Errorf("got %v", err)
		}
		if err := sink.Close(); !errors.Is(err, errGone) {
			t.Errorf("at the end: %v", err)
		}
	})
}

var errGone = errors.New("gone")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errGone }
