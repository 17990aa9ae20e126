// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// run follows a log with the clock of a synctest bubble, for ten minutes of it at the most.
func run(log *fakeLog) ([]Item, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	var items []Item
	err := Follow(ctx, log, session, func(it Item) { items = append(items, it) })
	return items, err
}

func TestFollow(t *testing.T) {
	// Frames: 1 hello, 2 with events 1–2, 3 with 3–5, 4 a heartbeat, 5 with 6–9, 6 with 10, 7 bye.
	l := tracerLines(t, 2, 3, 0, 4, 1)
	l = append([]string{""}, l...) // so that l[n] is frame n
	const total = 10
	if len(l) != 8 {
		t.Fatalf("%d lines", len(l)-1)
	}
	whole := []string{"frame 1", "frame 2", "frame 3", "frame 4", "frame 5", "frame 6", "bye 7"}
	foreign := strings.ReplaceAll(l[3], session, "another-session")
	huge := `{"v":1,"s":"` + strings.Repeat("x", 40*1024) + "\"}\n"
	status := func(code int32, message string) error {
		return &apierrors.StatusError{ErrStatus: apierrors.NewGenericServerResponse(int(code), "get", schema.GroupResource{Resource: "pods"}, "tracer", message, 0, true).ErrStatus}
	}
	waiting := apierrors.NewBadRequest(`container "tracer" in pod "tracer" is waiting to start: ContainerCreating`)
	broken := errors.New("connection reset")
	breaking := func(lines ...string) attempt {
		return attempt{serve: func(_ context.Context, w io.Writer) error {
			_, _ = io.WriteString(w, strings.Join(lines, ""))
			return broken
		}}
	}

	for _, test := range []struct {
		name string
		log  *fakeLog
		want []string
		// uncounted: the events don't add up, and the stream says so.
		uncounted bool
		ended     string
	}{
		{
			name: "whole",
			log:  &fakeLog{follow: []attempt{hanging(l[1:]...)}},
			want: whole,
		},
		{
			name: "EOF in the middle of a line, then overlap",
			log:  &fakeLog{follow: []attempt{text(l[1], l[2], l[3][:len(l[3])/2]), text(l[2], l[3], l[4]), hanging(l[3:]...)}},
			want: whole,
		},
		{
			name: "EOF between a line and its line feed",
			log:  &fakeLog{follow: []attempt{text(l[1], l[2], strings.TrimSuffix(l[3], "\n")), hanging(l[4:]...)}},
			want: whole,
		},
		{
			name: "duplicates of all",
			log:  &fakeLog{follow: []attempt{hanging(l[1], l[1], l[2], l[1], l[2], l[3], l[4], l[2], l[5], l[6], l[6], l[7])}},
			want: whole,
		},
		{
			name: "a gap that the log still holds",
			log:  &fakeLog{follow: []attempt{hanging(l[1], l[2], l[5], l[6], l[7])}, read: []attempt{text(l[2:5]...)}},
			want: whole,
		},
		{
			name: "a gap that the log holds in part",
			log:  &fakeLog{follow: []attempt{hanging(l[1], l[6], l[7])}, read: []attempt{text(l[3], l[5])}},
			want: []string{"frame 1", "gap wire 2 events from 1, 1 frames", "frame 3", "gap wire 0 events from 6, 1 frames", "frame 5", "frame 6", "bye 7"},
		},
		{
			name: "a gap that the log does not hold any more",
			log:  &fakeLog{follow: []attempt{hanging(l[1], l[2], l[5], l[6], l[7])}},
			want: []string{"frame 1", "frame 2", "gap wire 3 events from 3, 2 frames", "frame 5", "frame 6", "bye 7"},
		},
		{
			name: "a gap, the first look for it fails",
			log:  &fakeLog{follow: []attempt{hanging(l[1], l[2], l[5], l[6], l[7])}, read: []attempt{refused(broken), breaking(l[3]), text(l[3], l[4])}},
			want: whole,
		},
		{
			name: "a gap, every look for it fails",
			log:  &fakeLog{follow: []attempt{hanging(l[1], l[2], l[4], l[5], l[6], l[7])}, read: slices.Repeat([]attempt{refused(broken)}, 100)},
			want: []string{"frame 1", "frame 2", "gap wire 3 events from 3, 1 frames", "frame 4", "frame 5", "frame 6", "bye 7"},
		},
		{
			name: "a gap, the look for it hangs",
			log:  &fakeLog{follow: []attempt{hanging(l[1], l[2], l[4], l[5], l[6], l[7])}, read: []attempt{hanging()}},
			want: []string{"frame 1", "frame 2", "gap wire 3 events from 3, 1 frames", "frame 4", "frame 5", "frame 6", "bye 7"},
		},
		{
			name: "a gap whose frames come by a new stream",
			log:  &fakeLog{follow: []attempt{text(l[1], l[2], l[5]), hanging(l[2:]...)}, read: []attempt{hanging()}},
			want: whole,
		},
		{
			name: "two gaps, one is filled",
			log:  &fakeLog{follow: []attempt{hanging(l[1], l[3], l[5], l[6], l[7])}, read: []attempt{text(), text(l[4])}},
			want: []string{"frame 1", "gap wire 2 events from 1, 1 frames", "frame 3", "frame 4", "frame 5", "frame 6", "bye 7"},
		},
		{
			name: "missing before the first frame",
			log:  &fakeLog{follow: []attempt{hanging(l[5], l[6], l[7])}},
			want: []string{"gap wire 5 events from 1, 4 frames", "frame 5", "frame 6", "bye 7"},
		},
		{
			name: "missing at the tail",
			log:  &fakeLog{follow: []attempt{hanging(l[1], l[2], l[3], l[7])}},
			want: []string{"frame 1", "frame 2", "frame 3", "gap wire 5 events from 6, 3 frames", "bye 7"},
		},
		{
			name: "rotation: a stream that skips a file and goes back",
			log:  &fakeLog{follow: []attempt{text(l[1], l[4], l[2]), hanging(l[2], l[3], l[5], l[6], l[7])}, read: []attempt{hanging()}},
			want: whole,
		},
		{
			name: "container not yet started",
			log:  &fakeLog{follow: append(slices.Repeat([]attempt{refused(waiting)}, 200), hanging(l[1:]...))},
			want: whole,
		},
		{
			name: "410, 500 and broken streams",
			log:  &fakeLog{follow: []attempt{refused(status(410, "expired")), refused(status(500, "oops")), breaking(l[1], l[2]), hanging(l[1:]...)}},
			want: append([]string{"trouble " + status(410, "expired").Error(), "trouble " + status(500, "oops").Error()}, whole...),
		},
		{
			name: "a long outage is one trouble",
			log:  &fakeLog{follow: append(slices.Repeat([]attempt{refused(broken)}, 12), hanging(l[1:]...))},
			want: append([]string{"trouble connection reset"}, whole...),
		},
		{
			name: "outage in the middle",
			log:  &fakeLog{follow: append([]attempt{text(l[1], l[2])}, append(slices.Repeat([]attempt{refused(broken)}, 6), hanging(l[1:]...))...)},
			want: append([]string{"frame 1", "frame 2", "trouble connection reset", "stale 5s"}, whole[2:]...),
		},
		{
			name: "silence",
			log:  &fakeLog{follow: []attempt{hanging(l[1], l[2]), hanging(), hanging(), hanging(l[1:]...)}},
			want: append([]string{"frame 1", "frame 2", "stale 5s"}, whole[2:]...),
		},
		{
			name: "another session's frames, malformed and huge lines",
			log:  &fakeLog{follow: []attempt{hanging("panic: oops\n", l[1], foreign, l[2], l[3], "\n", "\x1b[31m{\n", huge, l[4], l[5], l[6], `{"v":9,"s":"`+session+"\"}\n", l[7])}},
			want: []string{"ignored 1 malformed 0 foreign", "frame 1", "frame 2", "frame 3", "frame 4", "frame 5", "frame 6", "bye 7", "ignored 5 malformed 1 foreign"},
		},
		{
			name:      "killed: pod ended without bye",
			log:       &fakeLog{follow: []attempt{text(l[1], l[2])}, read: []attempt{text(l[2], l[3])}, ending: &Ending{Reason: "out of memory", Message: "runtime: out of memory"}, endingAfter: 1},
			want:      []string{"frame 1", "frame 2", "frame 3", "gap wire from 6 uncounted"},
			uncounted: true,
			ended:     "out of memory",
		},
		{
			name: "pod gone, its totals in the termination message",
			log: &fakeLog{follow: []attempt{text(l[1], l[2])}, read: []attempt{refused(status(404, "gone"))},
				ending: &Ending{Reason: "exit code 0", Message: `{"reason":"stopped","totals":{"events":10}}`}, endingAfter: 1},
			want: []string{"frame 1", "frame 2", "gap wire 8 events from 3, 0 frames", "bye 3"},
		},
		{
			name: "bye of an ended pod",
			log:  &fakeLog{follow: []attempt{text(l[1])}, read: []attempt{refused(broken), breaking(l[2]), text(l[1:]...)}, ending: &Ending{Reason: "exit code 0"}, endingAfter: 1},
			want: append([]string{"frame 1", "trouble connection reset"}, whole[1:]...),
		},
		{
			name: "bye behind a gap of an ended pod",
			log:  &fakeLog{follow: []attempt{text(l[1], l[7])}, read: slices.Repeat([]attempt{text(l[2], l[7])}, 2), ending: &Ending{Reason: "exit code 0"}, endingAfter: 1},
			want: []string{"frame 1", "frame 2", "gap wire 8 events from 3, 4 frames", "bye 7"},
		},
		{
			name: "a gap in what an ended pod left",
			log:  &fakeLog{follow: []attempt{text(l[1])}, read: []attempt{text(l[1], l[7]), text(l[2:7]...)}, ending: &Ending{Reason: "exit code 0"}, endingAfter: 1},
			want: whole,
		},
		{
			name:      "the log of an ended pod can't be read",
			log:       &fakeLog{follow: []attempt{text(l[1])}, read: slices.Repeat([]attempt{refused(broken)}, 1000), ending: &Ending{Reason: "node lost"}, endingAfter: 1},
			want:      []string{"frame 1", "trouble connection reset", "gap wire from 1 uncounted"},
			uncounted: true,
			ended:     "node lost",
		},
		{
			name:      "deleted while it waits to start",
			log:       &fakeLog{follow: slices.Repeat([]attempt{refused(waiting)}, 10000), ending: &Ending{Reason: "deleted"}, endingAfter: 30},
			want:      []string{"gap wire from 1 uncounted"},
			uncounted: true,
			ended:     "deleted",
		},
		{
			name: "frames of another session where missing ones are looked for",
			log:  &fakeLog{follow: []attempt{hanging(l[1], l[2], l[4], l[5], l[6], l[7])}, read: []attempt{text(foreign)}},
			want: []string{"frame 1", "frame 2", "gap wire 3 events from 3, 1 frames", "frame 4", "frame 5", "frame 6", "bye 7"},
		},
		{
			name: "the kubelet's own words, without a line feed",
			log:  &fakeLog{follow: []attempt{text("failed to create fsnotify watcher: too many open files"), hanging(l[1:]...)}},
			want: append([]string{"ignored 1 malformed 0 foreign"}, whole...),
		},
		{
			name:      "pod deleted before it said anything",
			log:       &fakeLog{follow: []attempt{refused(status(404, "gone"))}, read: []attempt{refused(status(404, "gone"))}, ending: &Ending{Reason: "deleted"}},
			want:      []string{"gap wire from 1 uncounted"},
			uncounted: true,
			ended:     "deleted",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				items, err := run(test.log)
				if got := summary(items); !slices.Equal(got, test.want) {
					t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(test.want, "\n  "))
				}
				if got := accounted(items); got != total && !test.uncounted {
					t.Errorf("%d events are accounted for, the tracer wrote %d", got, total)
				}
				var ended *EndedError
				if test.ended == "" && err != nil || test.ended != "" && (!errors.As(err, &ended) || ended.Reason != test.ended) {
					t.Errorf("result: %v", err)
				}
			})
		})
	}
}

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
		if err := Follow(ctx, FromReader(r), session, func(Item) {}); !errors.Is(err, context.DeadlineExceeded) {
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

// A consumer that does not take anything must not keep the log from being read: the kubelet would skip whole files.
func TestSlowConsumer(t *testing.T) {
	const frames = 200
	l := tracerLines(t, slices.Repeat([]int{7}, frames)...)
	size := len(l[10])
	synctest.Test(t, func(t *testing.T) {
		read := make(chan struct{})
		log := &fakeLog{follow: []attempt{{serve: func(_ context.Context, w io.Writer) error {
			for _, line := range l {
				_, _ = io.WriteString(w, line)
			}
			close(read) // all but what the reader's buffer holds
			return nil
		}}}}
		var items []Item
		err := Follow(t.Context(), log, session, func(it Item) {
			<-read
			synctest.Wait()
			items = append(items, it)
		}, WithQueue(10*size))
		if err != nil {
			t.Fatal(err)
		}
		if got := accounted(items); got != 7*frames {
			t.Errorf("%d events are accounted for, the tracer wrote %d", got, 7*frames)
		}
		gaps := 0
		for _, it := range items {
			if it.Gap != nil {
				gaps++
				if it.Gap.Cause != event.LostDisplay || it.Gap.Events == 0 {
					t.Errorf("gap: %+v", it.Gap)
				}
			}
		}
		if first, last := items[0], items[len(items)-1]; gaps != 1 || first.Frame.Hello == nil || last.Frame.Bye == nil || len(items) > 15 {
			t.Errorf("%d gaps: %q", gaps, summary(items))
		}
	})
}

// Frames that wait for missing ones must not pile up without end.
func TestWaitingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &fakeLog{read: slices.Repeat([]attempt{hanging()}, 3)}
		var items []Item
		f := newFollower(log, session, func(it Item, _ int) { items = append(items, it) })
		f.silence = time.NewTimer(time.Hour)
		begin := time.Now()
		for n := uint64(2); n < 2+maxWaiting/wire.MaxFrame+2; n++ {
			f.take(t.Context(), received{frame: &wire.Frame{Session: session, Number: n, First: n, Count: 1}, size: wire.MaxFrame, read: time.Now()})
		}
		f.stopBackfill()
		if len(items) == 0 || items[0].Gap == nil || time.Since(begin) != 0 {
			t.Errorf("after %s: %q", time.Since(begin), summary(items))
		}
	})
}

