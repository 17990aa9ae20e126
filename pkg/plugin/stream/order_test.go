// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"slices"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// What a frame says about its own events may contradict the frames before it.
func TestOrderOfContradictions(t *testing.T) {
	frame := func(number, first uint64, count int) received {
		return received{frame: &wire.Frame{Number: number, First: first, Count: count}}
	}
	bye := frame(3, 4, 0)
	bye.frame.Bye = &event.Bye{Totals: event.Totals{Events: 9}}
	var items []Item
	rejected := 0
	o := newOrder(func(it Item, _ int) { items = append(items, it) }, func(received, error) { rejected++ })
	for _, step := range []struct {
		r    received
		want bool
	}{
		{frame(1, 2, 1), true},  // event 1 is missing, and no frame
		{frame(2, 2, 1), false}, // event 2 once more
		{frame(2, 3, 1), true},
		{bye, true}, // 9 were written, 3 are known
		{frame(4, 10, 1), false},
	} {
		if got := o.add(step.r); got != step.want {
			t.Errorf("frame %d: %t", step.r.frame.Number, got)
		}
	}
	want := []string{"gap wire 1 events from 1, 0 frames", "frame 1", "frame 2", "gap wire 6 events from 4, 0 frames", "bye 3"}
	if got := summary(items); !slices.Equal(got, want) || rejected != 1 || !o.done {
		t.Errorf("%d rejected, got %q, want %q", rejected, got, want)
	}
}
