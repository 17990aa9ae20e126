// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

const session = "this-session"

// tracerLines are the frames that a tracer writes: hello, then one frame for each number of events (0: a heartbeat), then
// bye. Line n, from 1, is frame n.
func tracerLines(t *testing.T, events ...int) []string {
	t.Helper()
	var out bytes.Buffer
	e := wire.NewEncoder(&out, session)
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	check(e.Hello(event.Hello{Build: "test", Session: session}))
	for _, count := range events {
		for range count {
			p := &wire.Process{Process: event.Process{ExecID: fmt.Sprint("process-", e.Written())}}
			check(e.Add(wire.Event{ProcessID: p.ExecID, Event: event.Event{ProcessExec: &event.ProcessExec{}}}, p))
		}
		if count == 0 {
			check(e.Heartbeat(event.Totals{}))
		}
		check(e.Flush())
	}
	check(e.Bye(event.Bye{Reason: event.ByeStopped}))
	return slices.Collect(strings.Lines(out.String()))
}

// attempt is what one Open brings: an error, or a stream that serve writes. serve's result ends the stream (nil: a clean EOF).
type attempt struct {
	refused error
	serve   func(ctx context.Context, w io.Writer) error
}

// text is a stream that brings lines and ends.
func text(lines ...string) attempt {
	return attempt{serve: func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, strings.Join(lines, ""))
		return err
	}}
}

// hanging is a stream that brings lines and then nothing more, until its reader leaves.
func hanging(lines ...string) attempt {
	return attempt{serve: func(ctx context.Context, w io.Writer) error {
		_, err := io.WriteString(w, strings.Join(lines, ""))
		<-ctx.Done()
		return err
	}}
}

func refused(err error) attempt { return attempt{refused: err} }

// fakeLog is a tracer's log as the log endpoint shows it, by a script. When a script is at its end, following hangs and
// reading without following brings nothing.
type fakeLog struct {
	follow, read []attempt
	// ending, once opened this many times, is how the tracer ended.
	ending      *Ending
	endingAfter int

	mu    sync.Mutex
	opens []fakeOpen
}

type fakeOpen struct {
	since  time.Time
	follow bool
	at     time.Time
}

func (l *fakeLog) next(since time.Time, follow bool) attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opens = append(l.opens, fakeOpen{since, follow, time.Now()})
	script, otherwise := &l.follow, hanging()
	if !follow {
		script, otherwise = &l.read, text()
	}
	if len(*script) == 0 {
		return otherwise
	}
	head := (*script)[0]
	*script = (*script)[1:]
	return head
}

func (l *fakeLog) Open(ctx context.Context, since time.Time, follow bool) (io.ReadCloser, error) {
	a := l.next(since, follow)
	if a.refused != nil {
		return nil, a.refused
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(a.serve(ctx, w)) }()
	return r, nil
}

func (l *fakeLog) Ended(context.Context) (*Ending, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ending == nil || len(l.opens) < l.endingAfter {
		return nil, nil
	}
	return l.ending, nil
}

// summary is one word or two for each item.
func summary(items []Item) []string {
	var all []string
	for _, it := range items {
		switch {
		case it.Frame != nil && it.Frame.Bye != nil:
			all = append(all, fmt.Sprintf("bye %d", it.Frame.Number))
		case it.Frame != nil:
			all = append(all, fmt.Sprintf("frame %d", it.Frame.Number))
		case it.Gap != nil && it.Gap.Uncounted:
			all = append(all, fmt.Sprintf("gap %s from %d uncounted", it.Gap.Cause, it.Gap.FirstEvent))
		case it.Gap != nil:
			all = append(all, fmt.Sprintf("gap %s %d events from %d, %d frames", it.Gap.Cause, it.Gap.Events, it.Gap.FirstEvent, it.Gap.Frames))
		case it.Stale != nil:
			all = append(all, fmt.Sprintf("stale %s", it.Stale.Silence))
		case it.ReadError != nil:
			all = append(all, "trouble "+it.ReadError.Err.Error())
		case it.Ignored != nil:
			all = append(all, fmt.Sprintf("ignored %d malformed %d foreign", it.Ignored.Malformed, it.Ignored.Foreign))
		}
	}
	return all
}

// accounted is how many events were delivered or said to be missing.
func accounted(items []Item) (events uint64) {
	for _, it := range items {
		if it.Frame != nil {
			events += uint64(it.Frame.Count)
		}
		if it.Gap != nil {
			events += it.Gap.Events
		}
	}
	return events
}

// at puts the kubelet's timestamp before a line.
func at(t time.Time, line string) string { return t.Format(time.RFC3339Nano) + " " + line }

// fromReader is the source for a tracer in this process: one pass over r, and the tracer has ended when r has.
func fromReader(r io.ReadCloser) Source { return &reader{r: r} }

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
