// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// recorded is a sink that notes what it takes. It is stuck while gate is closed to it.
type recorded struct {
	mu      sync.Mutex
	taken   []string
	flushed int
	closed  bool
	gate    chan struct{}
	fails   error
}

func (r *recorded) Take(it *Item) error {
	if r.gate != nil {
		<-r.gate
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken = append(r.taken, it.Event.NodeName)
	return r.fails
}

func (r *recorded) Flush(time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flushed++
	return nil
}

func (r *recorded) Close() error { r.closed = true; return nil }

// counted is what became of events.
type counted struct {
	mu                       sync.Mutex
	taken, filtered, dropped uint64
	causes                   []string
}

func (c *counted) add(to *uint64, n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*to += n
}

func (c *counted) Taken(string)    { c.add(&c.taken, 1) }
func (c *counted) Filtered(string) { c.add(&c.filtered, 1) }
func (c *counted) Dropped(_, cause string, n uint64) {
	c.add(&c.dropped, n)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.causes = append(c.causes, cause)
}

// exec is an event that goes by a name; killed one that enforced something.
func exec(name string) *Item {
	return NewItem(&event.Event{NodeName: name, ProcessExec: &event.ProcessExec{}})
}

func killed(name string) *Item {
	return NewItem(&event.Event{NodeName: name, ProcessKprobe: &event.ProcessKprobe{Hooked: event.Hooked{Action: event.ActionSigkill}}})
}

func started(o *Output) *Output {
	o.Name = "test"
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	o.Start(func(f func()) { go f() })
	return o
}

// What waits is passed by what enforced something; all is taken before the end, each once.
func TestUrgentItemsPassOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink, counts := &recorded{gate: make(chan struct{})}, &counted{}
		o := started(&Output{Sink: sink, Wait: true})
		put := func(items ...*Item) { o.Put(t.Context(), Batch{Items: items, Counts: counts}) }
		put(exec("first"))
		synctest.Wait() // it is being taken
		put(exec("a1"), exec("a2"))
		put(exec("b1"))
		put(exec("c1"), killed("c2"), NewItem(&event.Event{NodeName: "loss", Loss: &event.Loss{}}), exec("c3"))
		close(sink.gate)
		if err := o.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := []string{"first", "c2", "loss", "a1", "a2", "b1", "c1", "c3"}; !slices.Equal(sink.taken, want) {
			t.Errorf("taken %v, want %v", sink.taken, want)
		}
		if counts.taken != 7 || counts.filtered+counts.dropped != 0 { // a loss is no event of a process
			t.Errorf("counts %+v", counts)
		}
		if !sink.closed || sink.flushed == 0 {
			t.Errorf("closed %v, flushed %d times", sink.closed, sink.flushed)
		}
	})
}

// With nothing to pass, items stay in their order.
func TestItemsKeepTheirOrder(t *testing.T) {
	sink := &recorded{}
	o := started(&Output{Sink: sink, Wait: true})
	o.Put(t.Context(), Batch{Items: []*Item{exec("a"), killed("b"), exec("c")}, Counts: &counted{}})
	if err := o.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b", "c"}; !slices.Equal(sink.taken, want) {
		t.Errorf("taken %v, want %v", sink.taken, want)
	}
}

// A sink that is stuck is left when nobody waits any more: what was put is counted as dropped, exactly.
func TestStuckSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink, counts := &recorded{gate: make(chan struct{})}, &counted{}
		defer close(sink.gate)
		o := started(&Output{Sink: sink, Wait: true})
		ctx, cancel := context.WithCancelCause(t.Context())
		const batches = 20
		go func() {
			for n := range batches {
				o.Put(ctx, Batch{Items: []*Item{exec(fmt.Sprint(n)), exec(fmt.Sprint(n))}, Counts: counts})
			}
		}()
		synctest.Wait()
		cancel(errStuck)
		synctest.Wait()
		if err := o.Close(ctx); !errors.Is(err, errStuck) {
			t.Errorf("Close: %v", err)
		}
		o.Abandon()
		if counts.dropped != 2*batches || counts.taken != 0 {
			t.Errorf("%d dropped and %d taken of %d", counts.dropped, counts.taken, 2*batches)
		}
	})
}

var errStuck = errors.New("stuck")

// A sink that nobody waits for loses what it has no room for, but nothing urgent.
func TestSinkThatIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink, counts := &recorded{gate: make(chan struct{})}, &counted{}
		o := started(&Output{Sink: sink})
		const all = 100
		for n := range all {
			o.Put(t.Context(), Batch{Items: []*Item{exec(fmt.Sprint(n))}, Counts: counts})
		}
		go o.Put(t.Context(), Batch{Items: []*Item{killed("urgent")}, Counts: counts})
		synctest.Wait()
		close(sink.gate)
		synctest.Wait()
		if err := o.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if counts.taken+counts.dropped != all+1 || counts.dropped == 0 || counts.causes[0] != CauseFull || !slices.Contains(sink.taken, "urgent") {
			t.Errorf("counts %+v, taken %v", counts, sink.taken)
		}
	})
}

// A sink that fails gets nothing more, and holds nobody up.
func TestSinkThatFails(t *testing.T) {
	sink, counts, failures := &recorded{fails: errStuck}, &counted{}, 0
	o := started(&Output{Sink: sink, Wait: true, Failed: func(error) { failures++ }})
	for range 3 {
		o.Put(t.Context(), Batch{Items: []*Item{exec("a"), exec("b")}, Counts: counts})
	}
	if err := o.Close(t.Context()); !errors.Is(err, errStuck) || failures != 1 {
		t.Errorf("Close: %v, %d failures", err, failures)
	}
	if len(sink.taken) != 1 || sink.closed || counts.filtered != 6 {
		t.Errorf("taken %v, closed %v, counts %+v", sink.taken, sink.closed, counts)
	}
}

func TestChainStopsWhereAnItemIsFilteredOut(t *testing.T) {
	var asked []string
	stage := func(name string, keeps bool) Keep {
		return func(*event.Event) bool { asked = append(asked, name); return keeps }
	}
	if (Chain{stage("a", true), stage("b", false), stage("c", true)}).Pass(exec("x")) || !slices.Equal(asked, []string{"a", "b"}) {
		t.Errorf("asked %v", asked)
	}
	if !(Chain{}).Pass(exec("x")) {
		t.Error("an empty chain filters")
	}
}
