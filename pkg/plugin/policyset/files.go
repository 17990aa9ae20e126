// SPDX-License-Identifier: Apache-2.0

package policyset

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// ErrNoFile is for a command that was not told its policy.
var ErrNoFile = errors.New("-f FILE is missing: which policy? (- is standard input)")

// NoFile is ErrNoFile, with the -f that was probably meant by an argument.
func NoFile(args []string) error {
	for _, arg := range args {
		info, err := os.Stat(arg)
		named := slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(arg))
		if named || err == nil && !info.IsDir() {
			return fmt.Errorf("%w; did you mean -f %s?", ErrNoFile, arg)
		}
	}
	return ErrNoFile
}

// Files are the policies that a command is given.
type Files struct{ Names []string }

// Flags returns -f.
func (f *Files) Flags() *pflag.FlagSet {
	fs := help.NewFlags()
	fs.StringArrayVarP(&f.Names, "filename", "f", nil, "`FILE` with policies, a folder of such, - for standard input; repeatable")
	return fs
}

// CompleteFilename offers files that may be policies.
func CompleteFilename(cmd *cobra.Command) {
	_ = cmd.MarkFlagFilename("filename", "yaml", "yml", "json")
}

// Load reads each file once and checks the policies; the error has every problem. What is skipped, and what networks are filled in for
// variables, is said on warnings; nil for networks: variables are problems.
func (f *Files) Load(stdin io.Reader, warnings io.Writer, networks func(variable string) ([]string, error)) (Set, error) {
	if len(f.Names) == 0 {
		return Set{}, ErrNoFile
	}
	file, err := policy.Load(f.Names, stdin, shown(networks, warnings))
	if err != nil {
		return Set{}, err
	}
	for _, skipped := range file.Skipped {
		fmt.Fprintln(warnings, terminal.Sanitize(fmt.Sprintf("%s: %s is no policy, skipped", skipped.Position, skipped.What)))
	}
	set := Set{Policies: file.Policies}
	for _, text := range file.Texts {
		set.Sources = append(set.Sources, wire.PolicySource{Name: text.Name, Text: text.Content})
	}
	return set, nil
}

// shown says of each variable what it is filled in with, once for all files.
func shown(networks func(variable string) ([]string, error), warnings io.Writer) func(string) ([]string, error) {
	if networks == nil {
		return nil
	}
	known := map[string][]string{}
	return func(variable string) ([]string, error) {
		if all, ok := known[variable]; ok {
			return all, nil
		}
		all, err := networks(variable)
		if err != nil {
			return nil, fmt.Errorf("${%s}: %w", variable, err)
		}
		known[variable] = all
		fmt.Fprintln(warnings, terminal.Sanitize(fmt.Sprintf("${%s} is %s", variable, strings.Join(all, ", "))))
		return all, nil
	}
}
