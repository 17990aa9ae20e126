// SPDX-License-Identifier: Apache-2.0

// Package trace is what all commands that trace have in common: their options, the plan that is made of them, and running it on
// a cluster, on this machine, or dry. The way of a command is options → one immutable plan → run.
package trace

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/cluster"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/recorder"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// shortestSession is the least --duration: starting the tracers takes longer.
const shortestSession = time.Second

// Options are filled by the flags and by complete; after that they don't change.
type Options struct {
	Environment
	targets targetOptions
	session sessionOptions
	output  outputOptions
	filters filterOptions
	process wire.ProcessDetail
	tracer  tracerOptions
	local   localOptions
	record  recordOptions

	// printsPolicy: the policies are printed, and nothing is started.
	printsPolicy bool
	// verbose: what each hook can't see is said.
	verbose bool
	// groups are the flags as the help shows them; given are the names of those that the user set.
	groups []help.Group
	given  map[string]bool
	// swallowed is what is wrong with flags whose value is missing, so that they took the next flag for it.
	swallowed []error
}

// targetOptions say which pods.
type targetOptions struct {
	args, pods, containers, nodes []string
	allNamespaces                 bool
	selector, fieldSelector       string
}

// sessionOptions say how long.
type sessionOptions struct {
	duration  time.Duration
	maxEvents uint64
	strict    bool
	// detach: the tracers are left to trace by themselves for duration.
	detach bool
}

// outputOptions say how events are shown.
type outputOptions struct {
	format, color, emoji string
	// finalTree is that of render.Options.
	finalTree  string
	timestamps bool
	// sessionLog is the name of a file, sessionlog.Stdout, or empty.
	sessionLog string
	// set are the flags that fill the others.
	set *pflag.FlagSet
}

// localOptions say what of this machine is traced.
type localOptions struct {
	enabled bool
	cgroups []string
	// command follows "--".
	command []string
}

// Verbose is the least level of -v with which it is said what each hook can't see.
const Verbose = "1"

// Values of --dry-run.
const (
	dryRunNone   = "none"
	dryRunClient = "client"
	dryRunServer = "server"
)

// Titles of the flag groups.
const (
	targetGroup  = "Targets"
	sessionGroup = "Session"
	filterGroup  = "Filters"
	recordGroup  = "Recording"
	outputGroup  = "Output"
	processGroup = "Processes"
	tracerGroup  = "Tracer pods"
	localGroup   = "This machine instead of a cluster"
)

func newOptions(env Environment, v Verb) *Options {
	o := &Options{Environment: env}
	o.groups = []help.Group{
		{Title: targetGroup, Flags: o.targets.flags()},
		{Title: sessionGroup, Flags: o.session.flags(v.Duration)},
		{Title: filterGroup, Flags: o.filters.add(), Topic: FiltersTopic},
		{Title: outputGroup, Flags: o.output.flags()},
		{Title: processGroup, Flags: processFlags(&o.process)},
		{Title: tracerGroup, Flags: o.tracer.flags(o.Build), Topic: TracersTopic},
		{Title: localGroup, Flags: o.local.flags()},
	}
	if v.Records {
		o.groups = slices.Insert(o.groups, 2, help.Group{Title: recordGroup, Flags: o.record.flags()})
	} else {
		o.output.set.AddFlagSet(o.record.mostlyHidden())
	}
	return o
}

// arrange puts the command's own flags among the others.
func (o *Options) arrange(own help.Group, how func(help.Group, []help.Group) []help.Group) {
	switch {
	case how != nil:
		o.groups = how(own, o.groups)
	case own.Flags != nil:
		o.groups = append([]help.Group{own}, o.groups...)
	}
}

func (t *targetOptions) flags() *pflag.FlagSet {
	fs := help.NewFlags()
	fs.StringArrayVar(&t.pods, "pod", nil, "`NAME` of a pod to trace; repeatable")
	fs.StringVarP(&t.selector, "selector", "l", "", "Labels of the pods to trace, as kubectl get -l")
	fs.StringVar(&t.fieldSelector, "field-selector", "", "Fields of the pods to trace, as kubectl get --field-selector")
	fs.BoolVarP(&t.allNamespaces, "all-namespaces", "A", false, "Trace the pods of all namespaces (-n: of one)")
	fs.StringArrayVar(&t.nodes, "node", nil, "Trace only pods on the node of this `NAME`; repeatable")
	fs.StringArrayVarP(&t.containers, "container", "c", nil, "Show only containers of this `NAME`; repeatable")
	return fs
}

