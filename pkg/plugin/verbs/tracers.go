// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
)

// aboutTracers is what the flags' own lines have no room for.
const aboutTracers = `What runs on the nodes, and how it gets there. Every command that traces on a cluster has these flags.
A tracer pod runs on each node of the targets for as long as the command does.

`

// moreAboutTracers follows the flags.
const moreAboutTracers = `
carried   This plugin sends the tracer itself, 3.8 MB to each node, through the API server: the pod is made from an image that
          the node has, of which nothing is executed. A starter of 13 KB, in a ConfigMap of the tracer namespace, receives the
          tracer on the attached standard input, compares its SHA-256 with the one in the pod's spec, and executes it from
          memory. No registry is asked, and no file is written on the node.
image     The node's container runtime has or pulls the tracer's image. "make image" builds it.
auto      An image if --image names one, or if the node says that it has the plugin's own; else carried.

Examples:
` + exampleTracers + "\n"

// exampleTracers are of the flags themselves.
const exampleTracers = `  # The pods that would be made, each line with its reason in manifests/tracer-pod.yaml
  kubectl trace-sec exec deploy/web --dry-run=client -o yaml
  # On two hundred nodes, from the cluster's own registry
  kubectl trace-sec exec -A -l app=web --image registry.example/trace-sec-tracer:v1
  # Let this plugin's tracers into the namespace of manifests/, whose admission policy lets in no others (docs/admission.md)
  kubectl trace-sec tracers --admission --base-image registry.k8s.io/pause:3.10 | kubectl apply -f -`

// Tracers explains the flags of the tracer pods, once for all commands, and prints what lets this plugin's tracers in.
func Tracers(env trace.Environment) *cobra.Command {
	var a admission
	cmd := &cobra.Command{
		Use:     trace.TracersTopic,
		Short:   "Print the flags of the tracer pods, or what lets them into a namespace with an admission policy",
		Example: exampleTracers,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.print {
				return a.run(env)
			}
			_, err := fmt.Fprint(env.Out, aboutTracers+trace.TracerUsages(env.Build)+moreAboutTracers)
			return err
		},
	}
	a.flags(cmd.Flags(), env.Build.Image)
	return cmd
}
