// SPDX-License-Identifier: Apache-2.0

package recorder

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/recording"
)

// Flight says of a flight recorder what it waits for (one of Triggers), and how much of what is before and after it is written.
type Flight struct {
	On            string
	Before, After time.Duration
}

// triggers are what a flight recorder can wait for.
var triggers = map[string]func(*pipeline.Item) bool{
	"finding":  func(it *pipeline.Item) bool { return len(it.Event.Detections) > 0 },
	"enforced": func(it *pipeline.Item) bool { return it.AboutProcess && len(it.Event.Enforced()) > 0 },
}

// Triggers are their names.
func Triggers() []string { return []string{"finding", "enforced"} }

// Check says what is wrong with the options.
func (f *Flight) Check() error {
	if !slices.Contains(Triggers(), f.On) {
		return fmt.Errorf("--record-on %q: want one of %s", f.On, strings.Join(Triggers(), ", "))
	}
	if f.Before < 0 || f.After < 0 {
		return fmt.Errorf("--record-before %s, --record-after %s: a time can't be negative", f.Before, f.After)
	}
	return nil
}

// flightBytes is how much waits in memory at most; what is older goes.
const flightBytes = 64 << 20

// flight is the memory of a flight recorder.
type flight struct {
	options Flight
	held    []held
	bytes   int
	// until is how long everything is written.
	until time.Time
}

// held is a line that waits.
type held struct {
	line  []byte
	about recording.About
	// spoken: it is of the stream and not about a process: it is written in any case.
	spoken bool
	at     time.Time
}

// takeInFlight writes a line, or holds it.
func (r *Recorder) takeInFlight(it *pipeline.Item, a recording.About) error {
	f, now := r.flight, it.Received
	if now.IsZero() {
		now = time.Now()
	}
	if triggers[f.options.On](it) {
		if err := r.expire(now); err != nil {
			return err
		}
		if err := r.release(); err != nil {
			return err
		}
		f.until = now.Add(f.options.After)
		return r.write(r.line, a, it)
	}
	if now.Before(f.until) {
		return r.write(r.line, a, it)
	}
	f.held = append(f.held, held{slices.Clone(r.line), a, !it.AboutProcess, now})
	f.bytes += len(r.line)
	return r.expire(now)
}

// release writes everything that is held.
func (r *Recorder) release() error {
	f := r.flight
	for _, h := range f.held {
		if err := r.write(h.line, h.about, nil); err != nil {
			return err
		}
	}
	f.held, f.bytes = nil, 0
	return nil
}

// expire lets go of what is too old: nothing happened that was waited for.
func (r *Recorder) expire(now time.Time) error {
	f := r.flight
	for len(f.held) > 0 && (now.Sub(f.held[0].at) > f.options.Before || f.bytes > flightBytes) {
		h := f.held[0]
		f.held[0] = held{}
		f.held, f.bytes = f.held[1:], f.bytes-len(h.line)
		if h.spoken {
			if err := r.write(h.line, h.about, nil); err != nil {
				return err
			}
			continue
		}
		if h.about.Number > 0 {
			r.node(h.about.Node).skipped++
		}
	}
	return nil
}

// endFlight writes of what is held what is not about processes.
func (r *Recorder) endFlight() error {
	f := r.flight
	if f == nil {
		return nil
	}
	f.options.Before = -1
	return r.expire(time.Now())
}
