// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

const (
	// enforceDuration is how long policies are enforced unless told otherwise, longestEnforcement how long at most: a change of
	// what programs may do that is to last is a matter for what is installed.
	enforceDuration    = 10 * time.Minute
	longestEnforcement = 24 * time.Hour
)

// armingOptions say what is enforced.
type armingOptions struct {
	files                   policyFiles
	exec, write, connect    []string
	kill                    bool
	monitor, yes            bool
	allPods, system, onHost bool
	printPolicy             bool
}

// newEnforceCommand carries out what policies forbid.
func newEnforceCommand(c *cluster, streams genericiooptions.IOStreams, build Build) *cobra.Command {
	o := newTraceOptions(c, streams, build)
	a := &armingOptions{}
	o.arming = a
	o.session.duration = enforceDuration
	o.groups = forEnforcing(a.flags(), o.groups)
	o.readPolicies = func() (policySet, error) {
		if o.filters.keep() != nil {
			o.remarks = append(o.remarks, "filters choose what is shown, never what is enforced: that is always shown")
		}
		if a.monitor {
			o.remarks = append(o.remarks, "monitoring: nothing is enforced; what would have been is shown and counted")
		}
		return o.enforcedPolicies()
	}
	cmd := &cobra.Command{
		Use:   "enforce (-f FILE | --deny-exec PATH | --deny-write PREFIX | --deny-connect CIDR)... TARGET...",
		Short: "Forbid what policies forbid, for a while: calls are denied or processes killed",
		Long: `Forbid what policies forbid, for a while: calls are denied or processes killed. What would be done on each node is shown
first, and asked about; a kernel that can't deny a call can only kill its process. The end of this command, however it
comes, disarms everything within 5 seconds. Paths are those of the kernel, symbolic links followed (/usr/bin for /bin).`,
		Example: `  # Nothing of a deployment reaches the metadata service or starts nc, for the next hour
  kubectl trace-sec enforce --deny-connect 169.254.169.254/32 --deny-exec /usr/bin/nc --duration 1h deploy/web
  # What a policy would have stopped, in five minutes of all pods with a label
  kubectl trace-sec enforce -f policy.yaml --monitor --duration 5m -A -l app=web
  # Whoever changes /etc is killed: a script on this machine
  sudo kubectl-trace_sec enforce --deny-write /etc --kill --yes --local -- ./suspect.sh`,
		DisableFlagsInUseLine: true,
		ValidArgsFunction:     c.complete(podsAndWorkloads),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.complete(cmd, args)
			o.output.ownWords = len(a.files.names) == 0 // else the words of the files' own tools
			if a.printPolicy {
				return o.printPolicy(a.policies)
			}
			return o.run(cmd.Context())
		},
	}
	o.addTo(cmd)
	completeFilename(cmd)
	return cmd
}

// forEnforcing puts the command's own flags before those of other commands, says what these mean here, and leaves what they all
// have to those: the help is one screen.
func forEnforcing(own *pflag.FlagSet, groups []flagGroup) []flagGroup {
	const elsewhere = "exec --help"
	all := []flagGroup{{title: "Enforcement and session", flags: own}}
	for i, g := range groups {
		for flag, usage := range map[string]string{
			"duration":  "Disarm and end after this `TIME`, 24h at most",
			"container": "Enforce in the containers of this `NAME` only; repeatable",
		} {
			if f := g.flags.Lookup(flag); f != nil {
				f.Usage = usage
			}
		}
		if f := g.flags.Lookup("duration"); f != nil {
			f.DefValue = "10m"
		}
		switch {
		case i == sessionGroup:
			own.AddFlagSet(g.flags)
			continue
		case g.title == processGroup: // what is shown of an event
			all[len(all)-1].flags.AddFlagSet(g.flags)
			continue
		case g.title == outputGroup || g.title == tracerGroup:
			g.topic = elsewhere
		}
		all = append(all, g)
	}
	return all
}

func (a *armingOptions) flags() *pflag.FlagSet {
	fs := a.files.flags()
	fs.StringArrayVar(&a.exec, "deny-exec", nil, "No program of this `PATH` starts, or below it if it ends in /; repeatable")
	fs.StringArrayVar(&a.write, "deny-write", nil, "Nothing at this `PREFIX` or below it is changed, renamed, made or removed; repeatable")
	fs.StringArrayVar(&a.connect, "deny-connect", nil, "Nothing connects to addresses of this network `CIDR`; repeatable")
	fs.BoolVar(&a.kill, "kill", false, "The --deny flags kill the process, and deny the call only where the kernel can")
	fs.BoolVar(&a.monitor, "monitor", false, "Enforce nothing: show and count what would have been")
	fs.BoolVarP(&a.yes, "yes", "y", false, "Don't ask")
	fs.BoolVar(&a.allPods, "all-pods", false, "The target is all pods of the namespace")
	fs.BoolVar(&a.system, "allow-system", false, "Pods of kube-system and others that the cluster needs are targets too")
	fs.BoolVar(&a.onHost, "host", false, "With --local: the target is all of this machine")
	fs.BoolVar(&a.printPolicy, "print-policy", false, "Print the TracingPolicies that the --deny flags make, and do nothing")
	return fs
}

