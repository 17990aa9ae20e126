// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/advise"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/cluster"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
)

// capsOptions are what caps is asked for.
type capsOptions struct {
	capabilities     []string
	denied, granted  bool
	every, allChecks bool
	advise           bool
}

// Caps shows the capability checks of processes, or what containers need.
func Caps(env trace.Environment) *cobra.Command {
	var caps capsOptions
	cmd := trace.Command(env, trace.Verb{
		Use:   "caps [POD | TYPE/NAME]... [--local [-- COMMAND [ARG]...]]",
		Short: "Show which capabilities processes need and are denied, or advise which ones to give",
		Long: `Show which capabilities were asked for when processes did something, and whether they had them.
--advise watches, and says at the end what each container's securityContext should have, as patches.`,
		Example: `  # What the pods of a deployment were denied
  kubectl trace-sec caps deploy/web --denied
  # Who loads modules or reads the kernel's log anywhere
  kubectl trace-sec caps -A --cap SYS_MODULE --cap SYSLOG
  # What a deployment needs, as a patch that drops the rest: restart it meanwhile
  kubectl trace-sec caps deploy/web --advise --duration 10m > patch.yaml`,
		Title: "Capabilities", Flags: caps.flags(),
		Groups: trace.BehindOwn, PrintsPolicy: true,
		Work: caps.work,
	})
	_ = cmd.RegisterFlagCompletionFunc("cap", cluster.Words(event.CapabilityNames()...))
	return cmd
}

func (caps *capsOptions) flags() *pflag.FlagSet {
	fs := help.NewFlags()
	fs.StringArrayVar(&caps.capabilities, "cap", nil, "Only this `CAPABILITY` (SYS_ADMIN, cap_net_raw); repeatable")
	fs.BoolVar(&caps.denied, "denied", false, "Only what was denied")
	fs.BoolVar(&caps.granted, "granted", false, "Only what was granted")
	everyFlag(fs, &caps.every, "check (not one a minute of each process and capability)")
	fs.BoolVar(&caps.allChecks, "all-checks", false, "Also checks that decide nothing for the process (at each mmap), or that are about another's rights")
	fs.BoolVar(&caps.advise, "advise", false, "Instead of events, at the end: what to give each container, and why")
	return fs
}

// shows says whether an event is what was asked for, as far as the policy can't say it: whose rights a check is about.
func (caps *capsOptions) shows(e *event.Event) bool { return caps.allChecks || !advise.Foreign(e) }

// work writes the policy; the error is everything that is wrong with the flags.
func (caps *capsOptions) work(r trace.Request) (trace.Work, error) {
	checks := compose.CapabilityChecks{Repeats: caps.every, Unaudited: caps.allChecks}
	errs := caps.conflicts(r)
	for _, arg := range r.Args {
		if _, err := compose.CapabilityName(arg); err == nil && arg == strings.ToUpper(arg) { // a pod's name has no capitals
			errs = append(errs, fmt.Errorf("%s is a capability: did you mean --cap %s?", arg, arg))
		}
	}
	for _, text := range caps.capabilities {
		name, err := compose.CapabilityName(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("--cap %w", err))
		}
		checks.Capabilities = append(checks.Capabilities, name)
	}
	switch {
	case caps.denied:
		checks.Answer = compose.Denied
	case caps.granted:
		checks.Answer = compose.Granted
	}
	w := trace.Work{Targets: r.Args, Composed: []compose.Policy{checks.Policy()}, OwnWords: true, Every: caps.every, Keep: caps.shows}
	if caps.advise {
		w.Process.Namespaces = true // says whose user namespace one is
		w.Result = func(out io.Writer) (trace.Result, error) { return advice(r, out) }
	}
	return w, errors.Join(errs...)
}

// conflicts are flags that exclude each other. Advice is on everything that a container asks for.
func (caps *capsOptions) conflicts(r trace.Request) (errs []error) {
	if caps.denied && caps.granted {
		errs = append(errs, errors.New("--denied and --granted exclude each other: leave out both to see both"))
	}
	if !caps.advise {
		return errs
	}
	narrow := []string{"cap", "denied", "granted", "every", "all-checks", "max-events"}
	for _, name := range r.FilterFlags() {
		if name != "pid" || !r.Local {
			narrow = append(narrow, name)
		}
	}
	var given []string
	for _, name := range narrow {
		if r.Given(name) {
			given = append(given, "--"+name)
		}
	}
	if len(given) > 0 {
		errs = append(errs, fmt.Errorf("--advise needs to see everything: leave out %s", strings.Join(given, ", ")))
	}
	if formats := advise.Formats(); r.Format != "" && !slices.Contains(formats, r.Format) {
		errs = append(errs, fmt.Errorf("--advise has no events to show as %s: want -o %s, or none for patches", r.Format, strings.Join(formats, ", -o ")))
	}
	return errs
}

// advice is what takes the events when advice is wanted.
func advice(r trace.Request, out io.Writer) (trace.Result, error) {
	options := advise.Options{Format: r.Format, Containers: r.Containers}
	if r.Local {
		host, err := os.Hostname()
		if err != nil {
			return trace.Result{}, err
		}
		options.Machine = host
	}
	watch, err := advise.New(out, options)
	return trace.Result{Sink: watch, OnPodChange: func(pod *corev1.Pod) { watch.Pod(pod) }}, err
}
