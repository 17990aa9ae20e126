// SPDX-License-Identifier: Apache-2.0

package enforce

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/policyset"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

const (
	// DefaultDuration is how long policies are enforced unless told otherwise, longest how long at most: a change of what
	// programs may do that is to last is a matter for what is installed.
	DefaultDuration = 10 * time.Minute
	longest         = 24 * time.Hour
)

// Options say what is enforced, on whom, and whether somebody is asked.
type Options struct {
	Files                policyset.Files
	Exec, Write, Connect []string
	Kill, Monitor, Yes   bool
	Strict               bool
	AllPods, System      bool
	OnHost               bool
}

// Flags of the command.
func (o *Options) Flags() *pflag.FlagSet {
	fs := o.Files.Flags()
	fs.StringArrayVar(&o.Exec, "deny-exec", nil, "No program of this `PATH` starts, or below it if it ends in /; repeatable")
	fs.StringArrayVar(&o.Write, "deny-write", nil, "Nothing at this `PREFIX` or below it is changed, renamed, made or removed; repeatable")
	fs.StringArrayVar(&o.Connect, "deny-connect", nil, "Nothing connects to addresses of this network `CIDR`; repeatable")
	fs.BoolVar(&o.Kill, "kill", false, "The --deny flags kill the process, and deny the call only where the kernel can")
	fs.BoolVar(&o.Monitor, "monitor", false, "Enforce nothing: show and count what would have been")
	fs.BoolVar(&o.Strict, "strict", false, "Arm no node on which a hook is not served, kills instead of denying, or does not see every way")
	fs.BoolVarP(&o.Yes, "yes", "y", false, "Don't ask")
	fs.BoolVar(&o.AllPods, "all-pods", false, "The target is all pods of the namespace")
	fs.BoolVar(&o.System, "allow-system", false, "Pods of kube-system and others that the cluster needs are targets too")
	fs.BoolVar(&o.OnHost, "host", false, "With --local: the target is all of this machine")
	return fs
}

// Writes says whether flags make policies.
func (o *Options) Writes() bool { return len(o.Exec)+len(o.Write)+len(o.Connect) > 0 }

// Arms says whether the session enforces: not one that only observes (nil) or monitors.
func (o *Options) Arms() bool { return o != nil && !o.Monitor }

// Command is what the rest of the command line says, as far as enforcing depends on it.
type Command struct {
	// Named: targets are named or selected; AllNamespaces: those of all namespaces are.
	Named, AllNamespaces bool
	// Local: this machine is the target; All of it, or what ReachesAll of it though it seems to be less.
	Local, All, ReachesAll bool
	// StartsNothing: nothing is enforced, only shown (a dry run, a policy that is printed); PrintsPolicy is the latter.
	StartsNothing, PrintsPolicy bool
	Duration                    time.Duration
	In                          io.Reader
	ErrOut                      io.Writer
}

// Check says everything that is wrong with the options beside the rest of the command line.
func (o *Options) Check(c Command) error {
	asks := !o.Yes && !o.Monitor && !c.StartsNothing
	stdin := slices.Contains(o.Files.Names, policy.Stdin)
	interactive := printers.IsTerminal(c.In) && printers.IsTerminal(c.ErrOut)
	var errs []error
	for _, r := range []struct {
		broken bool
		text   string
	}{
		{!c.Local && !c.PrintsPolicy && !c.Named && !c.AllNamespaces && !o.AllPods,
			"enforce on what? Name pods or workloads, select them with -l, or say --all-pods (of the namespace) or --all-namespaces"},
		{o.AllPods && (c.Named || c.AllNamespaces), "--all-pods and other targets exclude each other: -l narrows --all-namespaces"},
		{c.Local && (o.AllPods || o.System), "--all-pods and --allow-system are about a cluster: leave them out with --local"},
		{!c.Local && o.OnHost, "--host is of this machine: add --local"},
		{c.Local && c.All && !o.OnHost, "--local without a command after --, --pid or --cgroup is all of this machine: say --host if it is meant"},
		{o.OnHost && c.Local && !c.All && !c.ReachesAll, "--host is all of this machine: leave it out, or the command, --pid and --cgroup"},
		{c.Local && !o.OnHost && c.ReachesAll, "process 1 and the root of the cgroups are all of this machine: add --host if it is meant"},
		{o.Monitor && o.Strict, "--monitor arms nothing: leave out --strict"},
		{o.Kill && o.Strict, "--kill agrees to what --strict refuses: leave out one of the two"},
		{o.Monitor && o.Yes, "--monitor asks nothing: leave out --yes"},
		{asks && stdin, "-f - takes standard input, where the answer would come from: add --yes"},
		{asks && !stdin && !interactive,
			"enforce shows first what it will do and asks, and this is no terminal: look with --monitor or policy explain --enforce, then add --yes"},
		{c.Duration > longest, fmt.Sprintf("--duration %s: at most %s", Lasting(c.Duration), Lasting(longest))},
		{o.Kill && !o.Writes(), "--kill is about the --deny flags: what the policies of -f do stands in them"},
		{c.PrintsPolicy && !o.Writes(), "--print-policy prints what the --deny flags make: there is none"},
	} {
		if r.broken {
			errs = append(errs, errors.New(r.text))
		}
	}
	return errors.Join(errs...)
}
