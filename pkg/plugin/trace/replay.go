// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/replay"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
)

// replayOptions say which part of a recording is shown, and how fast.
type replayOptions struct {
	since, until                        string
	last                                time.Duration
	speed                               float64
	pods, namespaces, nodes, containers []string
	maxEvents                           uint64
	strict, every                       bool
}

func (r *replayOptions) flags() *pflag.FlagSet {
	fs := help.NewFlags()
	fs.StringVar(&r.since, "since", "", "From this `TIME` on: RFC 3339, 15:04:05 (UTC, of the recording's first day), or +10m from its begin")
	fs.StringVar(&r.until, "until", "", "Up to this `TIME`")
	fs.DurationVar(&r.last, "last", 0, "The last `TIME` of the recording (5m)")
	fs.Float64Var(&r.speed, "speed", 0, "So many times as fast as it happened, 1 is as it was; 0: at once")
	fs.StringArrayVar(&r.nodes, "node", nil, "Only of the node of this `NAME`; repeatable")
	fs.StringArrayVar(&r.pods, "pod", nil, "Only of the pod of this `NAME`, or NAMESPACE/NAME; repeatable")
	fs.StringArrayVar(&r.namespaces, "in-namespace", nil, "Only of pods in the namespace of this `NAME`; repeatable")
	fs.StringArrayVarP(&r.containers, "container", "c", nil, "Only of containers of this `NAME`; repeatable")
	fs.Uint64Var(&r.maxEvents, "max-events", 0, "End after `N` events were shown")
	fs.BoolVar(&r.strict, "strict", false, "Exit with 3 when the recording lacks events, and not only when it has no end")
	fs.BoolVar(&r.every, "every", false, "Fold nothing: show each event that repeats, forks, equal subtrees")
	return fs
}

// ReplayVerb is a command that shows recordings.
type ReplayVerb struct {
	Use, Short, Long, Example string
	// Rules are flags of rules, HasRules says whether there are some, Stage is the stage that evaluates them over a recording.
	Rules    *pflag.FlagSet
	HasRules func() bool
	Stage    func(onMachine bool, say func(event.Level, string)) (pipeline.Stage, error)
	// Closing are lines that follow the summary.
	Closing func() []string
}

// ReplayCommand makes the command.
func ReplayCommand(env Environment, v ReplayVerb) *cobra.Command {
	o := &Options{Environment: env}
	var r replayOptions
	o.tracer.dryRun = dryRunNone
	o.groups = []help.Group{
		{Title: "What is replayed", Flags: r.flags()},
		{Title: "Rules", Flags: v.Rules, Topic: "detect --help"},
		{Title: filterGroup, Flags: o.filters.add(), Topic: FiltersTopic},
		{Title: outputGroup, Flags: o.output.flags(), Topic: "exec --help"},
	}
	cmd := &cobra.Command{
		Use: v.Use, Short: v.Short, Long: v.Long, Example: v.Example, DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.complete(cmd, args)
			return o.replay(cmd.Context(), v, r, args)
		},
	}
	for _, g := range o.groups {
		cmd.Flags().AddFlagSet(g.Flags)
	}
	cmd.Flags().Lookup("session-log").Hidden = true // has an error that says why
	cmd.SetUsageFunc(help.Usage(o.groups))
	return cmd
}

// replayPlan is a replay whose options are right.
type replayPlan struct {
	*Plan
	verb   ReplayVerb
	own    replayOptions
	source *replay.Source
	clock  *replay.Clock
}

