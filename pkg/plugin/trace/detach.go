// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"errors"
	"fmt"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
)

// checkDetach says why a command cannot be left to trace by itself.
func (o *Options) checkDetach(w Work) error {
	if !o.session.detach {
		return nil
	}
	var errs []error
	for _, r := range []rule{
		{o.local.enabled, "--detach is for tracers on a cluster: with --local this process is the tracer"},
		{o.tracer.dryRun != dryRunNone || o.printsPolicy, "--detach traces: leave out what only prints"},
		{o.session.duration == 0, "--detach needs --duration: nobody is there to end it, so the tracers do by themselves"},
		{o.given["max-events"], "--max-events is counted by this command: --detach ends after --duration"},
		{o.given["output"] || o.given["session-log"] || o.given["record"], "--detach shows no events: give -o, --session-log and --record to attach"},
		{w.Detects, "rules are applied by this command, not by the tracers: detect cannot be detached"},
		{w.Result != nil, "what this command shows it puts together at its end: it cannot be detached"},
	} {
		if r.broken {
			errs = append(errs, errors.New(r.text))
		}
	}
	return errors.Join(errs...)
}

// ends is when a session that traces by itself does; zero for others.
func (p *Plan) ends() time.Time {
	if !p.options.session.detach {
		return time.Time{}
	}
	return p.began.Add(p.options.session.duration)
}

// expires is until when the pods of a session that traces by itself are kept; zero for others.
func (p *Plan) expires() time.Time {
	if !p.options.session.detach {
		return time.Time{}
	}
	return p.ends().Add(launch.KeptAfterEnd)
}

// detach leaves the tracers of a session to themselves as soon as they trace. What they see until then is in their logs as well.
func (p *Plan) detach(c *session.Config) {
	if p.options.session.detach {
		c.DetachUntil, c.Sink = p.ends(), pipeline.Discard{}
	}
}

// detached says how to get back to the session, and writes its name where a script reads it.
func (p *Plan) detached(v outputs, r session.Result) error {
	v.status.Say(event.LevelInfo, fmt.Sprintf("traced without this command until %s: %s; pods that are made later are not",
		p.ends().Local().Format(time.TimeOnly), wording.Counted(uint64(len(r.Detached)), "node")))
	v.status.Say(event.LevelInfo, fmt.Sprintf("kubectl trace-sec attach %[1]s shows what they see, kubectl trace-sec stop %[1]s ends them", p.session))
	_, err := fmt.Fprintln(v.screen.Out(), p.session)
	return err
}
