// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pods"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/stream"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// nodeWay is the way of one tracer's events from its stream to the outputs. It belongs to the goroutine that delivers the stream.
type nodeWay struct {
	*session
	node      *node
	resolver  *pods.Resolver
	processes *processes.Table
}

// deliver takes one item of a node's stream. It may wait for the outputs and for the names of containers: the stream's
// reader does not wait for it.
func (w *nodeWay) deliver(ctx context.Context, it stream.Item) {
	n := w.node
	switch {
	case it.Frame != nil:
		w.frame(ctx, &it)
	case it.Gap != nil:
		w.gap(ctx, it.Gap)
	case it.Stale != nil && !n.isTraced():
		w.Status.Waiting(n.name, "the tracer to load its programs")
	case it.Stale != nil:
		w.notice(n, event.LevelWarning, "", fmt.Sprintf("no sign of life from the tracer for %s: nothing is seen here since %s; waiting",
			it.Stale.Silence.Round(time.Second), clock(it.Stale.Last)))
	case it.ReadError != nil:
		if _, ok := errors.AsType[*launch.NodeError](it.ReadError.Err); ok { // the tracer does not start: wait says so, once
			return
		}
		w.notice(n, event.LevelWarning, "", fmt.Sprintf("reading the tracer's log: %v; trying again", it.ReadError.Err))
	case it.Ignored != nil:
		n.stats.problem("foreign lines in the tracer's log")
		w.notice(n, event.LevelWarning, "", fmt.Sprintf("lines in the tracer's log that it did not write: %d malformed, %d of another session (%q)",
			it.Ignored.Malformed, it.Ignored.Foreign, it.Ignored.Sample))
	}
}

// frame takes what a frame holds: at most one of hello, heartbeat, notice, throttle and bye, and events.
func (w *nodeWay) frame(ctx context.Context, it *stream.Item) {
	n, f := w.node, it.Frame
	at := &event.Timestamp{Time: cmpTime(it.LogTime, it.Received)}
	switch {
	case f.Hello != nil:
		w.hello(ctx, f.Hello, at)
	case len(w.Running) > 0:
		w.joined()
	}
	n.mu.Lock()
	n.run.lastFrame = at.Time
	n.mu.Unlock()
	if f.Count > 0 {
		w.events(ctx, it, at)
	}
	n.stats.totals(f.Lost)
	if f.Heartbeat != nil {
		n.stats.heartbeat(f.Heartbeat)
		w.losses(ctx, at)
	}
	switch {
	case f.Notice == nil:
	case f.Notice.Subject == event.SubjectDetached: // an answer to this program
		n.detachedOnce.Do(func() { close(n.detached) })
	default:
		w.notice(n, f.Notice.Level, f.Notice.Subject, f.Notice.Text)
	}
	if f.Throttle != nil {
		w.throttle(ctx, f.Throttle, at)
	}
	if f.Bye != nil {
		w.bye(ctx, f, at)
	}
}

// events takes the events of a frame through the pipeline. How many frames are open at once in the session is bounded.
func (w *nodeWay) events(ctx context.Context, it *stream.Item, at *event.Timestamp) {
	n := w.node
	if w.frames.Acquire(ctx, 1) != nil { // nobody waits for them any more
		n.stats.gap(event.LostDisplay, it.Events())
		return
	}
	defer w.frames.Release(1)
	f, err := it.Open()
	if err != nil {
		n.stats.gap(event.LostWire, it.Events())
		w.notice(n, event.LevelWarning, "", fmt.Sprintf("a frame in the tracer's log can't be read: %v", err))
		w.losses(ctx, at)
		return
	}
	batch := pipeline.Batch{Counts: n.stats, Items: make([]*pipeline.Item, 0, len(f.Events))}
	for number, e := range w.resolver.Events(ctx, f, it.Received) {
		e.NodeName = w.node.name
		if e.Time == nil {
			e.Time = at
		}
		item := pipeline.NewItem(e)
		item.Number, item.Received = number, it.Received
		if item = w.pass(it.Part, item); item != nil {
			batch.Items = append(batch.Items, item)
		}
	}
	w.putAll(ctx, batch)
}

// pass takes one event through the stages; nil if nobody takes it, or it is of the other part of its frame.
func (w *nodeWay) pass(part stream.Part, item *pipeline.Item) *pipeline.Item {
	e := item.Event
	if part == stream.Enforced && !item.Urgent || part == stream.Rest && item.Urgent {
		return nil
	}
	if item.AboutProcess {
		if h := e.Hooked(); h != nil {
			w.node.stats.enforced(e, h)
		}
		item.Process = w.processes.Observe(e)
		if w.leaveOut(item); item.Unshown {
			w.node.stats.Filtered(displaySink)
			if w.Recorder == nil {
				return nil
			}
		}
	}
	w.redact(item)
	return item
}

