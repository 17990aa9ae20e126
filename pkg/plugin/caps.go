// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/advise"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// capsOptions are what caps is asked for.
type capsOptions struct {
	capabilities     []string
	denied, granted  bool
	every, allChecks bool
	advise           bool
}

// newCapsCommand shows the capability checks of processes, or what containers need.
func newCapsCommand(c *cluster, streams genericiooptions.IOStreams, build Build) *cobra.Command {
	var caps capsOptions
	cmd := newVerbCommand(c, streams, build, verb{
		use:   "caps [POD | TYPE/NAME]... [--local [-- COMMAND [ARG]...]]",
		short: "Show which capabilities processes need and are denied, or advise which ones to give",
		long: `Show which capabilities were asked for when processes did something, and whether they had them.
--advise watches, and says at the end what each container's securityContext should have, as patches.`,
		example: `  # What the pods of a deployment were denied
  kubectl trace-sec caps deploy/web --denied
  # Who loads modules or reads the kernel's log anywhere
  kubectl trace-sec caps -A --cap SYS_MODULE --cap SYSLOG
  # What a deployment needs, as a patch that drops the rest: restart it meanwhile
  kubectl trace-sec caps deploy/web --advise --duration 10m > patch.yaml`,
		title: "Capabilities", flags: caps.flags(),
		prepare:  caps.prepare,
		policies: caps.policies,
	})
	_ = cmd.RegisterFlagCompletionFunc("cap", words(event.CapabilityNames()...))
	return cmd
}

func (caps *capsOptions) flags() *pflag.FlagSet {
	fs := newFlags()
	fs.StringArrayVar(&caps.capabilities, "cap", nil, "Only this `CAPABILITY` (SYS_ADMIN, cap_net_raw); repeatable")
	fs.BoolVar(&caps.denied, "denied", false, "Only what was denied")
	fs.BoolVar(&caps.granted, "granted", false, "Only what was granted")
	fs.BoolVar(&caps.every, "every", false, "Each check, not one a minute of each process and capability")
	fs.BoolVar(&caps.allChecks, "all-checks", false, "Also checks that decide nothing for the process (at each mmap), or that are about another's rights")
	fs.BoolVar(&caps.advise, "advise", false, "Instead of events, at the end: what to give each container, and why")
	return fs
}

func (caps *capsOptions) prepare(o *traceOptions) {
	o.output.ownWords = true
	o.result = func(out io.Writer) (pipeline.Sink, error) { return caps.advice(o, out) }
	o.keep = caps.shows
}

// shows says whether an event is what was asked for, as far as the policy can't say it: whose rights a check is about.
func (caps *capsOptions) shows(e *event.Event) bool { return caps.allChecks || !advise.Foreign(e) }

// policies writes the policy; the error is everything that is wrong with the flags.
func (caps *capsOptions) policies(o *traceOptions) ([]compose.Policy, error) {
	checks := compose.CapabilityChecks{Repeats: caps.every, Unaudited: caps.allChecks}
	errs := caps.conflicts(o)
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
	o.output.every = caps.every
	if caps.advise {
		o.process.Namespaces = true // says whose user namespace one is
	}
	return []compose.Policy{checks.Policy()}, errors.Join(errs...)
}

// conflicts are flags that exclude each other. Advice is on everything that a container asks for.
func (caps *capsOptions) conflicts(o *traceOptions) (errs []error) {
	if caps.denied && caps.granted {
		errs = append(errs, errors.New("--denied and --granted exclude each other: leave out both to see both"))
	}
	if !caps.advise {
		return errs
	}
	narrow := []string{"cap", "denied", "granted", "every", "all-checks", "max-events"}
	for _, g := range o.groups {
		if g.title == filterGroup {
			visitNames(g.flags, func(name string) {
				if name != "pid" || !o.local.enabled {
					narrow = append(narrow, name)
				}
			})
		}
	}
	var given []string
	for _, name := range narrow {
		if o.given[name] {
			given = append(given, "--"+name)
		}
	}
	if len(given) > 0 {
		errs = append(errs, fmt.Errorf("--advise needs to see everything: leave out %s", strings.Join(given, ", ")))
	}
	if formats := advise.Formats(); o.output.format != "" && !slices.Contains(formats, o.output.format) {
		errs = append(errs, fmt.Errorf("--advise has no events to show as %s: want -o %s, or none for patches", o.output.format, strings.Join(formats, ", -o ")))
	}
	return errs
}

// advice makes what takes the events, when advice is wanted.
func (caps *capsOptions) advice(o *traceOptions, out io.Writer) (pipeline.Sink, error) {
	if !caps.advise {
		return nil, nil
	}
	options := advise.Options{Format: o.output.format, Containers: o.targets.containers}
	if o.local.enabled {
		host, err := os.Hostname()
		if err != nil {
			return nil, err
		}
		options.Machine = host
	}
	watch, err := advise.New(out, options)
	o.seesPods = func(pod *corev1.Pod) { watch.Pod(pod) }
	return watch, err
}
