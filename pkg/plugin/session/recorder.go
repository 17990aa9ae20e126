// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// RecordSink is the name of the sink that records events, in NodeSummary.Dropped.
const RecordSink = "recording"

// How many events may wait, of some 1.3 KB each.
const (
	// recorderRoom is 64 MiB: a disk may stand still for a second at 50,000 events a second.
	recorderRoom = 50_000
	// displayRoom is for a screen beside a recorder, which must not wait for it.
	displayRoom = 20_000
)

// causeBroken is why a recorder does not take events after it failed.
const causeBroken = "it can't be written"

// newRecorder is the output that records events; nil where nothing is recorded.
func (s *session) newRecorder() *pipeline.Output {
	if s.Recorder == nil {
		return nil
	}
	return &pipeline.Output{Name: RecordSink, Sink: s.Recorder, Most: recorderRoom, InOrder: true, Failed: s.RecordFailed}
}

// mostDisplayed is how many events wait for the display where nothing waits for it; 0: it is waited for.
func (s *session) mostDisplayed() int64 {
	if s.Recorder == nil {
		return 0
	}
	return displayRoom
}

// outputs are those that there are.
func (s *session) outputs() []*pipeline.Output {
	if s.recorder == nil {
		return []*pipeline.Output{s.display}
	}
	return []*pipeline.Output{s.display, s.recorder}
}

// putAll hands over items: all of them to the recorder, what is shown to the display.
func (s *session) putAll(ctx context.Context, b pipeline.Batch) {
	if s.recorder == nil {
		s.display.Put(ctx, b)
		return
	}
	s.recorder.Put(ctx, b)
	shown := pipeline.Batch{Counts: b.Counts, Items: make([]*pipeline.Item, 0, len(b.Items))}
	for _, it := range b.Items {
		if !it.Unshown {
			shown.Items = append(shown.Items, it)
		}
	}
	s.display.Put(ctx, shown)
}

// finishRecorder has the recorder take what was put, and counts what it did not.
func (s *session) finishRecorder(ctx context.Context) {
	if s.recorder == nil {
		return
	}
	if err := s.recorder.Close(ctx); err != nil && ctx.Err() != nil {
		s.RecordFailed(err)
	}
	s.recorder.Abandon()
}
