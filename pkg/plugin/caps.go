// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
)

// capsFlags are what caps is asked for.
type capsFlags struct {
	capabilities     []string
	denied, granted  bool
	every, allChecks bool
}

// newCapsCommand shows the capability checks of processes.
func newCapsCommand(c *cluster, streams genericiooptions.IOStreams, build Build) *cobra.Command {
	var f capsFlags
	fs := newFlags()
	fs.StringArrayVar(&f.capabilities, "cap", nil, "Only this `CAPABILITY` (SYS_ADMIN, cap_net_raw); repeatable")
	fs.BoolVar(&f.denied, "denied", false, "Only what was denied, each time")
	fs.BoolVar(&f.granted, "granted", false, "Only what was granted, each time")
	fs.BoolVar(&f.every, "every", false, "Each check, not only a process's first for a capability in a minute")
	fs.BoolVar(&f.allChecks, "all-checks", false, "Also checks that are nobody's request, as at each mmap and fork")
	return newVerbCommand(c, streams, build, verb{
		use:   "caps [POD | TYPE/NAME]... [--local [-- COMMAND [ARG]...]]",
		short: "Show which capabilities processes need, and whether they have them",
		long: `Show which capabilities the kernel asked for when a process did something, and whether the process had them.
A process's question for one is shown once a minute, with the first answer; --denied, --granted and --every show each.`,
		example: `  # What the pods of a deployment were denied
  kubectl trace-sec caps deploy/web --denied
  # Who loads modules or reads the kernel's log anywhere
  kubectl trace-sec caps -A --cap SYS_MODULE --cap SYSLOG
  # What a program on this machine needs
  sudo kubectl-trace_sec caps --local -- ./server`,
		title: "Capabilities", flags: fs,
		policies: func(*traceOptions) ([]compose.Policy, error) {
			checks, err := f.checks()
			return []compose.Policy{checks.Policy()}, err
		},
	})
}

// checks are what the flags ask for; the error is everything that is wrong with them.
func (f *capsFlags) checks() (compose.CapabilityChecks, error) {
	checks := compose.CapabilityChecks{Repeats: f.every, Unaudited: f.allChecks}
	var errs []error
	for _, text := range f.capabilities {
		name, err := compose.CapabilityName(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("--cap %w", err))
		}
		checks.Capabilities = append(checks.Capabilities, name)
	}
	switch {
	case f.denied && f.granted:
		errs = append(errs, errors.New("--denied and --granted exclude each other: leave out both to see both"))
	case f.denied:
		checks.Answer = compose.Denied
	case f.granted:
		checks.Answer = compose.Granted
	}
	return checks, errors.Join(errs...)
}
