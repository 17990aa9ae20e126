// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// newRunCommand shows what policies report. Their enforcing actions are not armed.
func newRunCommand(c *cluster, streams genericiooptions.IOStreams, build Build) *cobra.Command {
	o := newTraceOptions(c, streams, build)
	var files policyFiles
	o.policiesAreGiven = true
	o.readPolicies = func() (policySet, error) { return files.load(o.In, o.ErrOut) }
	first := files.flags()
	o.canaryFlag(first)
	first.AddFlagSet(o.groups[sessionGroup].flags)
	o.groups[sessionGroup] = flagGroup{title: "Policies and session", flags: first}
	cmd := &cobra.Command{
		Use:   "run -f FILE [-f FILE]... [POD | TYPE/NAME]... [--local [-- COMMAND [ARG]...]]",
		Short: "Show what policies (Tetragon's TracingPolicy) report, without enforcing anything",
		Long:  `Show what policies (Tetragon's TracingPolicy) report of the targets that they select; what they would do is only said.`,
		Example: `  # What a policy sees in the pods of a deployment
  kubectl trace-sec run -f policy.yaml deploy/web
  # Two policies for five minutes, for Tetragon's tools; 3 if a hook could not be attached or events were lost
  kubectl trace-sec run -f files.yaml -f network.yaml -A --duration 5m --strict -o json > events.json
  # A policy on what a script does on this machine
  sudo kubectl-trace_sec run -f policy.yaml --local -- ./suspect.sh`,
		DisableFlagsInUseLine: true,
		ValidArgsFunction:     c.complete(podsAndWorkloads),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.complete(cmd, args)
			return o.run(cmd.Context())
		},
	}
	o.addTo(cmd)
	completeFilename(cmd)
	return cmd
}
