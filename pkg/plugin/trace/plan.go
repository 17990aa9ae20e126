// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/enforce"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/local"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/policyset"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/scope"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Plan is everything that a command will do, checked as far as that can be done without a cluster. It never changes.
type Plan struct {
	options   *Options
	work      Work
	policies  policyset.Set
	filtering filtering
	// session identifies this run, which began when the plan was made.
	session string
	began   time.Time
	// told is what is said of the run to others on the cluster.
	told launch.About
}

// plan checks the options and makes the plan; the error is everything that is wrong.
func (o *Options) plan(v Verb) (*Plan, error) {
	filtering, filterErr := o.filtering()
	if filterErr != nil {
		filtering.filter = nil
	}
	work, err := v.Work(Request{
		IOStreams: o.IOStreams, Args: o.targets.args, Local: o.local.enabled, Format: o.output.format,
		Containers: o.targets.containers, Process: o.process, Filtered: filterErr == nil && filtering.filter.Active(), options: o,
	})
	errs := append([]error{err}, o.swallowed...)
	errs = append(errs, o.conflicts(work.Targets)...)
	errs = append(errs, o.values()...)
	errs = append(errs, o.checkFormat(work), filterErr, o.checkEnforcing(work), o.checkSessionLog(), o.checkImages(), o.checkRecording(), o.checkDetach(work))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	policies, err := o.policies(v, work)
	if err == nil {
		err = o.checkPolicyNames(policies)
	}
	if err != nil {
		return nil, err
	}
	p := &Plan{options: o, work: work, policies: policies, filtering: filtering, session: launch.NewSession(), began: time.Now()}
	p.told = launch.About{Command: o.commandLine(v), Enforces: p.arms(), Ends: p.ends()}
	return p, nil
}

// policies are those of the work, read as they will be on the nodes.
func (o *Options) policies(v Verb, w Work) (policyset.Set, error) {
	composed, err := o.composed(v, w)
	if err != nil {
		return policyset.Set{}, err
	}
	if w.Enforce != nil {
		if err := w.Enforce.CheckPolicies(w.Given, composed); err != nil && !o.printsPolicy {
			return policyset.Set{}, err
		}
	}
	return w.Given.And(composed), nil
}

// composed are the policies that the command's flags make.
func (o *Options) composed(v Verb, w Work) (policyset.Set, error) {
	if len(w.Composed) == 0 {
		return policyset.Set{}, nil
	}
	policies := w.Composed
	if !w.FilterAfterEnrich && w.Enforce == nil {
		policies = compose.Narrow(policies, o.narrowing())
	}
	return policyset.Composed(v.word(), policies)
}

// checkEnforcing says what is wrong with the options of a command that enforces.
func (o *Options) checkEnforcing(w Work) error {
	if w.Enforce == nil {
		return nil
	}
	t, targets := o.targets, o.machineTargets()
	return w.Enforce.Check(enforce.Command{
		Named:         len(w.Targets)+len(t.pods) > 0 || t.selector != "" || t.fieldSelector != "",
		AllNamespaces: t.allNamespaces,
		Local:         o.local.enabled, All: targets.All, ReachesAll: local.ReachesAll(targets),
		StartsNothing: o.printsPolicy || o.tracer.dryRun != dryRunNone, PrintsPolicy: o.printsPolicy,
		Duration: o.session.duration, In: o.In, ErrOut: o.ErrOut,
	})
}

// machineTargets is what of this machine is traced.
func (o *Options) machineTargets() wire.Targets {
	return local.Targets(o.local.cgroups, o.filters.pids, o.local.command)
}

// run does what was planned.
func (p *Plan) run(ctx context.Context) error {
	switch {
	case p.options.printsPolicy:
		return p.printPolicy()
	case p.options.local.enabled:
		return p.runLocal(ctx)
	case p.options.tracer.dryRun != dryRunNone:
		return p.runDry(ctx)
	}
	return p.runCluster(ctx)
}

// printPolicy writes the policies that the flags make, checked as policies that run are.
func (p *Plan) printPolicy() error {
	for _, source := range p.policies.Sources[len(p.work.Given.Sources):] {
		if _, err := fmt.Fprint(p.options.Out, source.Text); err != nil {
			return err
		}
	}
	return nil
}

// deadline of each tracer. The session's time counts from when all tracers have started, and the first has to last as well; where
// something is enforced, it counts from an answer.
func (p *Plan) deadline() time.Duration {
	d := p.options.session.duration
	switch {
	case d == 0:
		return launch.DefaultDeadline
	case p.arms():
		d += enforce.AskTime
	}
	return d + launch.DefaultStartupTimeout
}

// arms says whether the session enforces.
func (p *Plan) arms() bool { return p.work.Enforce.Arms() }

// tracerConfig is what a node's tracer is started with: the one place where that is put together. policies says what the policies
// are about on a cluster; it is nil without policies, and on this machine.
func (p *Plan) tracerConfig(ctx context.Context, policies *scope.Scope, node string, targets wire.Targets) (wire.TracerConfig, error) {
	c := wire.TracerConfig{
		Version: wire.Version, Session: p.session, Node: node, Targets: targets,
		Process: wire.ProcessDetail{
			Capabilities: p.options.process.Capabilities || p.work.Process.Capabilities,
			Namespaces:   p.options.process.Namespaces || p.work.Process.Namespaces,
			Credentials:  p.options.process.Credentials || p.work.Process.Credentials,
		},
		Policies: p.policies.Sources,
		Enforce:  p.arms(), Monitor: p.work.Enforce != nil && !p.arms(),
	}
	if p.options.local.enabled {
		c.Deadline = wire.Duration(p.options.session.duration)
		return c, nil
	}
	c.WithoutRuntime, c.Hold, c.Encodings = true, p.arms(), wire.Encodings()
	c.Detachable = p.options.session.detach
	c.Deadline, c.Silence = wire.Duration(p.deadline()), wire.Duration(launch.Silence)
	if p.arms() {
		c.Silence = wire.Duration(launch.ArmedSilence)
	}
	if policies == nil {
		return c, nil
	}
	c.Narrowed = policies.Narrowed()
	var err error
	c.Policies, err = policies.SourcesOn(ctx, node)
	return c, err
}
