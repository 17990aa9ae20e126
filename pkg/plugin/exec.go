// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
)

func newExecCommand(c *cluster, streams genericiooptions.IOStreams, build Build) *cobra.Command {
	o := newTraceOptions(c, streams, build)
	failed := o.addFailedExecs()
	cmd := &cobra.Command{
		Use:   "exec [POD | TYPE/NAME]... [--local [-- COMMAND [ARG]...]]",
		Short: "Show which programs run in pods, who started them and how they ended",
		Long: `Show which programs run in pods, who started them and how they ended.
Without a target: in all pods of the namespace. Pods that match later, restart or move are picked up.`,
		Example: `  # All pods of a deployment, as process trees
  kubectl trace-sec exec deploy/web
  # Five minutes of the pods with a label in all namespaces, for Tetragon's tools
  kubectl trace-sec exec -A -l app=web --duration 5m -o json > events.json
  # What a script runs on this machine
  sudo kubectl-trace_sec exec --local -- ./suspect.sh`,
		DisableFlagsInUseLine: true,
		ValidArgsFunction:     c.complete(podsAndWorkloads),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.complete(cmd, args)
			if !*failed {
				o.readPolicies = nil
			}
			return o.run(cmd.Context())
		},
	}
	o.addTo(cmd)
	return cmd
}

// addTo gives a command the flags, their help and their completions.
func (o *traceOptions) addTo(cmd *cobra.Command) {
	for _, g := range o.groups {
		cmd.Flags().AddFlagSet(g.flags)
	}
	cmd.SetUsageFunc(usage(o.groups))
	for flag, completion := range map[string]cobra.CompletionFunc{
		"pod":               o.cluster.complete(pods),
		"node":              o.cluster.complete(nodes),
		"container":         o.cluster.complete(containers),
		"tracer-namespace":  o.cluster.complete(namespaces),
		"output":            words(render.Formats()...),
		"color":             words(always...),
		"emoji":             words(always...),
		"dry-run":           words(dryRunNone, dryRunClient, dryRunServer),
		"image-pull-policy": words(pullPolicies...),
		"event":             completeEventTypes,
		"exclude":           completeExcludes,
		"policy":            o.completePolicies,
	} {
		_ = cmd.RegisterFlagCompletionFunc(flag, completion) // fails for a flag that does not exist; a test asks for each
	}
}