func TestFromReader(t *testing.T) {
	l := tracerLines(t, 3)
	for _, test := range []struct {
		lines []string
		want  []string
		ended bool
	}{
		{l, []string{"frame 1", "frame 2", "bye 3"}, false},
		{l[:2], []string{"frame 1", "frame 2", "gap wire from 4 uncounted"}, true},
	} {
		var items []Item
		err := Follow(t.Context(), FromReader(io.NopCloser(strings.NewReader(strings.Join(test.lines, "")))), session, func(it Item) { items = append(items, it) })
		var ended *EndedError
		if got := summary(items); !slices.Equal(got, test.want) || errors.As(err, &ended) != test.ended {
			t.Errorf("got %q, %v, want %q", got, err, test.want)
		}
	}
}

func TestIgnoredIsSaidEverMoreSeldom(t *testing.T) {
	var counts []uint64
	i := ignored{push: func(it Item, _ int) { counts = append(counts, it.Ignored.Malformed) }}
	for range 12345 {
		i.malformed(&lineError{sample: "x", err: io.EOF})
	}
	i.flush()
	i.flush()
	if want := []uint64{1, 10, 100, 1000, 10000, 12345}; fmt.Sprint(counts) != fmt.Sprint(want) {
		t.Errorf("said at %d, want %d", counts, want)
	}
}
