// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/enforce"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/policyset"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
)

// Enforce carries out what policies forbid.
func Enforce(env trace.Environment) *cobra.Command {
	o := &enforce.Options{}
	cmd := trace.Command(env, trace.Verb{
		Use:   "enforce (-f FILE | --deny-exec PATH | --deny-write PREFIX | --deny-connect CIDR)... TARGET...",
		Short: "Forbid what policies forbid, for a while: calls are denied or processes killed",
		Long: `Forbid what policies forbid, for a while: calls are denied or processes killed. What would be done on each node is shown
first, and asked about; a kernel that can't deny a call can only kill its process. The end of this command, however it
comes, disarms all within 5 seconds (with --detach: its time, or stop). Paths are the kernel's (/usr/bin for /bin).`,
		Example: `  # Nothing of a deployment reaches the metadata service or starts nc, for the next hour
  kubectl trace-sec enforce --deny-connect 169.254.169.254/32 --deny-exec /usr/bin/nc --duration 1h deploy/web
  # What a policy would have stopped, in five minutes of all pods with a label
  kubectl trace-sec enforce -f policy.yaml --monitor --duration 5m -A -l app=web
  # Whoever changes /etc is killed: a script on this machine
  sudo kubectl-trace_sec enforce --deny-write /etc --kill --yes --local -- ./suspect.sh`,
		Title: "Enforcement and session", Flags: o.Flags(), Groups: trace.ForEnforcing, Duration: enforce.DefaultDuration, PrintsPolicy: true,
		Work: func(r trace.Request) (trace.Work, error) { return enforced(o, r) },
	})
	policyset.CompleteFilename(cmd)
	return cmd
}

// enforced is the policies of files and those that flags make.
func enforced(o *enforce.Options, r trace.Request) (trace.Work, error) {
	w := trace.Work{
		Targets: r.Args, Enforce: o,
		OwnWords: len(o.Files.Names) == 0, // else the words of the files' own tools
	}
	if r.Filtered {
		w.Remarks = append(w.Remarks, "filters choose what is shown, never what is enforced: that is always shown")
	}
	if o.Monitor {
		w.Remarks = append(w.Remarks, "monitoring: nothing is enforced; what would have been is shown and counted")
	}
	composed, composedErr := o.Composed()
	w.Composed = composed
	var givenErr error
	w.Given, givenErr = o.Given(r.In, r.ErrOut, r.Networks)
	return w, errors.Join(composedErr, givenErr)
}
