// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/scope"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

var errNoPolicyFile = errors.New("-f FILE is missing: which policy? (- is standard input)")

// policyFiles are the policies that a command is given.
type policyFiles struct {
	names []string
	// policies and their texts, set by load. The position of each policy has the name of its source.
	policies []*policy.Policy
	sources  []wire.PolicySource
}

func (f *policyFiles) flags() *pflag.FlagSet {
	fs := newFlags()
	fs.StringArrayVarP(&f.names, "filename", "f", nil, "`FILE` with policies, - for standard input; repeatable")
	return fs
}

// completeFilename offers files that may be policies.
func completeFilename(cmd *cobra.Command) {
	_ = cmd.MarkFlagFilename("filename", "yaml", "yml", "json")
}

// load reads and checks the policies; the error has every problem. What is skipped is said on warnings.
func (f *policyFiles) load(stdin io.Reader, warnings io.Writer) error {
	if len(f.names) == 0 {
		return errNoPolicyFile
	}
	var typed bytes.Buffer
	file, err := policy.Load(f.names, io.TeeReader(stdin, &typed))
	if err != nil {
		return err
	}
	for _, skipped := range file.Skipped {
		fmt.Fprintln(warnings, terminal.Sanitize(fmt.Sprintf("%s: %s is no policy, skipped", skipped.Position, skipped.What)))
	}
	f.policies = file.Policies
	for _, name := range f.names {
		source, err := readSource(name, &typed)
		if err != nil {
			return err
		}
		f.sources = append(f.sources, source)
	}
	return nil
}

// readSource reads a file once more, for its text. What can be read only once is not accepted.
func readSource(name string, typed *bytes.Buffer) (wire.PolicySource, error) {
	if name == policy.Stdin {
		return wire.PolicySource{Name: "<stdin>", Text: typed.String()}, nil
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return wire.PolicySource{}, fmt.Errorf("%s is not a file that can be read twice: pipe it into -f -", name)
	}
	text, err := os.ReadFile(name)
	return wire.PolicySource{Name: name, Text: string(text)}, err
}

// hooks of all policies.
func (f *policyFiles) hooks() (all []*policy.Hook) {
	for _, p := range f.policies {
		for i := range p.Hooks {
			all = append(all, &p.Hooks[i])
		}
	}
	return all
}

// about says which policies run, and what of them does not act because the session only observes.
func (f *policyFiles) about() string {
	names := make([]string, len(f.policies))
	var idle []string
	for i, p := range f.policies {
		names[i] = p.Name
		for _, action := range p.Enforcing() {
			if !slices.Contains(idle, action) {
				idle = append(idle, action)
			}
		}
	}
	text := "observing: policy " + strings.Join(names, ", ")
	if len(idle) > 0 {
		text += fmt.Sprintf(" (%s not carried out: events say where it would have been)", strings.Join(idle, ", "))
	}
	return text
}

// notOnCluster says what of the policies has no meaning where all targets are pods.
func (f *policyFiles) notOnCluster() (warnings []string) {
	for _, p := range f.policies {
		if p.Scope.Host {
			warnings = append(warnings, fmt.Sprintf("policy %s has a hostSelector: only pods are traced, processes outside of them are not", p.Name))
		}
	}
	return warnings
}

// notLocal says what of the policies has no meaning on a machine without a cluster.
func (f *policyFiles) notLocal() (warnings []string) {
	for _, p := range f.policies {
		if p.Scope.Selects() || p.Kind == policy.TracingPolicyNamespaced {
			warnings = append(warnings, fmt.Sprintf("policy %s is about %s: --local knows no pods, so it applies to everything that is traced", p.Name, scope.Describe(p)))
		}
	}
	return warnings
}