// writes says whether flags make policies.
func (a *armingOptions) writes() bool { return len(a.exec)+len(a.write)+len(a.connect) > 0 }

// policies are those that the flags make; the error is everything that is wrong with them.
func (a *armingOptions) policies() (all []compose.Policy, err error) {
	d, errs := compose.Denial{Kill: a.kill}, []error{}
	paths := func(flag string, values []string) (checked []string) {
		for _, value := range values {
			path, err := forbiddenPath(value)
			if err != nil {
				errs = append(errs, fmt.Errorf("--%s %q: %w", flag, value, err))
			}
			checked = append(checked, path)
		}
		return checked
	}
	if exec := paths("deny-exec", a.exec); len(exec) > 0 {
		all = append(all, compose.DenyExec(exec, d))
	}
	if write := paths("deny-write", a.write); len(write) > 0 {
		for i := range write {
			write[i] = strings.TrimSuffix(write[i], "/")
		}
		all = append(all, compose.DenyWrite(write, d))
	}
	for _, value := range a.connect {
		if err := checkNetwork(value); err != nil {
			errs = append(errs, fmt.Errorf("--deny-connect %q: %w", value, err))
		}
	}
	if len(a.connect) > 0 {
		all = append(all, compose.DenyConnect(a.connect, d))
	}
	if a.kill && !a.writes() {
		errs = append(errs, errors.New("--kill is about the --deny flags: what the policies of -f do stands in them"))
	}
	if a.printPolicy && !a.writes() {
		errs = append(errs, errors.New("--print-policy prints what the --deny flags make: there is none"))
	}
	return all, errors.Join(errs...)
}

var errNothingToEnforce = errors.New("what is to be enforced? -f FILE, --deny-exec PATH, --deny-write PREFIX or --deny-connect CIDR")

// enforcedPolicies are those of files and those that flags make.
func (o *traceOptions) enforcedPolicies() (set policySet, err error) {
	a := o.arming
	written, err := a.policies()
	errs := []error{err}
	if len(a.files.names) == 0 && !a.writes() {
		return set, errors.Join(append(errs, errNothingToEnforce)...)
	}
	if len(a.files.names) > 0 {
		set, err = a.files.load(o.In, o.ErrOut)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return policySet{}, err
	}
	if len(written) > 0 {
		more, err := composed("enforce", written)
		if err != nil {
			return policySet{}, err
		}
		for _, p := range more.policies {
			for _, other := range set.policies {
				if p.Name == other.Name {
					errs = append(errs, fmt.Errorf("%s: policy %q is called as the one that --%s makes: give it another name", other.Position, other.Name, p.Name))
				}
			}
		}
		set.policies, set.sources = append(set.policies, more.policies...), append(set.sources, more.sources...)
	}
	return set, errors.Join(append(errs, set.enforceable())...)
}

// enforceable says why policies enforce nothing, if none of them does.
func (s policySet) enforceable() error {
	var errs []error
	for _, p := range s.policies {
		switch {
		case p.Acts():
			return nil
		case p.Options.Mode == policy.ModeMonitor:
			errs = append(errs, fmt.Errorf("%s: policy %s only monitors, by its own option policy-mode", p.Position, p.Name))
		default:
			errs = append(errs, fmt.Errorf("%s: policy %s has no action that enforces (Sigkill, Override, ...)", p.Position, p.Name))
		}
	}
	return fmt.Errorf("nothing to enforce: %s run shows what these policies report:\n%w", name, errors.Join(errs...))
}

// arms says whether the session enforces: not if it only monitors.
func (a *armingOptions) arms() bool { return a != nil && !a.monitor }

// orders are those of every tracer of the session.
func (a *armingOptions) orders(o *wire.Orders) {
	if a != nil {
		o.Enforce, o.Monitor = !a.monitor, a.monitor
	}
}

// declined is why nothing was enforced, if that is how a session ended.
func declined(r session.Result) error {
	if errors.Is(r.Reason, session.ErrNotArmed) {
		return r.Reason
	}
	return nil
}
