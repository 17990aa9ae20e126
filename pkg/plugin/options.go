// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// shortestSession is the least --duration: starting the tracers takes longer.
const shortestSession = time.Second

// traceOptions are the options of a command that shows events, filled by its flags, then by complete, and checked by
// validate before anything is asked of a cluster or started.
type traceOptions struct {
	genericiooptions.IOStreams
	build   Build
	cluster *cluster

	targets targetOptions
	session sessionOptions
	output  outputOptions
	filters filterOptions
	process wire.ProcessDetail
	tracer  tracerOptions
	local   localOptions
	// arming is what a command enforces; nil for one that observes.
	arming *armingOptions
	// readPolicies reads or writes the policies to run, once; nil for a command that has none. They are in policies then.
	readPolicies func() (policySet, error)
	policies     policySet
	// policiesAreGiven: the user wrote them, and is told what of them acts.
	policiesAreGiven bool
	// hooksAreImplied: the user asked for no hooks, and is told of those that are not attached only.
	hooksAreImplied bool
	// canaries: what the policies want to be fetched and looked up is.
	canaries bool
	// remarks are what the user has to know of the policies that a command wrote: said before it begins.
	remarks []string
	// keep is which events a command shows; nil: all that the filters leave.
	keep func(*event.Event) bool
	// result makes what a command shows instead of events: nil without an error to show the events. seesPods is told of the
	// pods then, each time that one changes. Both may be nil.
	result   func(out io.Writer) (render.Renderer, error)
	seesPods func(*corev1.Pod)

	// completing makes what adds to the events of a command as they come; nil where nothing does.
	completing completing

	// startsNothing: no tracer is needed.
	startsNothing bool

	// groups are the flags as the help shows them; given are the names of those that the user set.
	groups []flagGroup
	given  map[string]bool
}

// completing makes a session's Complete. client is nil without a cluster; ctx ends with the session; say tells the user.
type completing func(ctx context.Context, client kubernetes.Interface, say func(event.Level, string)) func(*event.Event) bool

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
}

// outputOptions say how events are shown.
type outputOptions struct {
	format, color, emoji string
	timestamps           bool
	// sessionLog is the name of a file, sessionlog.Stdout, or empty.
	sessionLog string
	// ownWords, every and arguments are render.Options.OwnWords, .Every and .Arguments.
	ownWords, every, arguments bool
}

// tracerOptions say what is put on the cluster.
type tracerOptions struct {
	namespace, image, pullPolicy string
	pullSecrets                  []string
	dryRun                       string
}

// localOptions say what of this machine is traced.
type localOptions struct {
	enabled bool
	cgroups []string
	// command follows "--".
	command []string
}

// Values of --dry-run.
const (
	dryRunNone   = "none"
	dryRunClient = "client"
	dryRunServer = "server"
)

func newTraceOptions(c *cluster, streams genericiooptions.IOStreams, build Build) *traceOptions {
	o := &traceOptions{IOStreams: streams, build: build, cluster: c}
	o.groups = []flagGroup{
		{title: targetGroup, flags: o.targets.flags()},
		{title: "Session", flags: o.session.flags()},
		{title: filterGroup, flags: o.filters.flags(), topic: filtersTopic},
		{title: outputGroup, flags: o.output.flags()},
		{title: processGroup, flags: processFlags(&o.process)},
		{title: tracerGroup, flags: o.tracer.flags(o.build)},
		{title: "This machine instead of a cluster", flags: o.local.flags()},
	}
	return o
}

// sessionGroup is the place of a group among traceOptions.groups.
const sessionGroup = 1

// Titles of the flag groups that something refers to.
const (
	targetGroup  = "Targets"
	outputGroup  = "Output"
	processGroup = "Processes"
	tracerGroup  = "Tracer pods"
)

func newFlags() *pflag.FlagSet {
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.SortFlags = false
	return fs
}

