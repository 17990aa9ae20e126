// SPDX-License-Identifier: Apache-2.0

package verbs

import (
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
	var namespace string
	var all bool
	cmd := &cobra.Command{
		Use:   "cleanup",
		Short: "Remove tracer pods that dead sessions left behind",
		Long: `Remove tracer pods that dead sessions left behind: those that have ended, and those past their deadline.
Each session does the same when it starts, so this is for tidying up after the last one.`,
		Example: `  # What dead sessions left
  kubectl trace-sec cleanup
  # Every tracer pod, those of sessions that still run included: this ends them
  kubectl trace-sec cleanup --all-sessions
  # In a namespace that sessions were told to use
  kubectl trace-sec cleanup --tracer-namespace forensics`,
		Args:                  cobra.NoArgs,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if problems := validation.IsDNS1123Label(namespace); len(problems) > 0 {
				return fmt.Errorf("--tracer-namespace %q is not a name: %s", namespace, problems[0])
			}
			connection, err := env.Cluster.Connect()
			if err != nil {
				return err
			}
			launcher := launch.New(connection.Client, connection.REST, launch.Config{Namespace: namespace, Session: launch.NewSession()})
			deleted, err := launcher.Reap(cmd.Context(), all)
			for _, name := range deleted {
				fmt.Fprintf(env.Out, "%s deleted\n", name)
			}
			if err == nil && len(deleted) == 0 {
				fmt.Fprintf(env.ErrOut, "nothing to remove in namespace %s\n", namespace)
			}
			return access.Explain(err)
		},
	}
	cmd.Flags().StringVar(&namespace, "tracer-namespace", launch.DefaultNamespace, "`NAMESPACE` of the tracer pods")
	cmd.Flags().BoolVar(&all, "all-sessions", false, "Also remove the tracer pods of sessions that still run")
	_ = cmd.RegisterFlagCompletionFunc("tracer-namespace", env.Cluster.Complete(cluster.Namespaces))
	return cmd
}
