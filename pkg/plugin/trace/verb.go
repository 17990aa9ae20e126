// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/build"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/cluster"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/enforce"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/policyset"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Environment is what commands are made with.
type Environment struct {
	genericiooptions.IOStreams
	Cluster *cluster.Cluster
	Build   build.Info
}

// Verb is a command that traces: its words, its flags, and the work that it stands for.
type Verb struct {
	Use, Short, Long, Example string
	// Title and Flags are the command's own group of flags; Flags is nil for one that has none.
	Title string
	Flags *pflag.FlagSet
	// Groups puts the groups of flags that all commands have behind the command's own; nil: as they are, before them the own.
	Groups func(own help.Group, all []help.Group) []help.Group
	// Records: there is a recording, also where no flag names its file.
	Records bool
	// Duration is the default of --duration; 0: none.
	Duration time.Duration
	// PrintsPolicy adds --print-policy: the policies of the flags are all that the command has.
	PrintsPolicy bool
	// Work makes the work of flags and arguments. It is called once; the error is everything that is wrong with them.
	Work func(Request) (Work, error)
}

// Request is what a command line says beside the verb's own flags.
type Request struct {
	genericiooptions.IOStreams
	// Args are the arguments before --.
	Args []string
	// Local: this machine is the target. Format and Containers are the values of -o and --container, Process what is asked for of
	// processes.
	Local      bool
	Format     string
	Containers []string
	Process    wire.ProcessDetail
	// Filtered: filters leave events out.
	Filtered bool

	options *Options
}

// Given says whether the user set a flag.
func (r Request) Given(flag string) bool { return r.options.given[flag] }

// networksTime is how long the cluster may take to say which networks it has.
const networksTime = 10 * time.Second

// Networks are those that a variable of policies stands for, as the cluster has them.
func (r Request) Networks(variable string) ([]string, error) {
	if r.Local {
		return nil, errors.New("this machine is no cluster that could tell: write the networks")
	}
	c, err := r.options.Cluster.Connect()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), networksTime)
	defer cancel()
	if variable == policy.ServiceNetworks {
		return cluster.ServiceNetworks(ctx, c.Client)
	}
	return cluster.PodNetworks(ctx, c.Client)
}

// FilterFlags are the names of the flags that filter events.
func (r Request) FilterFlags() (names []string) {
	help.VisitNames(r.options.filters.flags, func(name string) { names = append(names, name) })
	return names
}

// Work is what a command does. Nothing of it changes once it is made.
type Work struct {
	// Targets are those of the arguments that name targets.
	Targets []string
	// Given are policies that the user wrote, Composed those that the flags make.
	Given    policyset.Set
	Composed []compose.Policy
	// FilterAfterEnrich: the kernel must not leave out what filters do, because what is shown is completed with it.
	FilterAfterEnrich bool
	// HooksAreImplied: the user asked for no hooks, and is told only of those that are not attached, or see less.
	HooksAreImplied bool
	// Remarks are what the user has to know of the policies, said before it begins.
	Remarks []string
	// Process is what is reported of processes besides what the flags ask for.
	Process wire.ProcessDetail
	// OwnWords, Every and Arguments are those of render.Options.
	OwnWords, Every, Arguments bool
	// Detects: Enrich adds what rules say of events, and leaves out the others.
	Detects bool
	// Now is that of render.Options; nil: events are of this moment.
	Now func() time.Time
	// Keep is which events the command shows; nil: all that the filters leave.
	Keep func(*event.Event) bool
	// Enrich makes what adds to the events as they come; nil where nothing does.
	Enrich Enrich
	// OnHooks are lines that are said when tracers have told what became of their hooks, by node; nil: none.
	OnHooks func(hellos map[string]*event.Hello) []string
	// Closing are lines that follow the summary; nil: none.
	Closing func() []string
	// Result makes what is shown instead of events; nil: the events are.
	Result func(out io.Writer) (Result, error)
	// Enforce is nil for a command that only observes.
	Enforce *enforce.Options
	// AllowCanary: what the policies want to be fetched and looked up is.
	AllowCanary bool
}

