// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// stuckRenderer takes nothing until the gate is closed.
type stuckRenderer struct {
	fakeRenderer
	gate chan struct{}
}

func (r *stuckRenderer) Take(it *pipeline.Item) error {
	<-r.gate
	return r.fakeRenderer.Take(it)
}

// keeper is a recorder that keeps items; it fails from the n-th on (from 1).
type keeper struct {
	items  []*pipeline.Item
	failAt int
}

func (k *keeper) Take(it *pipeline.Item) error {
	if k.failAt > 0 && len(k.items)+1 >= k.failAt {
		return errTest
	}
	k.items = append(k.items, it)
	return nil
}

func (k *keeper) Flush(time.Time) error { return nil }
func (k *keeper) Close() error          { return nil }

// numbers are those of the events that tracers numbered.
func (k *keeper) numbers() (all []uint64) {
	for _, it := range k.items {
		if it.Number > 0 {
			all = append(all, it.Number)
		}
	}
	return all
}

// A screen that takes nothing loses events; the recording beside it has all of them, in their order, those that filters leave out too.
func TestRecordingIsNotThinnerThanTheScreen(t *testing.T) {
	const frames, each = 300, 100
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(t *fakeTracer) {
			t.hello()
			for range frames {
				t.execs(each)
			}
			t.bye(event.Bye{Reason: event.ByeFinished, Totals: event.Totals{Events: frames * each}})
		}, pod("a", "n1"))
		screen, kept := &stuckRenderer{gate: make(chan struct{})}, &keeper{}
		odd := 0
		h.config.Sink, h.config.Recorder, h.config.RecordFailed = screen, kept, func(err error) { t.Error(err) }
		h.config.Filters = pipeline.Chain{pipeline.Keep(func(*event.Event) bool { odd++; return odd%10 != 0 })}
		go func() {
			synctest.Wait() // all that can be taken is
			close(screen.gate)
		}()
		h.renderer.closed = true // is not the one of this session
		result, err := h.run()
		if err != nil {
			t.Fatal(err)
		}
		numbers := kept.numbers()
		if len(numbers) != frames*each || !slices.IsSorted(numbers) || numbers[len(numbers)-1] != frames*each {
			t.Errorf("%d events recorded", len(numbers))
		}
		n := result.Summary.Nodes[0]
		if n.Events+n.Filtered+n.Lost[event.LostDisplay] != frames*each || n.Filtered != frames*each/10 || n.Lost[event.LostDisplay] == 0 ||
			n.Undisplayed != n.Lost[event.LostDisplay] || n.Written != frames*each || n.Events != uint64(screen.execs) {
			t.Errorf("%+v, %d shown", n, screen.execs)
		}
	})
}

// A recorder that fails is told of once, and the session goes on; what it did not take is counted.
func TestRecorderThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(t *fakeTracer) {
			t.hello()
			t.execs(10)
			t.bye(event.Bye{Reason: event.ByeFinished, Totals: event.Totals{Events: 10}})
		}, pod("a", "n1"))
		var failures []error
		kept := &keeper{failAt: 5} // the hello and three events
		h.config.Recorder, h.config.RecordFailed = kept, func(err error) { failures = append(failures, err) }
		result, err := h.run()
		if err != nil || h.renderer.execs != 10 {
			t.Errorf("%v, %d shown", err, h.renderer.execs)
		}
		n := result.Summary.Nodes[0]
		if len(failures) != 1 || !errors.Is(failures[0], errTest) || n.Dropped[Drop{RecordSink, causeBroken}] != 7 || n.Complete() {
			t.Errorf("failures %v, %+v", failures, n)
		}
	})
}