// replay checks the options and replays.
func (o *Options) replay(ctx context.Context, v ReplayVerb, r replayOptions, args []string) (err error) {
	filtering, err := o.filtering()
	errs := append([]error{err}, o.swallowed...)
	errs = append(errs, r.check(o)...)
	if len(args) == 0 {
		errs = append(errs, errors.New("which recording? replay FILE"))
	}
	if len(o.local.command) > 0 {
		errs = append(errs, errors.New("replay starts nothing: leave out what follows --"))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	source, err := replay.Open(args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	clock := &replay.Clock{}
	p := &replayPlan{
		Plan: &Plan{options: o, filtering: filtering, work: Work{OwnWords: true, Every: r.every, Detects: v.HasRules(), Now: clock.Now}},
		verb: v, own: r, source: source, clock: clock,
	}
	return p.run(ctx)
}

// check says what is wrong with the flags.
func (r *replayOptions) check(o *Options) (errs []error) {
	for _, rule := range []rule{
		{o.given["last"] && (o.given["since"] || o.given["until"]), "--last and --since or --until exclude each other"},
		{o.given["last"] && r.last <= 0, fmt.Sprintf("--last %s: want a time like 5m", r.last)},
		{r.speed < 0, fmt.Sprintf("--speed %g: want a number above 0, or 0 for at once", r.speed)},
		{o.given["max-events"] && r.maxEvents == 0, "--max-events 0: at least 1"},
		{o.given["session-log"], "--session-log: a replay has no session"},
	} {
		if rule.broken {
			errs = append(errs, errors.New(rule.text))
		}
	}
	fs := help.NewFlags()
	o.Cluster.Config.AddFlags(fs)
	help.VisitNames(fs, func(name string) {
		switch {
		case o.given[name] && name == "namespace":
			errs = append(errs, errors.New("--namespace is of a cluster: --in-namespace chooses events of a recording"))
		case o.given[name]:
			errs = append(errs, fmt.Errorf("--%s: replay reads files, no cluster", name))
		}
	})
	for _, w := range []struct{ flag, value string }{{"color", o.output.color}, {"emoji", o.output.emoji}, {"final-tree", o.output.finalTree}} {
		if !slices.Contains(always, w.value) {
			errs = append(errs, fmt.Errorf("--%s %q: want one of %s", w.flag, w.value, strings.Join(always, ", ")))
		}
	}
	return errs
}

// run replays and says what it came to.
func (p *replayPlan) run(ctx context.Context) error {
	o := p.options
	if render.OfDetections(o.output.format) && !p.work.Detects {
		return fmt.Errorf("-o %s is for what rules say: add --rules or --sigma", o.output.format)
	}
	v, err := p.outputs()
	if err != nil {
		return err
	}
	defer v.flush()
	stop := session.NewStop(ctx)
	defer session.HandleSignals(stop, func(int, os.Signal) bool { return true })()
	c, err := p.config(v)
	if err != nil {
		return err
	}
	p.watchOutput(stop)
	v.status.Say(event.LevelInfo, p.about())
	result, err := replay.Run(stop.ShuttingDown(), c)
	if session.IsReaderGone(err) || errors.Is(stop.Reason(), session.ErrOutputClosed) {
		return nil // "| head" has what it wanted
	}
	return p.finishReplay(v, result, err)
}

// config is what is replayed, and how.
func (p *replayPlan) config(v outputs) (replay.Config, error) {
	c := replay.Config{
		Source: p.source, Filters: append(p.filters(), p.chosen()...), Sink: v.result.Sink, Clock: p.clock,
		Speed: p.own.speed, MaxEvents: p.own.maxEvents, Check: true,
	}
	if p.filtering.filter.Redacts() {
		c.Redact = p.filtering.filter.Redaction()
	}
	p.filtering.filter.Report(func(text string) { v.status.Say(event.LevelWarning, text) })
	var err error
	if c.Since, c.Until, err = p.window(); err != nil {
		return c, err
	}
	if p.work.Detects {
		m := p.source.Manifest()
		stage, err := p.verb.Stage(m == nil || m.Cluster == nil, v.status.Say)
		if err != nil {
			return c, err
		}
		c.Stages, c.Afresh = pipeline.Chain{stage}, true
	}
	return c, nil
}

// chosen keeps events of nodes, pods, namespaces and containers.
func (p *replayPlan) chosen() (chain pipeline.Chain) {
	r := p.own
	keep := func(wanted []string, is func(*event.Event, string) bool) {
		if len(wanted) > 0 {
			chain = append(chain, pipeline.Keep(func(e *event.Event) bool {
				return slices.ContainsFunc(wanted, func(name string) bool { return is(e, name) })
			}))
		}
	}
	pod := func(e *event.Event) event.Pod {
		if process := e.Process(); process != nil && process.Pod != nil {
			return *process.Pod
		}
		return event.Pod{}
	}
	keep(r.nodes, func(e *event.Event, name string) bool { return e.NodeName == name })
	keep(r.namespaces, func(e *event.Event, name string) bool { return pod(e).Namespace == name })
	keep(r.pods, func(e *event.Event, name string) bool {
		of := pod(e)
		return of.Name != "" && (of.Name == name || of.Namespace+"/"+of.Name == name)
	})
	keep(r.containers, func(e *event.Event, name string) bool { c := pod(e).Container; return c != nil && c.Name == name })
	return chain
}

// about says what is replayed.
func (p *replayPlan) about() string {
	m := p.source.Manifest()
	if m == nil {
		return "a log of events without manifest: who wrote it, and whether it is whole, nobody knows"
	}
	text := "recorded " + m.Started.String()
	if who := m.Who.KubeUser; who != "" {
		text += " by " + who
	} else if m.Who.OSUser != "" {
		text += " by " + m.Who.OSUser
	}
	switch {
	case m.Cluster != nil:
		text += " on the cluster " + m.Cluster.Name + " " + m.Cluster.Server
	case m.Who.Host != "":
		text += " on the machine " + m.Who.Host
	}
	if m.Case != "" {
		text += ", case " + m.Case
	}
	return text
}
