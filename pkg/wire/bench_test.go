// SPDX-License-Identifier: Apache-2.0

//go:build linux

package wire

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// traffic is what one node's processes of a kind do: each event of one of so many processes, with one of a hundred files.
type traffic struct {
	events    []Event
	processes []*Process
	parent    *Process
}

func newTraffic(processes int) traffic {
	made := traffic{parent: process("bm9kZS1uYW1lOjEyMzQ1Njc4OTAxMjM0OjEyMzQ2")}
	for n := range processes {
		made.processes = append(made.processes, process(fmt.Sprintf("bm9kZS1uYW1lOjEyMzQ1Njc4OTAxMjM0OjEyMzQ%d", n)))
	}
	r := rand.New(rand.NewPCG(1, 2))
	at := moment(0).Time
	for n := range 8192 {
		at = at.Add(time.Duration(r.IntN(40_000)))
		ev := kprobeOf(made.process(n).ExecID, made.parent.ExecID)
		ev.Time = &event.Timestamp{Time: at}
		ev.ProcessKprobe.Args[0].FileArg.Path = fmt.Sprint("/var/lib/postgresql/data/base/16384/", 2600+r.IntN(100))
		made.events = append(made.events, ev)
	}
	return made
}

// process of the n-th event.
func (t *traffic) process(n int) *Process { return t.processes[n%len(t.processes)] }

// send gives an encoder the n-th event.
func (t *traffic) send(tb testing.TB, e *Encoder, n int) {
	if err := e.Add(t.events[n%len(t.events)], t.process(n), t.parent); err != nil {
		tb.Fatal(err)
	}
}

// counting is a writer that counts bytes.
type counting int64

func (c *counting) Write(b []byte) (int, error) {
	*c += counting(len(b))
	return len(b), nil
}

func BenchmarkEncodeKprobe(b *testing.B) {
	for name, accepted := range encodings {
		for _, processes := range []int{1, 8, 1000} {
			b.Run(fmt.Sprint(name, "/processes=", processes), func(b *testing.B) {
				sent := newTraffic(processes)
				var out counting
				e := NewEncoder(&out, "session", accepted...)
				b.ReportAllocs()
				begin := cpuTime(b)
				for n := 0; b.Loop(); n++ {
					sent.send(b, e, n)
				}
				must(b, e.Flush())
				b.ReportMetric(float64(cpuTime(b)-begin)/float64(b.N), "cpu-ns/event")
				b.ReportMetric(float64(out)/float64(b.N), "wire-B/event")
				b.ReportMetric(float64(b.N)/float64(e.number), "events/frame")
			})
		}
	}
}

// lines are the frames of some 8000 events.
func (t *traffic) lines(tb testing.TB, perFrame int, accepted ...string) [][]byte {
	var out bytes.Buffer
	e := NewEncoder(&out, "session", accepted...)
	for n := range t.events {
		t.send(tb, e, n)
		if n%perFrame == perFrame-1 {
			must(tb, e.Flush())
		}
	}
	must(tb, e.Flush())
	return bytes.SplitAfter(bytes.TrimSpace(out.Bytes()), []byte("\n"))
}

func BenchmarkDecodeKprobe(b *testing.B) {
	for name, accepted := range encodings {
		for _, perFrame := range []int{1, 64, 10000} {
			sent := newTraffic(8)
			lines := sent.lines(b, perFrame, accepted...)
			for way, decode := range map[string]func(*FrameDecoder, []byte) (*Frame, error){"": (*FrameDecoder).Decode, "/head": (*FrameDecoder).Head} {
				b.Run(fmt.Sprint(name, "/frame=", perFrame, way), func(b *testing.B) {
					d := NewFrameDecoder()
					b.ReportAllocs()
					events, begin := 0, cpuTime(b)
					for n := 0; b.Loop(); n++ {
						f, err := decode(d, lines[n%len(lines)])
						if err != nil {
							b.Fatal(err)
						}
						events += f.Count
					}
					b.ReportMetric(float64(cpuTime(b)-begin)/float64(events), "cpu-ns/event")
				})
			}
		}
	}
}

// What a reader does besides: each event with its processes.
func BenchmarkFrameEvent(b *testing.B) {
	sent := newTraffic(8)
	line := sent.lines(b, 64, EncodingZstd)[0]
	for name, of := range map[string]func(*Frame, int, func(*Process) *event.Process) *event.Event{"Event": (*Frame).Event, "Take": (*Frame).Take} {
		b.Run(name, func(b *testing.B) {
			f, err := DecodeFrame(line)
			must(b, err)
			b.ReportAllocs()
			begin := cpuTime(b)
			for n := 0; b.Loop(); n++ {
				e := of(f, n%len(f.Events), func(p *Process) *event.Process { return &p.Process })
				if e.Kind() != event.KindKprobe || !strings.HasPrefix(e.Process().ExecID, "bm9k") {
					b.Fatal(e)
				}
			}
			b.ReportMetric(float64(cpuTime(b)-begin)/float64(b.N), "cpu-ns/event")
		})
	}
}

// cpuTime is what this process has used, in ns, garbage collection included: time on a busy machine says nothing.
func cpuTime(tb testing.TB) int64 {
	var usage unix.Rusage
	must(tb, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return usage.Utime.Nano() + usage.Stime.Nano()
}
