// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"io"
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

// Resetter is a Source that can replace the connections that it reads by: a network that is gone without a word leaves them
// hanging. Reset is called when the tracer is silent.
type Resetter interface{ Reset() }

// Ending is how a tracer ended.
type Ending struct {
	// Reason is for people: "killed: out of memory (exit code 137)".
	Reason string
	// Message is the container's termination message. A tracer that could say goodbye left its event.Bye there as JSON.
	Message string
}
