// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// validateArming says everything that is wrong with the options of a command that enforces.
func (o *traceOptions) validateArming() error {
	a, t, l := o.arming, o.targets, o.local
	if a == nil {
		return nil
	}
	var errs []error
	targets := o.localTargets()
	named := len(t.args)+len(t.pods) > 0 || t.selector != "" || t.fieldSelector != ""
	for _, r := range []rule{
		{!l.enabled && !a.printPolicy && !named && !t.allNamespaces && !a.allPods,
			"enforce on what? Name pods or workloads, select them with -l, or say --all-pods (of the namespace) or --all-namespaces"},
		{a.allPods && (named || t.allNamespaces), "--all-pods and other targets exclude each other: -l narrows --all-namespaces"},
		{l.enabled && (a.allPods || a.system), "--all-pods and --allow-system are about a cluster: leave them out with --local"},
		{!l.enabled && a.onHost, "--host is of this machine: add --local"},
		{l.enabled && targets.All && !a.onHost, "--local without a command after --, --pid or --cgroup is all of this machine: say --host if it is meant"},
		{a.onHost && l.enabled && !targets.All && !o.reachesAll(), "--host is all of this machine: leave it out, or the command, --pid and --cgroup"},
		{l.enabled && !a.onHost && o.reachesAll(), "process 1 and the root of the cgroups are all of this machine: add --host if it is meant"},
		{a.monitor && a.yes, "--monitor asks nothing: leave out --yes"},
		{o.asks() && slices.Contains(a.files.names, policy.Stdin), "-f - takes standard input, where the answer would come from: add --yes"},
		{o.asks() && !slices.Contains(a.files.names, policy.Stdin) && !o.interactive(),
			"enforce shows first what it will do and asks, and this is no terminal: look with --monitor or policy explain --enforce, then add --yes"},
		{o.session.duration > longestEnforcement, fmt.Sprintf("--duration %s: at most %s", lasting(o.session.duration), lasting(longestEnforcement))},
	} {
		if r.broken {
			errs = append(errs, errors.New(r.text))
		}
	}
	return errors.Join(errs...)
}

// asks says whether the user is asked before anything is enforced.
func (o *traceOptions) asks() bool {
	return !o.arming.yes && !o.arming.monitor && !o.arming.printPolicy && o.tracer.dryRun == dryRunNone
}

// interactive says whether somebody can be asked.
func (o *traceOptions) interactive() bool {
	return printers.IsTerminal(o.In) && printers.IsTerminal(o.ErrOut)
}

// reachesAll says whether the targets of this machine are all of it though they seem to be less.
func (o *traceOptions) reachesAll() bool {
	t := o.localTargets()
	return slices.Contains(t.Pids, 1) || slices.ContainsFunc(t.Cgroups, isRootCgroup)
}

// isRootCgroup says whether a directory is the root of a hierarchy of cgroups: it alone lacks cgroup.events in the unified one,
// and it alone has release_agent in those of v1.
func isRootCgroup(directory string) bool {
	has := func(file string) bool {
		_, err := os.Stat(filepath.Join(directory, file))
		return err == nil
	}
	return has("release_agent") || has("cgroup.controllers") && !has("cgroup.events")
}

// mostPath is the length of the longest text that filters compare, a path's in the kernel (PATH_MAX) less its end.
const mostPath = 4095

// forbiddenPath checks a path that is compared with those of the kernel. A slash at the end is kept.
func forbiddenPath(value string) (string, error) {
	switch clean := path.Clean(value); {
	case value == "":
		return value, errors.New("empty")
	case !path.IsAbs(value):
		return value, errors.New("not absolute: the kernel's paths begin with a slash")
	case clean == "/":
		return value, errors.New("that is everything: nothing would start or be written any more")
	case clean != strings.TrimSuffix(value, "/"):
		return value, fmt.Errorf("the kernel knows no such path: %s is meant", clean)
	case len(value) > mostPath:
		return value, fmt.Errorf("longer than %d bytes", mostPath)
	case strings.ContainsRune(value, 0):
		return value, errors.New("has a zero byte")
	}
	return value, nil
}

// checkNetwork wants a CIDR.
func checkNetwork(value string) error {
	network, err := netip.ParsePrefix(value)
	switch address, single := netip.ParseAddr(value); {
	case single == nil:
		return fmt.Errorf("an address, not a network: %s/%d is meant", address, address.BitLen())
	case err != nil:
		return errors.New("not a network as 10.0.0.0/8 or fd00::/8")
	case network != network.Masked():
		return fmt.Errorf("bits are set behind the first %d: %s is meant", network.Bits(), network.Masked())
	}
	return nil
}
