// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// otherWords are what people type for our commands who know other tools, or think of what they want to see.
var otherWords = [...]struct {
	command string
	words   []string
}{
	{"exec", []string{"logs", "log", "trace", "getevents", "tetra", "events", "observe", "watch", "tail", "ps", "top", "process", "processes", "get", "attach", "debug"}},
	{"run", []string{"apply", "create", "tracingpolicy", "tracingpolicies", "tp", "start", "gadget"}},
	{"file", []string{"files", "open", "opens", "opensnoop", "fs", "fim", "read", "write"}},
	{"net", []string{"network", "connect", "tcp", "udp", "dns", "tcpconnect", "connections", "sockets", "socket"}},
	{"caps", []string{"capabilities", "capability", "capable"}},
	{"creds", []string{"credentials", "setuid", "privileges", "sudo"}},
	{"hook", []string{"kprobe", "uprobe", "tracepoint", "syscall", "syscalls", "strace", "lsm", "bpftrace", "call"}},
	{"enforce", []string{"block", "deny", "kill", "prevent"}},
	{"cleanup", []string{"delete", "uninstall", "clean", "rm", "remove", "prune", "stop"}},
	{"policy lint", []string{"lint", "validate", "check"}},
	{"policy explain", []string{"explain", "describe"}},
	{"exec --help", []string{"install", "deploy"}},
}

// needsCommand is for commands that have others below them: without one they show their help.
func needsCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	text := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
	if !cmd.HasParent() {
		for _, row := range otherWords {
			if slices.Contains(row.words, strings.ToLower(args[0])) {
				return fmt.Errorf("%s: see %s %s", text, cmd.CommandPath(), row.command)
			}
		}
	}
	if near := policy.Near(strings.ToLower(args[0]), names); len(near) > 0 {
		return fmt.Errorf("%s; did you mean %s?", text, strings.Join(near, " or "))
	}
	return fmt.Errorf("%s: want one of %s", text, strings.Join(names, ", "))
}

// requireCommands has a command, and those below it, refuse words that are no command: cobra would show the help and succeed.
func requireCommands(cmd *cobra.Command) {
	if !cmd.HasSubCommands() {
		return
	}
	cmd.Args = needsCommand
	if !cmd.Runnable() {
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	for _, sub := range cmd.Commands() {
		requireCommands(sub)
	}
}

// flagError is about the command where that is what is wrong: its flags are those of another tool.
func flagError(cmd *cobra.Command, err error) error {
	if words := cmd.Flags().Args(); cmd.HasSubCommands() && len(words) > 0 {
		return needsCommand(cmd, words)
	}
	return help.FlagError(cmd, err)
}

// helpCommand is cobra's, which succeeds for a command that there is not.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil {
				return needsCommand(cmd.Root(), args)
			}
			if len(rest) > 0 && found.HasSubCommands() {
				return needsCommand(found, rest)
			}
			return found.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
			if found, _, err := cmd.Root().Find(args); err == nil {
				for _, sub := range found.Commands() {
					if sub.IsAvailableCommand() {
						names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}