// leaveOut says of an item whether it is shown.
func (w *nodeWay) leaveOut(it *pipeline.Item) {
	about := w.Stages.Pass(it)
	wanted := about && w.Filters.Pass(it)
	if about && (wanted || w.Recorder != nil) {
		about = w.About.Pass(it)
	}
	it.Aside, it.Unshown = !about && !it.Urgent, !(about && wanted) && !it.Urgent
}

// redact takes out what nobody may see.
func (s *session) redact(it *pipeline.Item) {
	if s.Redact != nil {
		s.Redact.Pass(it)
	}
}

// put shows an event that is about no process.
func (s *session) put(ctx context.Context, n *node, e *event.Event) {
	it := pipeline.NewItem(e)
	s.redact(it)
	s.putAll(ctx, pipeline.Batch{Counts: n.stats, Items: []*pipeline.Item{it}})
}

func (w *nodeWay) hello(ctx context.Context, h *event.Hello, at *event.Timestamp) {
	n := w.node
	w.redact(&pipeline.Item{Event: &event.Event{Hello: h}}) // now: others get it too
	n.hear()
	n.mu.Lock()
	since := n.lostSince
	n.lostSince = time.Time{}
	n.mu.Unlock()
	if !since.IsZero() {
		between := fmt.Sprintf("nothing was seen here between %s and %s", clock(since), clock(at.Time))
		n.stats.problem(between)
		w.notice(n, event.LevelWarning, "", "traced again: "+between)
	}
	w.Status.Ready(n.name)
	w.settle(n, h)
	for _, hook := range h.Hooks {
		if hook.Refused != "" {
			n.stats.problem(fmt.Sprintf("hook %s: %s", hook.Name, hook.Refused))
		}
	}
	w.put(ctx, n, &event.Event{Hello: h, NodeName: n.name, Time: at})
}

// losses puts what was lost since the last time into the stream: with each heartbeat, so once a second.
func (w *nodeWay) losses(ctx context.Context, at *event.Timestamp) {
	for _, loss := range w.node.stats.losses() {
		w.put(ctx, w.node, &event.Event{Loss: &loss, NodeName: w.node.name, Time: at})
	}
}

// throttle shows that events of a pod are left out from now on, or no longer.
func (w *nodeWay) throttle(ctx context.Context, t *wire.Throttle, at *event.Timestamp) {
	e := t.Event(w.resolver.Pod(t.PodUID))
	e.NodeName = w.node.name
	if e.Time == nil {
		e.Time = at
	}
	w.node.stats.throttle(e)
	w.put(ctx, w.node, e)
}

func (w *nodeWay) gap(ctx context.Context, g *stream.Gap) {
	n := w.node
	n.stats.gap(g.Cause, g.Events)
	w.losses(ctx, &event.Timestamp{Time: time.Now()})
	if w.staying(n) && w.stop.Reason() != nil { // it goes on without this program
		return
	}
	if g.Uncounted && n.isTraced() { // nothing is missing of what never began
		n.stats.problem("the stream broke off")
		w.notice(n, event.LevelWarning, "", "the stream broke off: nobody knows how many events are missing from here on")
	}
}

func (w *nodeWay) bye(ctx context.Context, f *wire.Frame, at *event.Timestamp) {
	n, b := w.node, f.Bye
	n.stats.bye(b)
	n.stats.totals(b.Totals.Lost)
	w.losses(ctx, at)
	w.put(ctx, n, &event.Event{Bye: b, NodeName: n.name, Time: at})
	var failed error
	switch {
	case b.Error != "":
		failed = errors.New("the tracer failed: " + b.Error)
	case b.Reason == event.ByeStopped && w.stop.Reason() == nil:
		failed = errEndedByOthers
	case b.Reason == event.ByeAbandoned:
		failed = errTakenForDead
	}
	n.mu.Lock()
	n.run.failed = failed
	n.mu.Unlock()
}

// notice says something that the reader of the stream has to know: in the stream, and on stderr unless both are one terminal.
func (s *session) notice(n *node, level event.Level, subject, text string) {
	if pod := s.presence.Name(subject); pod != "" {
		subject = pod
	}
	if s.RedactText != nil {
		text = s.RedactText(text)
	}
	if !s.SharedTerminal {
		about := ""
		if subject != "" {
			about = subject + ": "
		}
		oneLine := strings.ReplaceAll(about+text, "\n", `\n`) // a node's words must not look like several messages
		s.Status.Say(level, fmt.Sprintf("node %s: %s", n.name, oneLine))
	}
	s.putNotice(n, level, subject, text)
}

func (s *session) putNotice(n *node, level event.Level, subject, text string) {
	at := &event.Timestamp{Time: time.Now()}
	s.put(s.drain, n, &event.Event{Notice: &event.Notice{Level: level, Subject: subject, Text: text}, NodeName: n.name, Time: at})
}
