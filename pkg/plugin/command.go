// SPDX-License-Identifier: Apache-2.0

// Package plugin is kubectl trace-sec: the root command. Its commands are in package verbs; docs/architecture.md shows the rooms
// behind them and the way of an event through these.
package plugin

import (
	"errors"
	"flag"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/build"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/cluster"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/verbs"
)

// Main runs the plugin with arguments that do not include the program's name, and returns its exit code.
func Main(args []string, streams genericiooptions.IOStreams, info build.Info) int {
	root := NewCommand(streams, info)
	root.SetArgs(args)
	err := root.Execute()
	var code exit.Code
	switch {
	case err == nil:
		return exit.OK
	case errors.As(err, &code):
		return int(code)
	}
	// What is said may quote a node or the API server: nothing of it may steer the terminal.
	writeWithin(errorTime, streams.ErrOut, "error: "+sanitizeLines(err.Error())+"\n")
	return exit.Error
}

// errorTime is how long standard error may take to take the last message.
const errorTime = time.Second

// writeWithin writes text, and does not wait longer for a terminal that is stopped or a pipe that nobody reads.
func writeWithin(limit time.Duration, out io.Writer, text string) {
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = io.WriteString(out, text) // there is nowhere to say it
	}()
	select {
	case <-written:
	case <-time.After(limit):
	}
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
func NewCommand(streams genericiooptions.IOStreams, info build.Info) *cobra.Command {
	env := trace.Environment{IOStreams: streams, Build: info, Cluster: cluster.New(streams, info.Release())}
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
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: help.Plugin},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	root.SetFlagErrorFunc(flagError)
	root.SetUsageFunc(help.Usage(nil))
	env.Cluster.Config.AddFlags(root.PersistentFlags())
	root.PersistentFlags().AddFlag(verbosity())
	root.AddCommand(
		verbs.Exec(env), verbs.Run(env), verbs.File(env), verbs.Hook(env), verbs.Caps(env), verbs.Enforce(env), verbs.Net(env),
		verbs.Creds(env), verbs.Detect(env), verbs.Sessions(env), verbs.Attach(env), verbs.Stop(env), verbs.Record(env), verbs.Replay(env), verbs.Verify(env), verbs.Cleanup(env), verbs.Policy(env), verbs.Version(env), verbs.Filters(env), verbs.Tracers(env), verbs.Options(env),
	)
	root.SetHelpCommand(helpCommand())
	env.Cluster.CompleteFlags(root)
	explainCompletion(root)
	requireCommands(root)
	return root
}

// verbosity is klog's -v and nothing else of klog's flags: --version and friends would be taken for ours.
func verbosity() *pflag.Flag {
	var all flag.FlagSet
	klog.InitFlags(&all)
	f := pflag.PFlagFromGoFlag(all.Lookup("v"))
	f.Value = &level{Value: f.Value, text: f.DefValue}
	f.Usage = "How much is said on stderr: 1 what each hook can't see, 6 each request to the API server, 9 bodies too"
	return f
}

// level is klog's from 2 on. With 1, where klog would list client-go's feature gates, only we say more.
type level struct {
	pflag.Value
	text string
}

func (l *level) String() string { return l.text }

func (l *level) Set(text string) error {
	klogs := text
	if text == trace.Verbose {
		klogs = "0"
	}
	if err := l.Value.Set(klogs); err != nil {
		return err
	}
	l.text = text
	return nil
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
