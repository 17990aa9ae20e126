// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

func TestQueue(t *testing.T) {
	q := newQueue(100)
	moment := func(n uint64) time.Time { return time.Unix(int64(n), 0) }
	push := func(n uint64, size int) {
		q.push(Item{Frame: &wire.Frame{Number: n, First: n, Count: 1}, LogTime: moment(n)}, size)
	}
	pop := func() Item {
		it, ok := q.pop()
		if !ok {
			t.Fatal("the queue is closed")
		}
		return it
	}
	push(1, 50)
	push(2, 50)
	push(3, 10) // full
	push(4, 10)
	items := []Item{pop()}
	push(5, 10) // half is not free yet
	items = append(items, pop())
	push(6, 10)
	push(7, 100) // full again
	q.push(Item{Frame: &wire.Frame{Number: 8, First: 8, Notice: &event.Notice{}}, LogTime: moment(8)}, 1000)
	push(9, 10)
	q.close()
	for it, ok := q.pop(); ok; it, ok = q.pop() {
		items = append(items, it)
	}
	want := []string{"frame 1", "frame 2", "gap display 3 events from 3, 3 frames", "frame 6", "gap display 1 events from 7, 1 frames", "frame 8", "gap display 1 events from 9, 1 frames"}
	if got := summary(items); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i, want := range map[int][2]time.Time{2: {moment(2), moment(6)}, 4: {moment(6), moment(8)}, 6: {moment(8), {}}} {
		if g := items[i].Gap; !g.From.Equal(want[0]) || !g.To.Equal(want[1]) {
			t.Errorf("gap from %s to %s, want %s", g.From, g.To, want)
		}
	}
}

func TestLinesOfTheKubeletAreExplained(t *testing.T) {
	_, err := newLineReader(nil).parse([]byte("failed to create fsnotify watcher: too many open files"))
	if err == nil || !strings.Contains(err.Error(), "fs.inotify.max_user_instances") {
		t.Errorf("got %v", err)
	}
}
