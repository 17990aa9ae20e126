// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/sessionlog"
)

// checkSessionLog says what is wrong with --session-log.
func (o *Options) checkSessionLog() error {
	switch name := o.output.sessionLog; {
	case !o.given["session-log"]:
	case name == "":
		return errors.New("--session-log is empty: name a file, or - for standard output")
	case o.tracer.dryRun != dryRunNone:
		return errors.New("--session-log: --dry-run has no session")
	case name == sessionlog.Stdout && o.output.format != "json":
		return errors.New("--session-log - writes JSON between the events: add -o json, or name a file")
	}
	return nil
}

// openSessionLog returns nil when none is asked for.
func (o *Options) openSessionLog(stdout io.Writer) (*sessionlog.Log, error) {
	if o.output.sessionLog == "" {
		return nil, nil
	}
	return sessionlog.Open(o.output.sessionLog, stdout)
}

// logged is a sink beside which a session log is written.
type logged struct {
	pipeline.Sink
	log *sessionlog.Log
	say func(event.Level, string)
	// inOutput: the log is written where the sink writes. failed: it was said that the log can't be written.
	inOutput, failed bool
}

// withSessionLog puts the log, if there is one, beside a sink.
func (v outputs) withSessionLog(s pipeline.Sink) pipeline.Sink {
	if v.log == nil {
		return s
	}
	return &logged{Sink: s, log: v.log, say: v.status.Say, inOutput: v.logInOutput}
}

// Take goes on when a log of its own can't be written: events matter more, and the command's exit code tells of it.
func (l *logged) Take(it *pipeline.Item) error {
	if l.inOutput && !it.AboutProcess { // the lines are in their order
		if err := l.Sink.Flush(time.Now()); err != nil {
			return err
		}
	}
	err := l.log.Take(it)
	switch {
	case err != nil && l.inOutput:
		return err
	case err != nil && !l.failed:
		l.failed = true
		l.say(event.LevelError, fmt.Sprintf("%v; tracing goes on without it", err))
	}
	return l.Sink.Take(it)
}

// finishLog ends the session log with the summary, unless its reader is gone. It does not wait for one that does not read.
func (v outputs) finishLog(r session.Result) error {
	if v.log == nil || v.logInOutput && errors.Is(r.Reason, session.ErrOutputClosed) {
		return nil
	}
	written := make(chan error, 1)
	go func() { written <- v.writeSummary(r) }()
	select {
	case err := <-written:
		return err
	case <-time.After(flushTime):
		return fmt.Errorf("session log: not ended with the summary: it was not taken within %s", flushTime)
	}
}

func (v outputs) writeSummary(r session.Result) error {
	s := sessionlog.Summary{DurationSeconds: r.Summary.Duration.Seconds(), Complete: r.Summary.Complete(), Nodes: []sessionlog.NodeSummary{}}
	if r.Reason != nil {
		s.Reason = r.Reason.Error()
	}
	for _, n := range r.Summary.Nodes {
		node := sessionlog.NodeSummary{Node: n.Node, Shown: n.Events, Filtered: n.Filtered, Lost: n.Lost, Partial: n.Partial, ThrottledBy: n.Throttled, Ended: n.Ended, Problem: n.Problem, Cost: n.Cost}
		for _, e := range n.Enforcements {
			node.Enforced = append(node.Enforced, sessionlog.Enforced{Policy: e.Policy, Action: e.Action, Would: e.Would, Count: e.Count})
		}
		s.Nodes = append(s.Nodes, node)
	}
	if err := v.log.Finish(s); err != nil {
		_ = v.log.Close() // returns the same error
		return err
	}
	return v.log.Close()
}