// Enrich makes the stage that completes events and says whether they are shown. client is nil without a cluster; ctx ends with the session;
// say tells the user.
type Enrich func(ctx context.Context, client kubernetes.Interface, say func(event.Level, string)) pipeline.Stage

// Result takes the events in the place of a renderer.
type Result struct {
	pipeline.Sink
	// OnPodChange is told of each target that is found or changes; nil: not.
	OnPodChange func(*corev1.Pod)
}

// Command makes the command of a verb.
func Command(env Environment, v Verb) *cobra.Command {
	o := newOptions(env, v)
	printPolicy := false
	own := help.Group{Title: v.Title, Flags: v.Flags}
	if v.PrintsPolicy {
		own.Flags.BoolVar(&printPolicy, "print-policy", false, "Print the TracingPolicy that these flags make, and do nothing")
	}
	o.arrange(own, v.Groups)
	cmd := &cobra.Command{
		Use: v.Use, Short: v.Short, Long: v.Long, Example: v.Example,
		DisableFlagsInUseLine: true,
		ValidArgsFunction:     env.Cluster.Complete(cluster.PodsAndWorkloads),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.complete(cmd, args)
			o.printsPolicy = printPolicy
			if v.Records {
				o.record.needFile(o)
			}
			p, err := o.plan(v)
			if err != nil {
				return err
			}
			return p.run(cmd.Context())
		},
	}
	o.addTo(cmd, v)
	return cmd
}

// explainedByExec are groups of flags that the help of most commands only names: their own have to fit on the screen.
var explainedByExec = []string{sessionGroup, outputGroup, processGroup}

// BehindOwn puts a command's own group first, and only names the groups that the help of exec explains.
func BehindOwn(own help.Group, all []help.Group) []help.Group {
	for i := range all {
		if slices.Contains(explainedByExec, all[i].Title) {
			all[i].Topic = "exec --help"
		}
	}
	return append([]help.Group{own}, all...)
}

// ForRecording is BehindOwn that leaves rules to the help of detect, and targets to that of exec too.
func ForRecording(own help.Group, all []help.Group) []help.Group {
	groups := BehindOwn(own, all)
	for i := range groups {
		if groups[i].Title == targetGroup {
			groups[i].Topic = "exec --help"
		}
	}
	groups[0].Topic = "detect --help"
	return groups
}

// WithSession puts a command's own flags and those of the session into one group, before the others.
func WithSession(own help.Group, all []help.Group) []help.Group {
	rest := slices.DeleteFunc(all, func(g help.Group) bool {
		if g.Title == sessionGroup {
			own.Flags.AddFlagSet(g.Flags)
		}
		return g.Title == sessionGroup
	})
	return append([]help.Group{own}, rest...)
}

// WithOutput puts a command's own flags into the group of the output.
func WithOutput(own help.Group, all []help.Group) []help.Group {
	all[slices.IndexFunc(all, func(g help.Group) bool { return g.Title == outputGroup })].Flags.AddFlagSet(own.Flags)
	return all
}

// ForEnforcing is WithSession that says what flags of other commands mean where something is enforced, and only names those that
// the help of exec explains.
func ForEnforcing(own help.Group, all []help.Group) []help.Group {
	for i := range all {
		for flag, usage := range map[string]string{
			"duration":  "Disarm and end after this `TIME`, 24h at most",
			"container": "Enforce in the containers of this `NAME` only; repeatable",
		} {
			if f := all[i].Flags.Lookup(flag); f != nil {
				f.Usage = usage
			}
		}
		if all[i].Title == outputGroup {
			all[i].Topic = "exec --help"
		}
	}
	shown := all[slices.IndexFunc(all, func(g help.Group) bool { return g.Title == outputGroup })].Flags
	return slices.DeleteFunc(WithSession(own, all), func(g help.Group) bool {
		if g.Title == processGroup { // what is shown of an event
			shown.AddFlagSet(g.Flags)
		}
		return g.Title == processGroup
	})
}

// word is the command's name.
func (v Verb) word() string {
	word, _, _ := strings.Cut(v.Use, " ")
	return word
}
