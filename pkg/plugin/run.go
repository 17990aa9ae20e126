// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/join"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/sessionlog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// view is what a session is seen on.
type view struct {
	screen   *terminal.Screen
	out, err terminal.Capabilities
	renderer render.Renderer
	status   *render.Status
	// log is nil when none is asked for.
	log *sessionlog.Log
}

func (v view) sharedTerminal() bool { return v.out.Terminal && v.err.Terminal }

// run checks the options and traces.
func (o *traceOptions) run(ctx context.Context) error {
	if err := errors.Join(o.validate(), o.loadPolicies(), o.checkPolicyNames()); err != nil {
		return err
	}
	switch {
	case o.local.enabled:
		return o.runLocal(ctx)
	case o.tracer.dryRun != dryRunNone:
		return o.runDry(ctx)
	}
	return o.runCluster(ctx)
}

// loadPolicies sets the policies of a command that has some.
func (o *traceOptions) loadPolicies() error {
	if o.readPolicies == nil {
		return nil
	}
	set, err := o.readPolicies()
	o.policies = set
	return err
}

// view makes the outputs. It fails for a format that does not exist or can't be parsed.
func (o *traceOptions) view() (view, error) {
	color, emoji := terminal.When(o.output.color), terminal.When(o.output.emoji)
	v := view{
		out: terminal.Detect(o.Out, os.Getenv, color, emoji),
		err: terminal.Detect(o.ErrOut, os.Getenv, color, emoji),
	}
	v.screen = terminal.NewScreen(o.Out, o.ErrOut, v.sharedTerminal())
	var err error
	v.renderer, err = render.New(v.screen.Out(), render.Options{
		Format: o.output.format, Timestamps: o.output.timestamps, Out: v.out,
		OwnWords: o.output.ownWords, Every: o.output.every, Arguments: o.output.arguments,
		SharedTerminal: v.out.Terminal && len(o.local.command) > 0, Filtered: o.filters.keep() != nil, Pick: o.filters.pick(),
	})
	v.status = render.NewStatus(v.screen, v.err)
	if o.result != nil && err == nil {
		var instead render.Renderer
		if instead, err = o.result(v.screen.Out()); instead != nil {
			v.renderer = instead
			if o.output.sessionLog == sessionlog.Stdout {
				err = errors.New("--session-log -: no events are written to standard output here, name a file")
			}
		}
	}
	if err == nil {
		v.log, err = o.openSessionLog(v.screen.Out())
	}
	return v, err
}

// config is what sessions on a cluster and on this machine have in common.
func (o *traceOptions) config(v view) session.Config {
	c := session.Config{
		Orders:   wire.Orders{Version: wire.Version, Process: o.process},
		Duration: o.session.duration, MaxEvents: o.session.maxEvents,
		Renderer: v.renderer, Status: v.status,
		SharedTerminal: v.sharedTerminal() && !render.IsDocument(o.output.format), // documents have no notices
		Directory:      join.NewDirectory(),
		Keep:           o.filters.keep(), Redact: o.filters.filter,
	}
	if o.hooksAreImplied {
		c.Status = onlyRemarks{c.Status}
	}
	c.Keep = keep(c.Keep, o.keep)
	o.filters.filter.Report(func(text string) { v.status.Say(event.LevelWarning, text) })
	o.arming.orders(&c.Orders)
	if !o.policies.empty() {
		c.Orders.Policies = o.policies.sources
		c.Renderer = o.withCanaries(c.Renderer, v.status.Say)
		o.announce(v)
	}
	if len(o.targets.containers) > 0 {
		c.Keep = keep(c.Keep, join.InContainers(o.targets.containers...))
	}
	c.Renderer = v.withSessionLog(c.Renderer)
	return c
}

// announce says which policies run, and what of them has no meaning here.
func (o *traceOptions) announce(v view) {
	if o.policiesAreGiven {
		v.status.Say(event.LevelInfo, o.policies.about())
	}
	warnings := o.policies.notOnCluster
	if o.local.enabled {
		warnings = o.policies.notLocal
	}
	for _, warning := range slices.Concat(o.remarks, warnings()) {
		v.status.Say(event.LevelWarning, warning)
	}
}

// watchOutput ends the session when its reader is gone.
func (o *traceOptions) watchOutput(stop *session.Stop) {
	if out, ok := o.Out.(*os.File); ok {
		go func() {
			if session.AwaitReaderGone(stop.Asked(), out) {
				stop.Ask(session.ErrOutputClosed)
			}
		}()
	}
}

// finish prints the summary and turns the result into the exit code.
func (o *traceOptions) finish(v view, r session.Result, err error) error {
	if e := v.finishLog(r); e != nil && err == nil {
		err = e
	}
	if why := declined(r); why != nil {
		return why
	}
	r.Summary.Enforce = o.arming != nil
	if o.arming.arms() && !o.local.enabled && !r.Armed {
		r.Summary.Enforce = false
		v.status.Say(event.LevelWarning, "ended before anything was enforced")
	}
	if r.Started && !errors.Is(r.Reason, session.ErrOutputClosed) { // "| head" has what it wanted
		if e := render.Summary(v.screen.Err(), r.Summary, v.err); e != nil && err == nil {
			err = fmt.Errorf("write summary: %w", e)
		}
	}
	switch {
	case err != nil:
		return err
	case r.ExitCode != nil && *r.ExitCode != 0:
		return exitCode(*r.ExitCode)
	case o.session.strict && !r.Summary.Complete():
		v.status.Say(event.LevelWarning, "--strict: not everything could be traced, see the summary")
		return exitCode(exitIncomplete)
	}
	return nil
}
