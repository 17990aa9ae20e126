// SPDX-License-Identifier: Apache-2.0

// Package replay shows recordings and logs of events as if they happened now: it is the way of events from the filters on.
package replay

import (
	"context"
	"runtime"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/recording"
)

// Config is a replay.
type Config struct {
	Source *Source
	// Stages, Filters and Redact are those of session.Config.
	Stages, Filters pipeline.Chain
	Redact          pipeline.Stage
	Sink            pipeline.Sink
	// Clock is what Sink goes by; Run sets it to the time of the events.
	Clock *Clock
	// Since and Until bound what is shown, by the times of events; zero: they don't.
	Since, Until time.Time
	// Speed is how many seconds of the recording pass in one; 0: as fast as can be.
	Speed float64
	// MaxEvents ends it after so many were shown; 0: not.
	MaxEvents uint64
	// Afresh: what rules said when it was recorded is left out, since Stages evaluate rules.
	Afresh bool
	// Check compares frames with their checkpoints beside, unless only a part is read.
	Check bool
}

// Clock is the time of the events.
type Clock struct{ now time.Time }

// Now is the latest time of an event so far.
func (c *Clock) Now() time.Time { return c.now }

// Result is what a replay came to.
type Result struct {
	Nodes []session.NodeSummary
	// Span of time of the events.
	Span time.Duration
	// Incomplete says what is missing of the files: ends, frames. Unread counts lines that can't be read, and Unknown those of kinds
	// that this version does not know; UnreadError says what is wrong with the first.
	Incomplete      []string
	Unread, Unknown uint64
	UnreadError     error
	// Reports are of the checks of whole files.
	Reports []*recording.Report
}

// ahead is how many blocks of some MiB are read before they are shown.
const ahead = 4

// Run replays until the end, or until ctx ends. An error is one of reading a file or of the sink.
func Run(ctx context.Context, c Config) (Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	show := newShow(c)
	defer show.close()
	var reading ended
	blocks := make(chan chan parsed, ahead)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(blocks)
		reading = feed(ctx, c, blocks)
	}()
	var err error
	for block := range blocks {
		made := <-block
		if err == nil && ctx.Err() == nil {
			err = show.block(ctx, made)
		}
		if err != nil || show.full() {
			cancel()
		}
	}
	<-done
	if err == nil {
		err = c.Sink.Close()
	}
	if err == nil {
		err = reading.err
	}
	r := show.result()
	r.Incomplete, r.Reports = reading.incomplete, reading.reports
	if show.full() { // the rest was not read
		r.Reports = nil
	}
	return r, err
}

// feed reads blocks and has them parsed, several at the same time, in order.
func feed(ctx context.Context, c Config, blocks chan<- chan parsed) ended {
	w := window{c.Since, c.Until}
	parsers := make(chan *parser, max(1, runtime.GOMAXPROCS(0)))
	for range cap(parsers) {
		parsers <- newParser()
	}
	return c.Source.read(ctx, w, c.Check && !w.bounded(), func(b recording.Block) {
		made := make(chan parsed, 1)
		p := <-parsers
		go func() {
			made <- p.parse(b)
			parsers <- p
		}()
		select {
		case blocks <- made:
		case <-ctx.Done():
		}
	})
}

// show takes events through the stages.
type show struct {
	Config
	nodes  map[string]*shownNode
	budget *processes.Budget
	shown  uint64
	first  time.Time
	// began is when the first event was shown, by this machine's clock.
	began   time.Time
	flushed time.Time
	total   Result
}

// shownNode is a node of the recording.
type shownNode struct {
	processes *processes.Table
	summary   session.NodeSummary
}

func newShow(c Config) *show {
	return &show{Config: c, nodes: map[string]*shownNode{}, budget: processes.NewBudget(processes.SessionBytes)}
}

func (s *show) close() {
	for _, n := range s.nodes {
		n.processes.Close()
	}
}

func (s *show) full() bool { return s.MaxEvents > 0 && s.shown >= s.MaxEvents }

func (s *show) node(name string) *shownNode {
	n := s.nodes[name]
	if n == nil {
		n = &shownNode{processes: processes.NewTable(name, s.budget), summary: session.NodeSummary{Node: name, Lost: map[string]uint64{}}}
		s.nodes[name] = n
	}
	return n
}

// block shows the events of a block.
func (s *show) block(ctx context.Context, p parsed) error {
	s.total.Unread, s.total.Unknown = s.total.Unread+p.broken, s.total.Unknown+p.unknown
	if s.total.UnreadError == nil {
		s.total.UnreadError = p.firstBroken
	}
	for i := range p.events {
		if s.full() || stopped(ctx) {
			break
		}
		if err := s.event(ctx, &p.events[i]); err != nil {
			return err
		}
	}
	return nil
}

