// SPDX-License-Identifier: Apache-2.0

// Package help writes the help of commands: flags by groups, on lines that fit, and what was probably meant by a wrong flag.
package help

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Plugin is how users call the plugin.
const Plugin = "kubectl trace-sec"

// Width in cells: what most terminals show without wrapping.
const Width = 120

// Group is flags under one heading in a command's help.
type Group struct {
	Title string
	Flags *pflag.FlagSet
	// Topic is the command that explains the flags; the help of others only names them. Empty: they are explained everywhere.
	Topic string
}

// NewFlags returns a flag set that keeps the order in which flags are added.
func NewFlags() *pflag.FlagSet {
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.SortFlags = false
	return fs
}

// names lists the flags of a group that has a help topic.
func (g Group) names() string {
	var text, line strings.Builder
	VisitNames(g.Flags, func(name string) {
		if g.Flags.Lookup(name).Hidden { // another page explains it
			return
		}
		if line.Len()+len(" --"+name) > Width-len("     ") {
			text.WriteString("     " + line.String() + "\n")
			line.Reset()
		}
		line.WriteString(" --" + name)
	})
	return text.String() + "     " + line.String() + "\n"
}

// Usage returns a usage function that shows the flags by group. The kubeconfig flags are left to "options".
func Usage(groups []Group) func(*cobra.Command) error {
	return func(cmd *cobra.Command) error {
		var b strings.Builder
		if cmd.Runnable() && !cmd.HasAvailableSubCommands() {
			fmt.Fprintf(&b, "Usage:\n  %s\n", cmd.UseLine())
		} else {
			fmt.Fprintf(&b, "Usage:\n  %s COMMAND [flags]\n", cmd.CommandPath())
		}
		if cmd.HasExample() {
			fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
		}
		if cmd.HasAvailableSubCommands() {
			b.WriteString("\nCommands:\n")
			for _, sub := range cmd.Commands() {
				if sub.IsAvailableCommand() {
					fmt.Fprintf(&b, "  %-*s %s\n", cmd.NamePadding(), sub.Name(), sub.Short)
				}
			}
		}
		for _, g := range groups {
			if g.Topic != "" {
				fmt.Fprintf(&b, "\n%s (%s %s explains them):\n%s", g.Title, Plugin, g.Topic, g.names())
				continue
			}
			fmt.Fprintf(&b, "\n%s:\n%s", g.Title, g.Flags.FlagUsagesWrapped(Width))
		}
		if len(groups) == 0 && cmd.HasAvailableLocalFlags() && cmd.HasParent() {
			fmt.Fprintf(&b, "\nFlags:\n%s", cmd.LocalFlags().FlagUsagesWrapped(Width))
		}
		fmt.Fprintf(&b, "\nFlags of every command (--context, --kubeconfig, --as, -v, …): %s options\n", Plugin)
		_, err := fmt.Fprint(cmd.OutOrStderr(), b.String())
		return err
	}
}

// VisitNames calls visit with the name of each flag.
func VisitNames(flags *pflag.FlagSet, visit func(name string)) {
	flags.VisitAll(func(f *pflag.Flag) { visit(f.Name) })
}
