// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"github.com/spf13/cobra"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/policyset"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
)

// Run shows what policies report. Their enforcing actions are not armed.
func Run(env trace.Environment) *cobra.Command {
	var files policyset.Files
	canary := false
	flags := files.Flags()
	flags.BoolVar(&canary, "allow-canary", false, "Carry out GetUrl and DnsLookup of policies, from here, for events that are shown")
	cmd := trace.Command(env, trace.Verb{
		Use:   "run -f FILE [-f FILE]... [POD | TYPE/NAME]... [--local [-- COMMAND [ARG]...]]",
		Short: "Show what policies (Tetragon's TracingPolicy) report, without enforcing anything",
		Long:  `Show what policies (Tetragon's TracingPolicy) report of the targets that they select; what they would do is only said.`,
		Example: `  # What a policy sees in the pods of a deployment
  kubectl trace-sec run -f policy.yaml deploy/web
  # Two policies for five minutes, for Tetragon's tools; 3 if a hook could not be attached or events were lost
  kubectl trace-sec run -f files.yaml -f network.yaml -A --duration 5m --strict -o json > events.json
  # A policy on what a script does on this machine
  sudo kubectl-trace_sec run -f policy.yaml --local -- ./suspect.sh`,
		Title: "Policies and session", Flags: flags, Groups: trace.WithSession,
		Work: func(r trace.Request) (trace.Work, error) {
			if len(files.Names) == 0 {
				return trace.Work{Targets: r.Args}, policyset.NoFile(r.Args)
			}
			given, err := files.Load(r.In, r.ErrOut, r.Networks)
			return trace.Work{Targets: r.Args, Given: given, AllowCanary: canary}, err
		},
	})
	policyset.CompleteFilename(cmd)
	return cmd
}
