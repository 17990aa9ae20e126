// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
)

// Options keeps the three dozen flags of every kubectl-like program out of each command's help, as kubectl does.
func Options(env trace.Environment) *cobra.Command {
	return &cobra.Command{
		Use:   "options",
		Short: "Print the flags that every command has (kubeconfig, context, credentials, -v)",
		Example: `  # All of them
  kubectl trace-sec options
  # Another cluster, and a namespace of it
  kubectl trace-sec exec --context prod -n shop deploy/web
  # As somebody else, with each request that is made
  kubectl trace-sec exec --as responder -v 6 deploy/web`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(env.Out, "The following flags can be passed to every command:\n\n"+cmd.InheritedFlags().FlagUsagesWrapped(help.Width))
			return err
		},
	}
}
