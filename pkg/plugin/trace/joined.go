// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/cluster"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pods"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Join is a command that takes up a session whose tracers run already.
type Join struct {
	Use, Short, Long, Example string
	// Ends: the command ends the session, and shows no events.
	Ends bool
	// Work says how the events of a session are shown whose command line this was; it may be anything.
	Work func(command string) Work
}

// JoinCommand makes the command.
func JoinCommand(env Environment, j Join) *cobra.Command {
	o := newOptions(env, Verb{})
	own := help.Group{Title: "Sessions", Flags: help.NewFlags()}
	own.Flags.StringVar(&o.tracer.namespace, "tracer-namespace", launch.DefaultNamespace, "`NAMESPACE` of the tracer pods")
	groups := []help.Group{own}
	for _, g := range o.groups {
		if !j.Ends && (g.Title == filterGroup || g.Title == outputGroup) {
			groups = append(groups, g)
		}
	}
	o.groups = groups
	cmd := &cobra.Command{
		Use: j.Use, Short: j.Short, Long: j.Long, Example: j.Example,
		DisableFlagsInUseLine: true,
		Args:                  cobra.ExactArgs(1),
		ValidArgsFunction:     env.Cluster.Complete(completeSessions(o)),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.complete(cmd, args)
			return o.join(cmd.Context(), j, args[0])
		},
	}
	for _, g := range groups {
		cmd.Flags().AddFlagSet(g.Flags)
	}
	cmd.SetUsageFunc(help.Usage(groups))
	o.completions(cmd, Verb{})
	return cmd
}

func completeSessions(o *Options) cluster.Lister {
	return func(ctx context.Context, c cluster.Connection) (names []string, err error) {
		found, err := launch.Sessions(ctx, c.Client, o.tracer.namespace)
		for i := range found {
			names = append(names, found[i].ID+"\t"+found[i].Command)
		}
		return names, err
	}
}

// join takes up the session of this name, or of the only one that begins with it.
func (o *Options) join(ctx context.Context, j Join, name string) error {
	filtering, err := o.filtering()
	if problems := validation.IsDNS1123Label(o.tracer.namespace); len(problems) > 0 {
		err = errors.Join(err, fmt.Errorf("--tracer-namespace %q is not a name: %s", o.tracer.namespace, problems[0]))
	}
	if err := errors.Join(append(append(o.swallowed, o.values()...), err, o.checkFormat(Work{}), o.checkSessionLog(), o.checkRecording())...); err != nil {
		return err
	}
	connection, err := o.Cluster.Connect()
	if err != nil {
		return err
	}
	found, err := launch.Sessions(ctx, connection.Client, o.tracer.namespace)
	if err != nil {
		return err
	}
	joined, err := choose(found, name, o.tracer.namespace)
	if err != nil {
		return err
	}
	p := &Plan{options: o, work: j.Work(joined.Command), filtering: filtering, session: joined.ID, began: joined.Began}
	return p.runJoined(ctx, connection, joined, j.Ends)
}

// choose finds a session by its name, or by how that begins.
func choose(found []launch.Session, name, namespace string) (*launch.Session, error) {
	var fitting []*launch.Session
	var all []string
	for i := range found {
		all = append(all, found[i].ID)
		if strings.HasPrefix(found[i].ID, name) {
			fitting = append(fitting, &found[i])
		}
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("there is no session in namespace %s", namespace)
	case len(fitting) == 1 && name != "":
		return fitting[0], nil
	case len(fitting) > 1:
		return nil, fmt.Errorf("session %q is one of %d: give more of its name", name, len(fitting))
	}
	return nil, fmt.Errorf("there is no session %q in namespace %s, but: %s", name, namespace, strings.Join(all, ", "))
}

// runJoined shows what the tracers of a session see, or ends them.
func (p *Plan) runJoined(ctx context.Context, connection cluster.Connection, joined *launch.Session, ends bool) error {
	v, err := p.outputs()
	if err != nil {
		return err
	}
	p.options.Cluster.OnWarning(func(text string) { v.status.Say(event.LevelWarning, "the API server warns: "+text) })
	cluster.LogTo(v.screen.Err())
	stop := session.NewStop(ctx)
	defer session.HandleSignals(stop, func(int, os.Signal) bool { return true })()
	supervisor := session.NewSupervisor(stop)
	c := p.sessionConfig(stop.ShuttingDown(), v, connection.Client, nil)
	c.Supervisor, c.Stay, c.Began = supervisor, !ends, joined.Began
	if ends {
		c.Sink, c.Duration = pipeline.Discard{}, asSoonAsTraced
	}
	launcher := joinedLauncher{
		Launcher: launch.New(connection.Client, connection.REST, launch.Config{Namespace: p.options.tracer.namespace, Session: joined.ID}, launch.WithGuard(supervisor.Guard)),
		pods:     map[string]*corev1.Pod{},
	}
	for i := range joined.Pods {
		pod := &joined.Pods[i]
		launcher.pods[pod.Spec.NodeName] = pod
		c.Running = append(c.Running, pod.Spec.NodeName)
	}
	c.Launcher = launcher
	learnPods(stop.ShuttingDown(), connection, joined.TargetNamespaces, c.Index, v)
	if err := p.recordCluster(&c, v, stop, connection); err != nil {
		return err
	}
	p.watchOutput(stop)
	v.status.Say(event.LevelInfo, about(joined))
	result, err := session.Run(stop, c)
	return p.finish(v, result, err)
}

// about is a line on a session, by what its pods say.
func about(s *launch.Session) string {
	text := fmt.Sprintf("session %s on %s", s.ID, wording.Counted(uint64(len(s.Pods)), "node"))
	if s.Command != "" {
		text += ": " + s.Command
	}
	if s.Detached() {
		text += "; until " + s.Ends.Local().Format(time.TimeOnly)
	}
	return text
}

// asSoonAsTraced is the duration of a session that ends tracers when all of them were heard.
const asSoonAsTraced = time.Nanosecond

// learnPods has the index know the pods that may be the targets. Who may not list them sees events without the names of pods.
func learnPods(ctx context.Context, connection cluster.Connection, namespaces []string, index *pods.Index, v outputs) {
	for _, namespace := range namespaces {
		list, err := connection.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			v.status.Say(event.LevelWarning, fmt.Sprintf("names of pods in namespace %s are not known: %v", namespace, err))
			continue
		}
		for i := range list.Items {
			index.Update(&list.Items[i])
			if v.recording != nil {
				v.recording.pods.Update(&list.Items[i])
			}
		}
	}
}

// joinedLauncher hands over tracers that run.
type joinedLauncher struct {
	*launch.Launcher
	pods map[string]*corev1.Pod
}

// Preflight finds nothing: all that it asks for is there.
func (joinedLauncher) Preflight(context.Context, []string, launch.Progress) ([]*launch.NodeError, error) {
	return nil, nil
}

// Start hands over the node's tracer.
func (l joinedLauncher) Start(_ context.Context, config wire.TracerConfig) (session.Tracer, error) {
	t, err := l.Join(l.pods[config.Node])
	if err != nil {
		return nil, err
	}
	return joinedTracer{t}, nil
}

// joinedTracer is one that nothing can be sent to: the end of its pod ends it.
type joinedTracer struct{ *launch.Tracer }

// Wait waits for nothing: it has run before, and may have ended.
func (joinedTracer) Wait(context.Context, launch.Progress) error { return nil }

// Send refuses.
func (joinedTracer) Send(wire.Control) error { return launch.ErrDetached }
