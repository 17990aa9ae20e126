// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// pushed are queued frames, whose numbers and events go up by one each.
type pushed struct {
	*queue
	n, e uint64
}

func (p *pushed) frame(size, events, enforced int) {
	p.n++
	p.push(Item{Frame: &wire.Frame{Number: p.n, First: p.e + 1, Count: events, Enforced: enforced}, LogTime: time.Unix(int64(p.n), 0)}, size)
	p.e += uint64(events)
}

// all pops what is there.
func (p *pushed) all() (items []Item) {
	p.close()
	for it, ok := p.pop(); ok; it, ok = p.pop() {
		items = append(items, it)
	}
	return items
}

func TestQueue(t *testing.T) {
	q := &pushed{queue: newQueue(NewBudget(100))}
	q.frame(50, 1, 0)
	q.frame(50, 1, 0)
	q.frame(10, 1, 0) // full
	q.frame(10, 1, 0)
	first, _ := q.pop()
	q.frame(10, 1, 0) // half is not free yet
	second, _ := q.pop()
	q.frame(10, 1, 0)
	q.frame(100, 1, 0) // full again
	q.push(Item{Frame: &wire.Frame{Number: 8, First: 8, Notice: &event.Notice{}}, LogTime: time.Unix(8, 0)}, 10)
	items := append([]Item{first, second}, q.all()...)
	want := []string{"frame 1", "frame 2", "gap display 3 events from 3, 3 frames", "frame 6", "gap display 1 events from 7, 1 frames", "frame 8"}
	if got := summary(items); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i, want := range map[int][2]int64{2: {2, 6}, 4: {6, 8}} {
		if g := items[i].Gap; g.From.Unix() != want[0] || g.To.Unix() != want[1] {
			t.Errorf("gap from %s to %s, want %d", g.From, g.To, want)
		}
	}
}

// Events that enforced something pass the others, are never dropped, and what is dropped of their frames is counted.
func TestEnforcementPassesTheOthers(t *testing.T) {
	const tenth = backlog // of the budget
	q := &pushed{queue: newQueue(NewBudget(10 * tenth))}
	q.frame(4*tenth, 5, 1) // nothing to pass
	q.frame(4*tenth, 5, 0)
	q.frame(3*tenth/2, 5, 2)
	q.frame(tenth/2, 5, 1) // no room for the rest of it
	q.frame(9*tenth, 7, 0)
	q.push(Item{Frame: &wire.Frame{Number: 6, Heartbeat: &event.Totals{}}}, 10)
	type one struct {
		frame uint64
		part  Part
	}
	var got []one
	var lost uint64
	for _, it := range q.all() {
		if it.Gap != nil {
			lost += it.Gap.Events
			continue
		}
		got = append(got, one{it.Frame.Number, it.Part})
	}
	// A heartbeat has the losses: it passes too.
	if want := []one{{3, Enforced}, {4, Enforced}, {6, Whole}, {1, Whole}, {2, Whole}}; !slices.Equal(got, want) || lost != 3+4+7 {
		t.Errorf("got %v and %d lost, want %v and 14", got, lost, want)
	}
}

// The budget is of all nodes together, however many they are; a queue that gives back lets others in.
func TestBudgetIsShared(t *testing.T) {
	b := NewBudget(100)
	one, other := &pushed{queue: newQueue(b)}, &pushed{queue: newQueue(b)}
	one.frame(90, 1, 0)
	other.frame(20, 1, 0) // no room
	if it, _ := one.pop(); it.Frame == nil {
		t.Fatal("the frame is gone")
	}
	other.frame(20, 1, 0)
	if got, want := summary(other.all()), []string{"gap display 1 events from 1, 1 frames", "frame 2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if b.used != 0 {
		t.Errorf("%d bytes are still taken", b.used)
	}
}

// Who must not be dropped waits for room, but not for a reader that is gone.
func TestPushWaitsForRoomUntilAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &pushed{queue: newQueue(NewBudget(100))}
		q.frame(100, 1, 1)
		waiting := make(chan struct{})
		go func() {
			defer close(waiting)
			q.frame(100, 1, 1)
		}()
		synctest.Wait()
		select {
		case <-waiting:
			t.Error("there was room")
		default:
		}
		q.abandon()
		<-waiting
	})
}

func TestLinesOfTheKubeletAreExplained(t *testing.T) {
	_, err := newLineReader(nil, wire.NewFrameDecoder()).parse([]byte("failed to create fsnotify watcher: too many open files"))
	if err == nil || !strings.Contains(err.Error(), "fs.inotify.max_user_instances") {
		t.Errorf("got %v", err)
	}
}
