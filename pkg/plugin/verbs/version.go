// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/carry"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
)

// Version prints what this is.
func Version(env trace.Environment) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the plugin's version, its tracer image, and the digests of the tracers that it carries",
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
			tracers, err := carry.Load()
			if err != nil {
				return err
			}
			text := fmt.Sprintf("%s %s\ntracer image: %s\n", help.Plugin, env.Build.Release(), image)
			for _, architecture := range slices.Sorted(maps.Keys(tracers)) {
				t := tracers[architecture]
				text += fmt.Sprintf("carried tracer for %s: sha256:%s, %d bytes\n", architecture, t.Digest, len(t.Payload))
			}
			if len(tracers) == 0 {
				text += "carried tracer: none, make build builds a plugin with one\n"
			}
			_, err = fmt.Fprint(env.Out, text)
			return err
		},
	}
}
