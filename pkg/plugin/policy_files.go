// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

var errNoPolicyFile = errors.New("-f FILE is missing: which policy? (- is standard input)")

// policyFiles are the policies that a command is given.
type policyFiles struct {
	names []string
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
func (f *policyFiles) load(stdin io.Reader, warnings io.Writer) (policySet, error) {
	if len(f.names) == 0 {
		return policySet{}, errNoPolicyFile
	}
	var typed bytes.Buffer
	file, err := policy.Load(f.names, io.TeeReader(stdin, &typed))
	if err != nil {
		return policySet{}, err
	}
	for _, skipped := range file.Skipped {
		fmt.Fprintln(warnings, terminal.Sanitize(fmt.Sprintf("%s: %s is no policy, skipped", skipped.Position, skipped.What)))
	}
	set := policySet{policies: file.Policies}
	for _, name := range f.names {
		source, err := readSource(name, &typed)
		if err != nil {
			return policySet{}, err
		}
		set.sources = append(set.sources, source)
	}
	return set, nil
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