func (t *targetOptions) flags() *pflag.FlagSet {
	fs := newFlags()
	fs.StringArrayVar(&t.pods, "pod", nil, "`NAME` of a pod to trace; repeatable")
	fs.StringVarP(&t.selector, "selector", "l", "", "Labels of the pods to trace, as kubectl get -l")
	fs.StringVar(&t.fieldSelector, "field-selector", "", "Fields of the pods to trace, as kubectl get --field-selector")
	fs.BoolVarP(&t.allNamespaces, "all-namespaces", "A", false, "Trace the pods of all namespaces (-n: of one)")
	fs.StringArrayVar(&t.nodes, "node", nil, "Trace only pods on the node of this `NAME`; repeatable")
	fs.StringArrayVarP(&t.containers, "container", "c", nil, "Show only containers of this `NAME`; repeatable")
	return fs
}

func (s *sessionOptions) flags() *pflag.FlagSet {
	fs := newFlags()
	fs.DurationVar(&s.duration, "duration", 0, "End after this `TIME` (30s, 5m); without it after 12h at most")
	fs.Uint64Var(&s.maxEvents, "max-events", 0, "End after `N` events were shown")
	fs.BoolVar(&s.strict, "strict", false, "Exit with 3 when a node, a hook or events were missing")
	return fs
}

func (o *outputOptions) flags() *pflag.FlagSet {
	fs := newFlags()
	fs.StringVarP(&o.format, "output", "o", "", "One of "+strings.Join(render.Formats(), ", ")+" (default tree)")
	fs.BoolVar(&o.timestamps, "timestamps", false, "Begin each line with the time of the event")
	fs.StringVar(&o.color, "color", "auto", "auto, always or never; auto knows NO_COLOR")
	fs.StringVar(&o.emoji, "emoji", "auto", "auto, always or never; auto goes by the locale")
	fs.StringVar(&o.sessionLog, "session-log", "", "`FILE` for hooks, notices, losses by cause, as JSON lines; - is stdout")
	return fs
}

func processFlags(p *wire.ProcessDetail) *pflag.FlagSet {
	fs := newFlags()
	fs.BoolVar(&p.Credentials, "process-credentials", false, "Report the ids of each process in JSON and YAML (process_credentials)")
	fs.BoolVar(&p.Namespaces, "process-namespaces", false, "Report its kernel namespaces (ns)")
	fs.BoolVar(&p.Capabilities, "process-capabilities", false, "Report its capabilities (cap)")
	return fs
}

func (t *tracerOptions) flags(build Build) *pflag.FlagSet {
	fs := newFlags()
	fs.StringVar(&t.namespace, "tracer-namespace", launch.DefaultNamespace, "`NAMESPACE` of the tracer pods")
	fs.StringVar(&t.image, "image", build.Image, "Tracer `IMAGE`, of the plugin's version")
	fs.StringVar(&t.pullPolicy, "image-pull-policy", string(corev1.PullIfNotPresent), "Always, IfNotPresent or Never")
	fs.StringArrayVar(&t.pullSecrets, "image-pull-secret", nil, "`NAME` of a secret in the tracer namespace; repeatable")
	fs.StringVar(&t.dryRun, "dry-run", dryRunNone, "none, client or server: the last two only print the tracer pods")
	return fs
}

func (l *localOptions) flags() *pflag.FlagSet {
	fs := newFlags()
	fs.BoolVar(&l.enabled, "local", false, "Trace this machine, or only the command after --; needs Linux and root")
	fs.StringArrayVar(&l.cgroups, "cgroup", nil, "With --local: only what runs below this cgroup `DIRECTORY`; repeatable")
	return fs
}

// complete takes over the arguments.
func (o *traceOptions) complete(cmd *cobra.Command, args []string) {
	o.targets.args = args
	if dash := cmd.ArgsLenAtDash(); dash >= 0 {
		o.targets.args, o.local.command = args[:dash], args[dash:]
	}
	o.given = map[string]bool{}
	cmd.Flags().Visit(func(f *pflag.Flag) { o.given[f.Name] = true })
}
