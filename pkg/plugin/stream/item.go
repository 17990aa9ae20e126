// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Item is one thing that Follow delivers: exactly one of the pointers is set.
type Item struct {
	// Frame: in order of its number, each once; the last has Bye set. Of its events and processes it says only how many there are:
	// Open reads them.
	Frame *wire.Frame
	// Gap: frames are missing here.
	Gap *Gap
	// Stale: the tracer has been silent for too long; the next Frame ends it. Once per silence.
	Stale *Stale
	// ReadError: the log could not be opened or read. Follow keeps trying; once per series of equal errors.
	ReadError *ReadError
	// Ignored: lines of the log that are no frames of this session. At the first, 10th, 100th … and at the end.
	Ignored *Ignored

	// LogTime is the kubelet's timestamp of the frame's line, by the node's clock; zero when the line had none.
	LogTime time.Time
	// Received is when the frame was read, by this machine's clock.
	Received time.Time
	// Part is which of the frame's events are meant; Size how many bytes its line has.
	Part Part
	Size int

	line    []byte
	decoder *wire.FrameDecoder
}

// Open reads the frame with its events and processes. The error, which wraps wire.ErrMalformed, says that the events of the frame
// can't be read: they are lost.
func (it *Item) Open() (*wire.Frame, error) {
	if it.Frame.Count == 0 {
		return it.Frame, nil
	}
	return it.decoder.Decode(it.line)
}

// Events is how many events of the frame are meant.
func (it *Item) Events() uint64 {
	switch f := it.Frame; it.Part {
	case Enforced:
		return uint64(f.Enforced)
	case Rest:
		return uint64(f.Count - f.Enforced)
	default:
		return uint64(f.Count)
	}
}

// Gap is where frames are missing.
type Gap struct {
	// Cause is event.LostWire (they never arrived) or event.LostDisplay (deliver was too slow for them).
	Cause string
	// Events is exactly how many events are missing, FirstEvent the number of the first of them.
	Events, FirstEvent uint64
	// Frames is how many frames are missing; Events is 0 where these were heartbeats only.
	Frames uint64
	// From and To are the log times of the last frame before the gap and the first after it; zero when there is none.
	From, To time.Time
	// Uncounted says that more may be missing behind this, and that nobody knows how much: the tracer ended without bye, or
	// Follow was told to end before it did.
	Uncounted bool
}

// Stale is a silence of the tracer, which sends at least a heartbeat each second.
type Stale struct {
	// Silence is how long nothing came so far.
	Silence time.Duration
	// Last is when the last frame was read; zero when none came yet.
	Last time.Time
}

// ReadError is an error of the way to the log.
type ReadError struct{ Err error }

// Ignored counts lines that were passed over, since Follow began.
type Ignored struct {
	// Malformed lines are no frames, Foreign ones are frames of another session.
	Malformed, Foreign uint64
	// Sample is the beginning of the latest, as it came from the node: at most 200 bytes, not to be printed as it is.
	Sample string
	// Err says what is wrong with it.
	Err error
}

// EndedError is Follow's result when the tracer ended without saying bye.
type EndedError struct{ Reason string }

func (e *EndedError) Error() string {
	return fmt.Sprintf("the tracer ended without saying bye: %s", e.Reason)
}
