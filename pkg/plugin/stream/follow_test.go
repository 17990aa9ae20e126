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
		err := Follow(t.Context(), fromReader(io.NopCloser(strings.NewReader(strings.Join(test.lines, "")))), session, func(it Item) { items = append(items, it) })
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
