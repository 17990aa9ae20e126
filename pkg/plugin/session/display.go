// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"fmt"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// displaySink is the name of the sink that shows events: what it takes is what the summary counts as shown.
const displaySink = "display"

// newDisplay is the output that shows events, at most so many (0: all) besides what was enforced.
func (s *session) newDisplay() *pipeline.Output {
	shown := uint64(0)
	full := func() bool { return s.MaxEvents > 0 && shown >= s.MaxEvents }
	return &pipeline.Output{
		Name: displaySink, Sink: s.Sink, Wait: s.Recorder == nil, Most: s.mostDisplayed(),
		Shows: func(it *pipeline.Item) bool { return !it.AboutProcess || it.Urgent || !full() },
		Shown: func(*pipeline.Item) {
			if shown++; full() {
				s.stop.Shutdown(ErrMaxEvents)
			}
		},
		Failed: func(err error) { s.stop.Shutdown(outputError(err)) },
	}
}

// IsReaderGone says whether an output could not be written because nobody reads it any more, as after "| head".
func IsReaderGone(err error) bool { return readerGone(err) }

// outputError is why output that could not be written ends the session.
func outputError(err error) error {
	if err == nil || errors.Is(err, errOutputStuck) {
		return err
	}
	if readerGone(err) {
		return ErrOutputClosed
	}
	return fmt.Errorf("write events: %w", err)
}
