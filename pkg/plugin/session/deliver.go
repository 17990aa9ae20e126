// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/join"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/stream"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// deliver takes one item of a node's stream. It may wait for the display and for the names of containers: the stream's
// reader does not wait for it.
func (s *session) deliver(ctx context.Context, n *node, hold *join.Hold, it stream.Item) {
	switch {
	case it.Frame != nil:
		s.frame(ctx, n, hold, it)
	case it.Gap != nil:
		s.gap(n, it.Gap)
	case it.Stale != nil && !n.isTraced():
		s.Status.Waiting(n.name, "the tracer to load its programs")
	case it.Stale != nil:
		s.notice(n, event.LevelWarning, "", fmt.Sprintf("no sign of life from the tracer for %s; waiting", it.Stale.Silence.Round(time.Second)))
	case it.Trouble != nil:
		var start *launch.NodeError
		if errors.As(it.Trouble.Err, &start) { // the tracer does not start: wait says so, once
			return
		}
		s.notice(n, event.LevelWarning, "", fmt.Sprintf("reading the tracer's log: %v; trying again", it.Trouble.Err))
	case it.Ignored != nil:
		text := fmt.Sprintf("lines in the tracer's log that it did not write: %d malformed, %d of another session (%q)", it.Ignored.Malformed, it.Ignored.Foreign, it.Ignored.Sample)
		n.tally.problem("foreign lines in the tracer's log")
		s.notice(n, event.LevelWarning, "", text)
	}
}

// frame takes what a frame holds: at most one of hello, heartbeat, notice and bye, and events.
func (s *session) frame(ctx context.Context, n *node, hold *join.Hold, it stream.Item) {
	f, at := it.Frame, frameTime(it)
	if f.Hello != nil {
		s.hello(n, f.Hello, at)
	}
	for e := range hold.Events(ctx, f, it.Received) {
		e.NodeName = n.name
		enforced := n.tally.enforced(e)
		if e.Time == nil {
			e.Time = at
		}
		it := &pipeline.Item{Event: e, Process: n.processes.Observe(e)}
		if _, about := e.Subjects(); about && !s.shows(it) && !enforced {
			n.tally.filtered.Add(1)
			continue
		}
		s.putItem(it, n.tally)
	}
	n.tally.totals(f.Lost)
	if f.Heartbeat != nil {
		n.tally.spent(f.Heartbeat.Cost)
		s.losses(n, at)
	}
	if f.Notice != nil {
		s.notice(n, f.Notice.Level, f.Notice.Subject, f.Notice.Text)
	}
	if f.Bye != nil {
		s.bye(n, f, at)
	}
}

// shows completes an event and says whether it is shown.
func (s *session) shows(it *pipeline.Item) bool {
	if s.Complete != nil && !s.Complete(it) {
		return false
	}
	return s.Keep == nil || s.Keep(it)
}

// put shows an event that is about no process, without what nobody may see.
func (s *session) put(e *event.Event, t *tally) { s.putItem(&pipeline.Item{Event: e}, t) }

// putItem shows an item, without what nobody may see.
func (s *session) putItem(it *pipeline.Item, t *tally) {
	if s.Redact != nil {
		s.Redact.Redact(it.Event)
	}
	s.display.put(it, t)
}

func frameTime(it stream.Item) *event.Timestamp {
	if it.LogTime.IsZero() {
		return &event.Timestamp{Time: it.Received}
	}
	return &event.Timestamp{Time: it.LogTime}
}

func (s *session) hello(n *node, h *event.Hello, at *event.Timestamp) {
	if s.Redact != nil {
		s.Redact.Redact(&event.Event{Hello: h}) // now: others get it too
	}
	n.mu.Lock()
	n.hello = true
	n.mu.Unlock()
	s.Status.Ready(n.name)
	s.settle(n, h)
	for _, hook := range h.Hooks {
		if hook.Refused != "" {
			n.tally.problem(fmt.Sprintf("hook %s: %s", hook.Name, hook.Refused))
		}
	}
	s.put(&event.Event{Hello: h, NodeName: n.name, Time: at}, n.tally)
}

// losses puts what was lost since the last time into the stream: with each heartbeat, so once a second.
func (s *session) losses(n *node, at *event.Timestamp) {
	for _, loss := range n.tally.losses() {
		s.put(&event.Event{Loss: &loss, NodeName: n.name, Time: at}, n.tally)
	}
}

func (s *session) gap(n *node, g *stream.Gap) {
	n.tally.gap(g.Cause, g.Events)
	s.losses(n, &event.Timestamp{Time: time.Now()})
	if g.Uncounted && n.isTraced() { // nothing is missing of what never began
		n.tally.problem("the stream broke off")
		s.notice(n, event.LevelWarning, "", "the stream broke off: nobody knows how many events are missing from here on")
	}
}

func (s *session) bye(n *node, f *wire.Frame, at *event.Timestamp) {
	b := f.Bye
	n.tally.bye(b)
	n.tally.totals(b.Totals.Lost)
	s.losses(n, at)
	s.put(&event.Event{Bye: b, NodeName: n.name, Time: at}, n.tally)
	var failed error
	switch {
	case b.Error != "":
		failed = errors.New("the tracer failed: " + b.Error)
	case b.Reason == event.ByeStopped && s.stop.Reason() == nil:
		failed = errors.New("the tracer was ended by somebody else: its pod was deleted or evicted, or the node shuts down")
	case b.Reason == event.ByeAbandoned:
		failed = errors.New("the tracer took this command for dead: its control connection was silent or cut")
	}
	n.mu.Lock()
	n.failed = failed
	n.mu.Unlock()
}

// notice says something that the reader of the stream has to know: in the stream, and on stderr unless both are one terminal.
func (s *session) notice(n *node, level event.Level, subject, text string) {
	if pod := s.pods.name(subject); pod != "" {
		subject = pod
	}
	if s.Redact != nil {
		text = s.Redact.RedactText(text)
	}
	if !s.SharedTerminal {
		about := ""
		if subject != "" {
			about = subject + ": "
		}
		s.Status.Say(level, fmt.Sprintf("node %s: %s%s", n.name, about, text))
	}
	s.putNotice(n, level, subject, text)
}

func (s *session) putNotice(n *node, level event.Level, subject, text string) {
	at := &event.Timestamp{Time: time.Now()}
	s.put(&event.Event{Notice: &event.Notice{Level: level, Subject: subject, Text: text}, NodeName: n.name, Time: at}, n.tally)
}

// nodeFailed says that a node is not, or no longer, traced.
func (s *session) nodeFailed(n *node, err error) {
	text := strings.TrimPrefix(err.Error(), "node "+n.name+": ") // both say themselves which node it is
	s.Status.Failed(n.name, errors.New(text))
	if !s.SharedTerminal {
		s.putNotice(n, event.LevelError, "", "not traced: "+text)
	}
}
