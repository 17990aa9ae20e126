// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/policyset"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/scope"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// Policy groups what can be done with a policy without tracing anything.
func Policy(env trace.Environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Check and explain policies (Tetragon's TracingPolicy)",
		Example: `  # Is everything in the policy right?
  kubectl trace-sec policy lint -f policy.yaml
  # What would this machine's kernel do with it?
  sudo kubectl-trace_sec policy explain -f policy.yaml
  # What does it report?
  kubectl trace-sec run -f policy.yaml deploy/web`,
	}
	cmd.AddCommand(policyLint(env.IOStreams), policyExplain(env))
	return cmd
}

func policyLint(streams genericiooptions.IOStreams) *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use:   "lint -f FILE [-f FILE]...",
		Short: "Check policies: every mistake with its line, without a cluster",
		Long: `Check policies: every mistake with its line, without a cluster.
Each problem is a line "file:line: path: message", and the exit code is 1. If there is none, each policy is a line with
what it watches, enforces and is about. YAML or JSON, several documents in a file; other objects in it are skipped.`,
		Example: `  # One policy
  kubectl trace-sec policy lint -f policy.yaml
  # Several files: two policies of one name are a problem, too
  kubectl trace-sec policy lint -f files.yaml -f network.yaml
  # What is in a cluster that has Tetragon
  kubectl get tracingpolicies -o yaml | kubectl trace-sec policy lint -f -`,
		Args:                  noArguments,
		DisableFlagsInUseLine: true,
		RunE: func(*cobra.Command, []string) error {
			if len(files) == 0 {
				return policyset.ErrNoFile
			}
			return lint(files, streams)
		},
	}
	cmd.Flags().StringArrayVarP(&files, "filename", "f", nil, "`FILE` with policies, a folder of such, - for standard input; repeatable")
	policyset.CompleteFilename(cmd)
	return cmd
}

// noArguments is for commands whose policies are named by -f alone.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return policyset.NoFile(args)
}

// lint prints problems or, without any, the policies.
func lint(files []string, streams genericiooptions.IOStreams) error {
	file, err := policy.Load(files, streams.In, nil)
	if problems, ok := errors.AsType[policy.Problems](err); ok {
		for _, problem := range problems {
			fmt.Fprintln(streams.Out, terminal.Sanitize(problem.Error()))
		}
		return exit.Code(exit.Error)
	}
	if err != nil {
		return err
	}
	for _, skipped := range file.Skipped {
		fmt.Fprintln(streams.ErrOut, terminal.Sanitize(fmt.Sprintf("%s: %s is no policy, skipped", skipped.Position, skipped.What)))
	}
	for _, p := range file.Policies {
		if _, err := fmt.Fprintln(streams.Out, terminal.Sanitize(policyLine(p))); err != nil {
			return err
		}
	}
	return nil
}

// policyLine is kind and name, what is watched, what is enforced, and where.
func policyLine(p *policy.Policy) string {
	hooks := make([]string, len(p.Hooks))
	for i := range p.Hooks {
		hooks[i] = p.Hooks[i].Kind.String()
		if name := p.Hooks[i].Name(); name != hooks[i] {
			hooks[i] += " " + name
		}
	}
	enforces := "enforces nothing"
	if actions := p.Enforcing(); len(actions) > 0 {
		enforces = "enforces " + strings.Join(actions, ", ")
	}
	about := scope.Describe(p)
	if some := scope.WorkloadsOf(p); len(some) > 0 {
		about += "; selectors for " + strings.Join(some, " / ")
	}
	return fmt.Sprintf("%s %s: %s; %s; %s", p.Kind, p.Name, strings.Join(hooks, ", "), enforces, about)
}
