// SPDX-License-Identifier: Apache-2.0

// Package verbs holds the commands of the plugin, one file each: flags, help, and the policy that a command stands for.
package verbs

import (
	"github.com/spf13/cobra"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
)

// Exec shows which programs run.
func Exec(env trace.Environment) *cobra.Command {
	flags := help.NewFlags()
	var every bool
	everyFlag(flags, &every, "exec that fails")
	failed := flags.Bool("failed", true, "Show execs that fail; =false spares a check of each system call of the node")
	return trace.Command(env, trace.Verb{
		Use:   "exec [POD | TYPE/NAME]... [--local [-- COMMAND [ARG]...]]",
		Short: "Show which programs run in pods, who started them and how they ended",
		Long:  `Show which programs run in pods (without a target: all of the namespace, later ones too), by whom, and how they ended.`,
		Example: `  # All pods of a deployment, as process trees
  kubectl trace-sec exec deploy/web
  # Five minutes of the pods with a label in all namespaces, for Tetragon's tools
  kubectl trace-sec exec -A -l app=web --duration 5m -o json > events.json
  # What a script runs on this machine
  sudo kubectl-trace_sec exec --local -- ./suspect.sh`,
		Flags: flags, Groups: trace.WithOutput,
		Work: func(r trace.Request) (trace.Work, error) {
			w := trace.Work{Targets: r.Args, OwnWords: true, Every: every, HooksAreImplied: true}
			if *failed {
				w.Composed = []compose.Policy{compose.FailedExecs()}
			}
			return w, nil
		},
	})
}
