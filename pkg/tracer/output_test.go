// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/process"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// queuedEvent is the n-th event of a test.
func queuedEvent(n int) process.Output {
	p := &wire.Process{Process: event.Process{ExecID: fmt.Sprint("process-", n%8), Binary: "/bin/sh"}}
	e := wire.Event{ProcessID: p.ExecID, Event: event.Event{ProcessExit: &event.ProcessExit{Status: uint32(n)}}}
	return process.Output{Event: e, Processes: []*wire.Process{p}}
}

// gate is a writer that blocks until it is opened.
type gate struct {
	opened chan struct{}
	mutex  sync.Mutex
	out    bytes.Buffer
}

func (g *gate) Write(b []byte) (int, error) {
	<-g.opened
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.out.Write(b)
}

// written are the frames so far.
func (g *gate) written(t *testing.T) (frames []*wire.Frame) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for line := range bytes.Lines(g.out.Bytes()) {
		f, err := wire.DecodeFrame(line)
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, f)
	}
	return frames
}

// statuses are those of all events, in their order.
func statuses(frames []*wire.Frame) (all []uint32) {
	for _, f := range frames {
		for i := range f.Events {
			all = append(all, f.Events[i].ProcessExit.Status)
		}
	}
	return all
}

func started(g *gate, encodings ...string) *output {
	o := newOutput(g, wire.TracerConfig{Session: "s", Encodings: encodings})
	o.started = true
	go o.write(func(error) {})
	return o
}

func TestOutputKeepsTheOrder(t *testing.T) {
	for _, count := range []int{1, batchLength - 1, batchLength, 3*batchLength + 1, 5000} {
		synctest.Test(t, func(t *testing.T) {
			g := &gate{opened: make(chan struct{})}
			close(g.opened)
			o := started(g, wire.Encodings()...)
			for n := range count {
				o.event(queuedEvent(n))
			}
			if err := o.bye(event.Bye{Reason: event.ByeStopped}); err != nil {
				t.Fatal(err)
			}
			frames := g.written(t)
			for n, status := range statuses(frames) {
				if int(status) != n {
					t.Fatalf("of %d events the %d. is %d", count, n, status)
				}
			}
			if bye := frames[len(frames)-1].Bye; len(statuses(frames)) != count || bye.Totals.Events != uint64(count) || len(bye.Totals.Lost) > 0 {
				t.Errorf("%d of %d events came, %+v", len(statuses(frames)), count, bye)
			}
		})
	}
}

// A single event is written when flushInterval is over, not later.
func TestOutputFlushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{opened: make(chan struct{})}
		close(g.opened)
		o := started(g)
		time.Sleep(flushInterval / 2)
		o.event(queuedEvent(0))
		synctest.Wait()
		if came := statuses(g.written(t)); len(came) != 0 {
			t.Errorf("%d events came before there could be others", len(came))
		}
		time.Sleep(flushInterval / 2)
		synctest.Wait()
		if came := statuses(g.written(t)); len(came) != 1 {
			t.Errorf("%d events came after %s", len(came), flushInterval)
		}
		if err := o.bye(event.Bye{}); err != nil {
			t.Error(err)
		}
	})
}

// While the output is blocked as many events wait as the queue and a frame hold, and each of the others is counted.
func TestBlockedOutputIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{opened: make(chan struct{})}
		o := started(g)
		const count = 3 * queueLength
		for n := range count {
			o.event(queuedEvent(n))
			if n%1000 == 0 {
				synctest.Wait() // the writer takes what there is, until it is blocked
			}
		}
		lost := int(o.lost()[event.LostQueue])
		close(g.opened)
		if err := o.bye(event.Bye{}); err != nil {
			t.Fatal(err)
		}
		frames := g.written(t)
		came := len(statuses(frames))
		bye := frames[len(frames)-1].Bye
		if came+lost != count || came <= queueLength || came > queueLength+2*batchLength {
			t.Errorf("%d came, %d were lost, of %d", came, lost, count)
		}
		if bye.Totals.Events != uint64(came) || bye.Totals.Lost[event.LostQueue] != uint64(lost) {
			t.Errorf("%d came, %d were lost, bye %+v", came, lost, bye)
		}
	})
}

type failing struct{}

var errDisk = errors.New("disk full")

func (failing) Write([]byte) (int, error) { return 0, errDisk }

func TestFailedOutputEndsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutput(failing{}, wire.TracerConfig{Session: "s"})
		o.started = true
		var why error
		go o.write(func(err error) { why = err })
		o.event(queuedEvent(0))
		<-o.written
		if err := o.bye(event.Bye{}); !errors.Is(err, errDisk) || !errors.Is(why, errDisk) {
			t.Errorf("bye: %v, the session ended with %v", err, why)
		}
	})
}

// BenchmarkOutput is the way of an event from the table to the frame, queue included, at 50,000 a second: what an event costs
// when the ring is read in turns, as it is.
func BenchmarkOutput(b *testing.B) {
	for _, perTurn := range []int{1, 10, 50} {
		for name, encodings := range map[string][]string{"plain": nil, "zstd": wire.Encodings()} {
			b.Run(fmt.Sprint(name, "/turn=", perTurn), func(b *testing.B) {
				g := &gate{opened: make(chan struct{})}
				close(g.opened)
				o := started(g, encodings...)
				var events [64]process.Output
				for n := range events {
					events[n] = queuedEvent(n)
				}
				var before, after unix.Rusage
				if err := unix.Getrusage(unix.RUSAGE_SELF, &before); err != nil {
					b.Fatal(err)
				}
				turn := time.NewTicker(time.Duration(perTurn) * 20 * time.Microsecond)
				defer turn.Stop()
				for n := 0; b.Loop(); n++ {
					if n%perTurn == 0 {
						<-turn.C
					}
					o.event(events[n%len(events)])
				}
				if err := errors.Join(o.bye(event.Bye{}), unix.Getrusage(unix.RUSAGE_SELF, &after)); err != nil {
					b.Fatal(err)
				}
				used := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
				b.ReportMetric(float64(used)/float64(b.N), "cpu-ns/event")
				b.ReportMetric(float64(g.out.Len())/float64(b.N), "wire-B/event")
				b.ReportMetric(float64(o.queued.Load()), "lost")
			})
		}
	}
}
