// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

func TestFollowStartsAtOnce(t *testing.T) {
	l := tracerLines(t)
	waiting := refused(apierrors.NewBadRequest(`container "tracer" in pod "x" is waiting to start: PodInitializing`))
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		log := &fakeLog{follow: append(slices.Repeat([]attempt{waiting}, 30), text(l...))}
		items, err := run(log)
		if err != nil || len(items) == 0 {
			t.Fatal(err, items)
		}
		if delay := items[0].Received.Sub(begin); delay != 30*startInterval {
			t.Errorf("hello was read %s after the start: the container started within %s", delay, 30*startInterval)
		}
	})
}

// slowToStart is a source whose Open returns when the container has started.
type slowToStart struct {
	*fakeLog
	start time.Duration
}

func (s slowToStart) Open(ctx context.Context, since time.Time, follow bool) (io.ReadCloser, error) {
	select {
	case <-time.After(s.start):
		return s.fakeLog.Open(ctx, since, follow)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Pulling an image takes its time. Silence counts from when the log is open.
func TestFollowWaitsForOpen(t *testing.T) {
	l := tracerLines(t)
	synctest.Test(t, func(t *testing.T) {
		var items []Item
		late := attempt{serve: func(_ context.Context, w io.Writer) error {
			time.Sleep(maxSilence - time.Millisecond)
			_, err := io.WriteString(w, strings.Join(l, ""))
			return err
		}}
		source := slowToStart{&fakeLog{follow: []attempt{late}}, time.Minute - time.Millisecond}
		err := Follow(t.Context(), source, session, func(it Item) { items = append(items, it) })
		if got := summary(items); err != nil || !slices.Equal(got, []string{"frame 1", "bye 2"}) {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestFollowReconnects(t *testing.T) {
	l := tracerLines(t, 1, 1)
	synctest.Test(t, func(t *testing.T) {
		node := time.Date(2026, 1, 2, 3, 4, 5, 678, time.FixedZone("", 3600))
		log := &fakeLog{follow: []attempt{
			text(at(node, l[0]), at(node.Add(time.Second), l[1])),
			text(at(node, l[0]), at(node.Add(time.Second), l[1])),
			text(at(node.Add(time.Second), l[1])),
			text(at(node.Add(time.Minute), l[2]), at(node.Add(2*time.Minute), l[3])),
		}}
		begin := time.Now()
		items, err := run(log)
		if err != nil || len(items) != 4 {
			t.Fatal(err, summary(items))
		}
		if got := items[1].LogTime; !got.Equal(node.Add(time.Second)) {
			t.Errorf("log time %s", got)
		}
		since := node.Add(time.Second - overlap)
		for i, want := range []struct {
			since    time.Time
			from, to time.Duration
		}{
			{time.Time{}, 0, 0},
			{since, 0, 0}, // at once
			{since, 200 * time.Millisecond, 220 * time.Millisecond},
			{since, 600 * time.Millisecond, 660 * time.Millisecond},
		} {
			got := log.opens[i]
			if after := got.at.Sub(begin); !got.since.Equal(want.since) || after < want.from || after > want.to || !got.follow {
				t.Errorf("stream %d: since %s after %s, want since %s after %s to %s", i, got.since, after, want.since, want.from, want.to)
			}
		}
	})
}

// The node's clock was set back: the kubelet passes over lines that are older than those that were read. Reading all is the
// way out.
func TestFollowReadsAllAfterSilence(t *testing.T) {
	l := tracerLines(t, 1, 1)
	synctest.Test(t, func(t *testing.T) {
		log := &fakeLog{follow: []attempt{hanging(at(time.Now(), l[0]), at(time.Now(), l[1])), text(l...)}}
		if _, err := run(log); err != nil {
			t.Fatal(err)
		}
		if !log.opens[1].since.IsZero() {
			t.Errorf("read again since %s", log.opens[1].since)
		}
	})
}

// A log that hangs in Read is left by closing it.
func TestFollowLeavesAReadThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, w := io.Pipe()
		defer w.Close()
		if err := Follow(ctx, fromReader(r), session, func(Item) {}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestGapIsLookedForWithOverlap(t *testing.T) {
	l := tracerLines(t, 1, 1)
	synctest.Test(t, func(t *testing.T) {
		last := time.Unix(1000, 5)
		log := &fakeLog{follow: []attempt{hanging(at(last, l[0]), l[2], l[3])}}
		if _, err := run(log); err != nil {
			t.Fatal(err)
		}
		if got := log.opens[1]; got.follow || !got.since.Equal(last.Add(-overlap)) {
			t.Errorf("%+v", got)
		}
	})
}

func TestGapHasTimes(t *testing.T) {
	l := tracerLines(t, 1, 1, 1)
	synctest.Test(t, func(t *testing.T) {
		from, to := time.Unix(100, 5).UTC(), time.Unix(200, 7).UTC()
		items, err := run(&fakeLog{follow: []attempt{text(at(from, l[0]), at(to, l[3]), at(to, l[4]))}})
		if err != nil || len(items) != 4 || items[1].Gap == nil {
			t.Fatal(err, summary(items))
		}
		want := Gap{Cause: event.LostWire, Events: 2, FirstEvent: 1, Frames: 2, From: from, To: to}
		if *items[1].Gap != want {
			t.Errorf("got %+v, want %+v", *items[1].Gap, want)
		}
	})
}

func TestFollowUntilContextEnds(t *testing.T) {
	l := tracerLines(t, 1, 1)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var items []Item
		log := &fakeLog{follow: []attempt{hanging(l[0], l[2])}, read: []attempt{hanging()}}
		err := Follow(ctx, log, session, func(it Item) {
			items = append(items, it)
			synctest.Wait() // all lines are read
			cancel()
		})
		want := []string{"frame 1", "gap wire 1 events from 1, 1 frames", "frame 3", "gap wire from 3 uncounted"}
		if got := summary(items); !errors.Is(err, context.Canceled) || !slices.Equal(got, want) {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	})
}
