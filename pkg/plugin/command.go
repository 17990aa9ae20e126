// SPDX-License-Identifier: Apache-2.0

// Package plugin is kubectl trace-sec: its commands and options, and the glue between them and the packages that do the
// work: target (which pods), launch (tracer pods), stream (frames in order), join (pods of events), render (output) and
// session, which runs them. Local mode reaches the tracer through one interface that only Linux implements.
package plugin

import (
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// name is how users call the plugin.
const name = "kubectl trace-sec"

// Main runs the plugin with arguments that do not include the program's name, and returns its exit code.
func Main(args []string, streams genericiooptions.IOStreams, build Build) int {
	root := NewCommand(streams, build)
	root.SetArgs(args)
	err := root.Execute()
	var code exitCode
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	}
	// What is said may quote a node or the API server: nothing of it may steer the terminal.
	fmt.Fprintln(streams.ErrOut, "error: "+sanitizeLines(err.Error()))
	return exitError
}

// sanitizeLines leaves a message its lines and takes from it what could steer the terminal.
func sanitizeLines(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\t", "  "), "\n")
	for i, line := range lines {
		lines[i] = terminal.Sanitize(line)
	}
	return strings.Join(lines, "\n")
}

// NewCommand returns the root command.
func NewCommand(streams genericiooptions.IOStreams, build Build) *cobra.Command {
	cluster := newCluster(streams, build)
	root := &cobra.Command{
		Use:   "kubectl-trace_sec",
		Short: "Trace and control what processes in pods do, without installing anything",
		Long: `Trace what processes in pods do, without installing anything.

A short-lived tracer pod on each node of the pods that you name watches them in the kernel (eBPF); its events come back
through the API server. When the command ends, nothing is left on the cluster.`,
		Example: `  # Who runs what in the pods of a deployment
  kubectl trace-sec exec deploy/web

  # What a policy of Tetragon's sees there
  kubectl trace-sec run -f policy.yaml deploy/web

  # Who runs what in a script on this machine, no cluster needed
  sudo kubectl-trace_sec exec --local -- ./suspect.sh

  # Remove what a killed session may have left
  kubectl trace-sec cleanup`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: name},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(explainFlagError)
	root.SetUsageFunc(usage(nil))
	cluster.config.AddFlags(root.PersistentFlags())
	root.PersistentFlags().AddFlag(verbosity())
	root.AddCommand(
		newExecCommand(cluster, streams, build),
		newRunCommand(cluster, streams, build),
		newFileCommand(cluster, streams, build),
		newHookCommand(cluster, streams, build),
		newCapsCommand(cluster, streams, build),
		newEnforceCommand(cluster, streams, build),
		newNetCommand(cluster, streams, build),
		newCredsCommand(cluster, streams, build),
		newCleanupCommand(cluster, streams),
		newPolicyCommand(streams, build),
		newVersionCommand(streams, build),
		newFiltersCommand(streams),
		newOptionsCommand(streams),
	)
	cluster.completeFlags(root)
	explainCompletion(root)
	return root
}

// verbosity is klog's -v and nothing else of klog's flags: --version and friends would be taken for ours.
func verbosity() *pflag.Flag {
	var all flag.FlagSet
	klog.InitFlags(&all)
	f := pflag.PFlagFromGoFlag(all.Lookup("v"))
	f.Usage = "How much client-go says about its requests on stderr: 0 nothing, 6 each request, 9 bodies too"
	return f
}

func newVersionCommand(streams genericiooptions.IOStreams, build Build) *cobra.Command {
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
			image := build.Image
			if image == "" {
				image = "none built in, --image names one"
			}
			_, err := fmt.Fprintf(streams.Out, "%s %s\ntracer image: %s\n", name, build.version(), image)
			return err
		},
	}
}

// newOptionsCommand keeps the three dozen flags of every kubectl-like program out of each command's help, as kubectl does.
func newOptionsCommand(streams genericiooptions.IOStreams) *cobra.Command {
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
			_, err := fmt.Fprint(streams.Out, "The following flags can be passed to every command:\n\n"+cmd.InheritedFlags().FlagUsagesWrapped(helpWidth))
			return err
		},
	}
}

// explainCompletion gives cobra's own command examples.
func explainCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.Example = `  # For this shell
  source <(kubectl-trace_sec completion bash)
  # For all shells to come
  kubectl-trace_sec completion bash > /etc/bash_completion.d/kubectl-trace_sec
  # For zsh
  kubectl-trace_sec completion zsh > "${fpath[1]}/_kubectl-trace_sec"`
		}
	}
}
