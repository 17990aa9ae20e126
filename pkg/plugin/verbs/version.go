// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
)

// Version prints what this is.
func Version(env trace.Environment) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the plugin's version and its tracer image",
		Example: `  # What is this
  kubectl trace-sec version
  # The image, to copy it to a registry that the nodes reach
  kubectl trace-sec version | sed -n 's/^tracer image: //p'
  # What a report of a problem should begin with
  kubectl trace-sec version && kubectl version && kubectl get nodes -o wide`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			image := env.Build.Image
			if image == "" {
				image = "none built in, --image names one"
			}
			_, err := fmt.Fprintf(env.Out, "%s %s\ntracer image: %s\n", help.Plugin, env.Build.Release(), image)
			return err
		},
	}
}
