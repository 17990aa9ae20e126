// SPDX-License-Identifier: Apache-2.0

package enforce

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/policyset"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// Composed are the policies that the --deny flags make; the error is everything that is wrong with them.
func (o *Options) Composed() (all []compose.Policy, err error) {
	d, errs := compose.Denial{Kill: o.Kill}, []error{}
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
	if exec := paths("deny-exec", o.Exec); len(exec) > 0 {
		all = append(all, compose.DenyExec(exec, d))
	}
	if write := paths("deny-write", o.Write); len(write) > 0 {
		for i := range write {
			write[i] = strings.TrimSuffix(write[i], "/")
		}
		all = append(all, compose.DenyWrite(write, d))
	}
	for _, value := range o.Connect {
		if err := checkNetwork(value); err != nil {
			errs = append(errs, fmt.Errorf("--deny-connect %q: %w", value, err))
		}
	}
	if len(o.Connect) > 0 {
		all = append(all, compose.DenyConnect(o.Connect, d))
	}
	return all, errors.Join(errs...)
}

// beyond is what the policies of the --deny flags cannot know on any kernel, by the policy's name.
func (o *Options) beyond() map[string][]string {
	texts := map[string][]string{}
	composed, err := o.Composed()
	if err != nil { // it was said before
		return nil
	}
	for _, p := range composed {
		texts[p.Name] = p.Beyond
	}
	return texts
}

var errNothingToEnforce = errors.New("what is to be enforced? -f FILE, --deny-exec PATH, --deny-write PREFIX or --deny-connect CIDR")

// Given are the policies of files. What is skipped is said on warnings.
func (o *Options) Given(stdin io.Reader, warnings io.Writer, networks func(variable string) ([]string, error)) (policyset.Set, error) {
	switch {
	case len(o.Files.Names) > 0:
		return o.Files.Load(stdin, warnings, networks)
	case !o.Writes():
		return policyset.Set{}, errNothingToEnforce
	}
	return policyset.Set{}, nil
}

// CheckPolicies says what is wrong with the policies of files and those that flags make together: none enforces anything, or two
// have one name.
func (o *Options) CheckPolicies(given, composed policyset.Set) error {
	var errs []error
	for _, p := range composed.Policies {
		for _, other := range given.Policies {
			if p.Name == other.Name {
				errs = append(errs, fmt.Errorf("%s: policy %q is called as the one that --%s makes: give it another name", other.Position, other.Name, p.Name))
			}
		}
	}
	return errors.Join(append(errs, enforceable(given.And(composed)))...)
}

// enforceable says why policies enforce nothing, if none of them does.
func enforceable(s policyset.Set) error {
	var errs []error
	for _, p := range s.Policies {
		switch {
		case p.Acts():
			return nil
		case p.Options.Mode == policy.ModeMonitor:
			errs = append(errs, fmt.Errorf("%s: policy %s only monitors, by its own option policy-mode", p.Position, p.Name))
		default:
			errs = append(errs, fmt.Errorf("%s: policy %s has no action that enforces (Sigkill, Override, ...)", p.Position, p.Name))
		}
	}
	return fmt.Errorf("nothing to enforce: %s run shows what these policies report:\n%w", help.Plugin, errors.Join(errs...))
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
