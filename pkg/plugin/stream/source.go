// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"io"
	"strings"
	"sync/atomic"
	"time"
)

// Source is the log of one tracer. Its methods are called from several goroutines at once.
type Source interface {
	// Open returns the lines of the log that were written since a time (zero: all), up to its present end or, with follow, as
	// they come. Each line may begin with the kubelet's timestamp (RFC 3339) and a blank. Both ctx and Close end a Read.
	Open(ctx context.Context, since time.Time, follow bool) (io.ReadCloser, error)
	// Ended says how the tracer ended: nil while it runs or has not started yet, not nil once its container ended or its pod is
	// gone. After that, Open without follow returns all that is left.
	Ended(ctx context.Context) (*Ending, error)
}

// Ending is how a tracer ended.
type Ending struct {
	// Reason is for people: "killed: out of memory (exit code 137)".
	Reason string
	// Message is the container's termination message. A tracer that could say goodbye left its event.Bye there as JSON.
	Message string
}

// FromReader is the source for a tracer in this process: one pass over r, and the tracer has ended when r has.
func FromReader(r io.ReadCloser) Source { return &reader{r: r} }

type reader struct {
	r      io.ReadCloser
	opened atomic.Bool
}

func (s *reader) Open(_ context.Context, _ time.Time, follow bool) (io.ReadCloser, error) {
	if !follow || s.opened.Swap(true) { // a pipe can't be read again
		return io.NopCloser(strings.NewReader("")), nil
	}
	return s.r, nil
}

func (s *reader) Ended(context.Context) (*Ending, error) {
	if !s.opened.Load() {
		return nil, nil
	}
	return &Ending{Reason: "its output was closed"}, nil
}
