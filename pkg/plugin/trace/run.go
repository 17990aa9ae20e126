// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pods"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/scope"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// sessionConfig is what sessions on a cluster and on this machine have in common. policies is nil without a cluster or policies.
func (p *Plan) sessionConfig(ctx context.Context, v outputs, client kubernetes.Interface, policies *scope.Scope) session.Config {
	o := p.options
	c := session.Config{
		Session: p.session,
		TracerConfig: func(ctx context.Context, node string, targets wire.Targets) (wire.TracerConfig, error) {
			return p.tracerConfig(ctx, policies, node, targets)
		},
		Duration: o.session.duration, MaxEvents: o.session.maxEvents,
		Sink: v.result.Sink, Status: v.status, SharedTerminal: v.sharedTerminal() && !render.IsDocument(o.output.format), // documents have no notices
		Index:  pods.NewIndex(),
		Stages: p.stages(ctx, v, client), Filters: p.filters(), About: p.about(policies), RedactText: p.filtering.filter.RedactText,
	}
	if p.filtering.filter.Redacts() {
		c.Redact = p.filtering.filter.Redaction()
	}
	p.filtering.filter.Report(func(text string) { v.status.Say(event.LevelWarning, text) })
	if !p.policies.Empty() {
		c.Sink = p.withCanaries(c.Sink, v.status.Say)
		p.announce(v)
	}
	if policies != nil {
		c.Target = policies.Pod
	}
	if p.work.HooksAreImplied {
		c.Status = onlyRemarks{c.Status}
	}
	if p.work.OnHooks != nil {
		c.Status = toldOfHooks{c.Status, p.work.OnHooks}
	}
	c.Sink = v.withSessionLog(c.Sink)
	return c
}

// stages, filters and about are the parts of the pipeline that depend on the command, behind resolve (package pods) and the table of
// processes. Redact and the sinks follow. stages completes events.
func (p *Plan) stages(ctx context.Context, v outputs, client kubernetes.Interface) (chain pipeline.Chain) {
	if p.work.Enrich != nil {
		chain = append(chain, p.work.Enrich(ctx, client, v.status.Say))
	}
	return chain
}

// filters are what the user wants to see.
func (p *Plan) filters() (chain pipeline.Chain) {
	if p.filtering.filter.Active() {
		chain = append(chain, p.filtering.filter)
	}
	if len(p.options.targets.containers) > 0 {
		chain = append(chain, pipeline.Keep(pods.InContainers(p.options.targets.containers...)))
	}
	return chain
}

// about is what the command is about.
func (p *Plan) about(policies *scope.Scope) (chain pipeline.Chain) {
	if p.work.Keep != nil {
		chain = append(chain, pipeline.Keep(p.work.Keep))
	}
	if policies != nil {
		chain = append(chain, pipeline.Keep(policies.Keep))
	}
	return chain
}

// announce says which policies run, and what of them has no meaning here.
func (p *Plan) announce(v outputs) {
	if len(p.work.Given.Policies) > 0 && p.work.Enforce == nil {
		v.status.Say(event.LevelInfo, p.policies.About())
	}
	warnings := p.policies.NotOnCluster
	if p.options.local.enabled {
		warnings = p.policies.NotLocal
	}
	for _, warning := range slices.Concat(p.work.Remarks, warnings()) {
		v.status.Say(event.LevelWarning, warning)
	}
}

// watchOutput ends the session when its reader is gone.
func (p *Plan) watchOutput(stop *session.Stop) {
	if out, ok := p.options.Out.(*os.File); ok {
		go func() {
			if session.AwaitReaderGone(stop.ShuttingDown(), out) {
				stop.Shutdown(session.ErrOutputClosed)
			}
		}()
	}
}

// finish prints the summary and turns the result into the exit code.
func (p *Plan) finish(v outputs, r session.Result, err error) error {
	if e := v.finishLog(r); e != nil && err == nil {
		err = e
	}
	if errors.Is(r.Reason, session.ErrNotArmed) {
		_ = p.finishRecording(v, r, r.Reason) // said already; that nothing was armed is the error
		return r.Reason
	}
	if errors.Is(r.Reason, session.ErrDetached) && len(r.Detached) > 0 {
		defer v.flush()
		return errors.Join(p.detached(v, r), err)
	}
	r.Summary.Enforce = p.work.Enforce != nil
	if p.arms() && !p.options.local.enabled && !r.Armed {
		r.Summary.Enforce = false
		v.status.Say(event.LevelWarning, "ended before anything was enforced")
	}
	if r.Started && !errors.Is(r.Reason, session.ErrOutputClosed) { // "| head" has what it wanted
		if e := render.Summary(v.screen.Err(), r.Summary, v.status.Limits(), v.err); e != nil && err == nil {
			err = fmt.Errorf("write summary: %w", e)
		}
	}
	if p.work.Closing != nil && r.Started {
		for _, line := range p.work.Closing() {
			v.status.Say(event.LevelInfo, line)
		}
	}
	defer v.flush()
	unrecorded := p.finishRecording(v, r, err)
	switch {
	case err != nil:
		return err
	case r.ExitCode != nil && *r.ExitCode != 0:
		return exit.Code(*r.ExitCode)
	case unrecorded != nil: // said already
		return exit.Code(exit.Incomplete)
	case p.options.session.strict && !r.Summary.Complete():
		v.status.Say(event.LevelWarning, "--strict: not everything could be traced, see the summary")
		return exit.Code(exit.Incomplete)
	}
	return nil
}
