// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/cluster"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
)

// Cleanup removes what sessions left that could not do it themselves.
func Cleanup(env trace.Environment) *cobra.Command {
	o := cleanupOptions{Environment: env}
	cmd := &cobra.Command{
		Use:   "cleanup",
		Short: "Remove tracer pods that dead sessions left behind",
		Long: `Remove tracer pods that dead sessions left behind: those that have ended without their session reading on, and
those past their deadline; then the namespace, if a session made it and it is empty. Each session removes such
pods, too, so this is for tidying up after the last one. It waits until all is gone, for a minute at the most.`,
		Example: `  # What dead sessions left
  kubectl trace-sec cleanup
  # Every tracer pod, those of sessions that still run included: this ends them
  kubectl trace-sec cleanup --all-sessions
  # In a namespace that sessions were told to use
  kubectl trace-sec cleanup --tracer-namespace forensics`,
		Args:                  cobra.NoArgs,
		DisableFlagsInUseLine: true,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().StringVar(&o.namespace, "tracer-namespace", launch.DefaultNamespace, "`NAMESPACE` of the tracer pods")
	cmd.Flags().BoolVar(&o.allSessions, "all-sessions", false, "Also remove the tracer pods of sessions that still run")
	_ = cmd.RegisterFlagCompletionFunc("tracer-namespace", env.Cluster.Complete(cluster.Namespaces))
	return cmd
}

type cleanupOptions struct {
	trace.Environment
	namespace   string
	allSessions bool
}

func (o *cleanupOptions) run(ctx context.Context) error {
	if problems := validation.IsDNS1123Label(o.namespace); len(problems) > 0 {
		return fmt.Errorf("--tracer-namespace %q is not a name: %s", o.namespace, problems[0])
	}
	connection, err := o.Cluster.Connect()
	if err != nil {
		return err
	}
	launcher := launch.New(connection.Client, connection.REST, launch.Config{Namespace: o.namespace, Session: launch.NewSession()})
	done, err := launcher.Sweep(ctx, o.allSessions, func(waitingFor string) { fmt.Fprintln(o.ErrOut, waitingFor) })
	o.print(done, err == nil)
	return access.Explain(err)
}

// print says what was removed, and what was left alone on purpose.
func (o *cleanupOptions) print(done launch.Swept, complete bool) {
	for _, pod := range done.Pods {
		forced := ""
		if pod.Forced {
			forced = fmt.Sprintf(" by force: the kubelet of node %s did not answer", pod.Node)
		}
		fmt.Fprintf(o.Out, "%s deleted%s\n", pod.Name, forced)
	}
	if done.NamespaceRemoved {
		fmt.Fprintf(o.Out, "namespace %s deleted\n", o.namespace)
	}
	if done.Living > 0 {
		fmt.Fprintf(o.ErrOut, "left alone, since their sessions still run: %s (--all-sessions ends them)\n", tracerPodCount(done.Living))
	}
	if done.Fresh > 0 {
		fmt.Fprintf(o.ErrOut, "left alone, since their sessions may still read their last events: %s (removed from a minute after their end on)\n", tracerPodCount(done.Fresh))
	}
	if done.Kept > 0 {
		fmt.Fprintf(o.ErrOut, "left alone, since their events can be read for an hour after their end: %s of detached sessions (attach reads, stop removes them)\n", tracerPodCount(done.Kept))
	}
	if complete && len(done.Pods) == 0 && !done.NamespaceRemoved && done.Living+done.Fresh+done.Kept == 0 {
		fmt.Fprintf(o.ErrOut, "nothing to remove in namespace %s\n", o.namespace)
	}
}

func tracerPodCount(n int) string {
	if n == 1 {
		return "1 tracer pod"
	}
	return fmt.Sprintf("%d tracer pods", n)
}
