// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

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
		}, WithBudget(NewBudget(10*size)))
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
		f := newFollower(log, session, func(it Item, _ int) { items = append(items, it) }, newOptions())
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