func (s *sessionOptions) flags(duration time.Duration) *pflag.FlagSet {
	fs := help.NewFlags()
	fs.DurationVar(&s.duration, "duration", duration, "End after this `TIME` (30s, 5m); without it after 12h at most")
	if duration > 0 {
		fs.Lookup("duration").DefValue = shortText(duration)
	}
	fs.Uint64Var(&s.maxEvents, "max-events", 0, "End after `N` events were shown")
	fs.BoolVar(&s.detach, "detach", false, "Leave the tracers to themselves for --duration (see sessions)")
	fs.BoolVar(&s.strict, "strict", false, "Exit with 3 when a node, a hook or events were missing")
	return fs
}

// shortText is a duration as people write it: 10m, not 10m0s.
func shortText(d time.Duration) string { return strings.TrimSuffix(d.String(), "0s") }

func (o *outputOptions) flags() *pflag.FlagSet {
	fs := help.NewFlags()
	o.set = fs
	fs.StringVarP(&o.format, "output", "o", "", "One of "+strings.Join(render.Formats(), ", ")+" (default tree)")
	fs.BoolVar(&o.timestamps, "timestamps", false, "Begin each line with the time of the event")
	fs.StringVar(&o.finalTree, "final-tree", render.FinalTreeAuto, "Whole trees at the end: auto (unless still on the screen), always or never")
	fs.StringVar(&o.color, "color", "auto", "auto, always or never; auto knows NO_COLOR")
	fs.StringVar(&o.emoji, "emoji", "auto", "auto, always or never; auto goes by the locale")
	fs.StringVar(&o.sessionLog, "session-log", "", "`FILE` for hooks, notices, losses by cause, as JSON lines; - is stdout")
	return fs
}

func processFlags(p *wire.ProcessDetail) *pflag.FlagSet {
	fs := help.NewFlags()
	fs.BoolVar(&p.Credentials, "process-credentials", false, "Report the ids of each process in JSON and YAML (process_credentials)")
	fs.BoolVar(&p.Namespaces, "process-namespaces", false, "Report its kernel namespaces (ns)")
	fs.BoolVar(&p.Capabilities, "process-capabilities", false, "Report its capabilities (cap)")
	return fs
}

func (l *localOptions) flags() *pflag.FlagSet {
	fs := help.NewFlags()
	fs.BoolVar(&l.enabled, "local", false, "Trace this machine, or only the command after --; needs Linux and root")
	fs.StringArrayVar(&l.cgroups, "cgroup", nil, "With --local: only what runs below this cgroup `DIRECTORY`; repeatable")
	return fs
}

// complete takes over the arguments.
func (o *Options) complete(cmd *cobra.Command, args []string) {
	o.targets.args = args
	if dash := cmd.ArgsLenAtDash(); dash >= 0 {
		o.targets.args, o.local.command = args[:dash], args[dash:]
	}
	if v := cmd.Flags().Lookup("v"); v != nil {
		o.verbose = v.Value.String() != "0"
	}
	o.given = map[string]bool{}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		o.given[f.Name] = true
		if err := o.checkSwallowed(cmd, f); err != nil {
			o.swallowed = append(o.swallowed, err)
		}
	})
}

// addTo gives a command the flags, their help and their completions.
func (o *Options) addTo(cmd *cobra.Command, v Verb) {
	for _, g := range o.groups {
		cmd.Flags().AddFlagSet(g.Flags)
	}
	cmd.SetUsageFunc(help.Usage(o.groups))
	o.completions(cmd, v)
}

// completions completes the values of those flags that the command has.
func (o *Options) completions(cmd *cobra.Command, v Verb) {
	for flag, completion := range map[string]cobra.CompletionFunc{
		"pod":               o.Cluster.Complete(cluster.Pods),
		"node":              o.Cluster.Complete(cluster.Nodes),
		"container":         o.Cluster.Complete(cluster.Containers),
		"tracer":            cluster.Words(launch.Ways...),
		"tracer-namespace":  o.Cluster.Complete(cluster.Namespaces),
		"output":            cluster.Words(render.Formats()...),
		"final-tree":        cluster.Words(always...),
		"color":             cluster.Words(always...),
		"emoji":             cluster.Words(always...),
		"record-on":         cluster.Words(recorder.Triggers()...),
		"dry-run":           cluster.Words(dryRunNone, dryRunClient, dryRunServer),
		"image-pull-policy": cluster.Words(pullPolicies...),
		"event":             completeEventTypes,
		"exclude":           completeExcludes,
		"policy":            o.completePolicies(v),
	} {
		_ = cmd.RegisterFlagCompletionFunc(flag, completion) // fails for a flag that does not exist; a test asks for each
	}
}