// stopped says whether nothing more is to be shown; it is no error.
func stopped(ctx context.Context) bool { return ctx.Err() != nil }

// event takes one event through the stages.
func (s *show) event(ctx context.Context, r *recorded) error {
	e := &r.Event
	if e.Time == nil {
		e.Time = &event.Timestamp{Time: s.Clock.now}
	}
	n := s.node(e.NodeName)
	if err := s.advance(ctx, e.Time.Time); err != nil {
		return err
	}
	if s.Afresh {
		e.Detections = nil
	}
	it := pipeline.NewItem(e)
	it.Number = r.Seq
	n.note(it)
	if it.AboutProcess {
		it.Process = n.processes.Observe(e)
	}
	if !(window{s.Since, s.Until}).has(e.Time.Time) {
		return nil
	}
	if it.AboutProcess && !s.wanted(it, r) {
		n.summary.Filtered++
		return nil
	}
	if s.Redact != nil {
		s.Redact.Pass(it)
	}
	if it.AboutProcess {
		s.shown++
		n.summary.Events++
	}
	return s.Sink.Take(it)
}

// wanted says whether an event is shown.
func (s *show) wanted(it *pipeline.Item, r *recorded) bool {
	aside := r.Aside && !s.Afresh
	return (s.Stages.Pass(it) && !aside && s.Filters.Pass(it)) || it.Urgent && !aside
}

// note takes what the stream says of the node itself.
func (n *shownNode) note(it *pipeline.Item) {
	e := it.Event
	switch {
	case e.Loss != nil:
		n.summary.Lost[e.Loss.Cause] = max(n.summary.Lost[e.Loss.Cause], e.Loss.Total)
	case e.Bye != nil:
		n.summary.Ended, n.summary.Partial = e.Bye.Reason, n.summary.Partial.Plus(e.Bye.Totals.Partial)
		n.summary.Written += e.Bye.Totals.Events
	case e.Hooked() != nil && it.AboutProcess:
		n.summary.NoteEnforced(e)
	}
}

// Ticks of the clock: sinks that hold something back are asked to show it, as in a session, until what is quiet is quiet for good.
const (
	tick      = 50 * time.Millisecond
	quietTime = 11 * time.Second
)

// advance moves the clock on to the time of the next event.
func (s *show) advance(ctx context.Context, to time.Time) error {
	if s.first.IsZero() {
		s.first, s.flushed, s.began, s.Clock.now = to, to, time.Now(), to
	}
	for until := min(to.Sub(s.flushed), quietTime); until >= tick; until -= tick {
		s.flushed = s.flushed.Add(tick)
		s.Clock.now = maxTime(s.Clock.now, s.flushed)
		if err := s.Sink.Flush(s.Clock.now); err != nil {
			return err
		}
	}
	if to.Sub(s.flushed) >= tick {
		s.flushed = to
	}
	s.Clock.now = maxTime(s.Clock.now, to)
	return s.pace(ctx, to)
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// pace waits until an event is due.
func (s *show) pace(ctx context.Context, to time.Time) error {
	if s.Speed <= 0 {
		return nil
	}
	due := s.began.Add(time.Duration(float64(to.Sub(s.first)) / s.Speed))
	wait := time.Until(due)
	if wait <= 0 {
		return nil
	}
	if err := s.Sink.Flush(s.Clock.now); err != nil {
		return err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil
}

func (s *show) result() Result {
	r := s.total
	s.takeTrailer()
	for _, n := range s.nodes {
		if n.summary.Ended == "" && (s.Source.Manifest() == nil || s.full() || !s.Since.IsZero() || !s.Until.IsZero()) {
			n.summary.Ended = endNotRead
		}
		r.Nodes = append(r.Nodes, n.summary)
	}
	if !s.first.IsZero() {
		r.Span = s.Clock.now.Sub(s.first)
	}
	return r
}

// takeTrailer takes over what the end of the recording says of the nodes: what only the screen lost is there.
func (s *show) takeTrailer() {
	t := s.Source.Trailer
	if t == nil {
		return
	}
	for _, of := range t.Nodes {
		if n := s.nodes[of.Node]; n != nil {
			n.summary.Lost, n.summary.Problem = of.Lost, of.Problem
		}
	}
}

// endNotRead stands for how tracers ended of whom a log does not tell, or of which only a part was read.
const endNotRead = "not read"
