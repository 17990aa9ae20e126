// SPDX-License-Identifier: Apache-2.0

package policyset

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

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

// Load reads each file once and checks the policies; the error has every problem. What is skipped is said on warnings.
func (f *Files) Load(stdin io.Reader, warnings io.Writer) (Set, error) {
	if len(f.Names) == 0 {
		return Set{}, ErrNoFile
	}
	file, err := policy.Load(f.Names, stdin)
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
