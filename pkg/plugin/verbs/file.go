// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/cluster"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// fileOptions say which files, and what of what is done to them.
type fileOptions struct {
	prefixes, paths, suffixes, operations []string
	writes, every                         bool
}

// File shows what is done to files.
func File(env trace.Environment) *cobra.Command {
	var f fileOptions
	flags := f.flags()
	cmd := trace.Command(env, trace.Verb{
		Use:   "file --prefix DIRECTORY [POD | TYPE/NAME]... [--local [-- COMMAND [ARG]...]]",
		Short: "Show which files are opened, read and changed, and how much is read and written",
		Long: `Show which files are opened, read and changed, and how much is read and written; what repeats is counted.
Paths are those that the kernel knows in the container: /usr/bin/x for /bin/x where /bin is a symbolic link.
What is read and written through io_uring or mapped memory is not seen; that a file is mapped to be written is.`,
		Example: `  # Who reads or changes what in /etc
  kubectl trace-sec file --prefix /etc deploy/web
  # What is changed below two folders and by whom, each write of it, for five minutes
  kubectl trace-sec file --prefix /usr --prefix /opt --writes --every --duration 5m -l app=web
  # Which keys a script opens on this machine
  sudo kubectl-trace_sec file --prefix / --suffix .pem --suffix .key --op open --local -- ./suspect.sh`,
		Title: "Files", Flags: flags,
		Groups: trace.BehindOwn, PrintsPolicy: true,
		Work: f.work,
	})
	_ = cmd.RegisterFlagCompletionFunc("op", cluster.Words(operationNames()...))
	return cmd
}

func (f *fileOptions) flags() *pflag.FlagSet {
	fs := help.NewFlags()
	fs.StringArrayVar(&f.prefixes, "prefix", nil, "This `DIRECTORY` and all below it (/: everything, pipes and sockets too); repeatable")
	fs.StringArrayVar(&f.paths, "path", nil, "The file of this `PATH`; repeatable")
	fs.StringArrayVar(&f.suffixes, "suffix", nil, "Files whose path ends in `TEXT`, of those below --prefix if there is one; repeatable")
	fs.StringSliceVar(&f.operations, "op", nil, "`LIST` of "+strings.Join(operationNames(), ", ")+"; default: all but "+strings.Join(askedOperations(), ", "))
	fs.BoolVar(&f.writes, "writes", false, "Only what changes content, names or attributes")
	everyFlag(fs, &f.every, "read and write")
	return fs
}

func operationNames() (names []string) {
	for _, o := range compose.FileOperations() {
		names = append(names, o.Name)
	}
	return names
}

// askedOperations are those that are watched only when they are asked for.
func askedOperations() (names []string) {
	for _, o := range compose.FileOperations() {
		if o.Asked {
			names = append(names, o.Name)
		}
	}
	return names
}

var errNoFiles = errors.New("which files? --prefix, --path or --suffix says it; --prefix / is all of them, which may be a flood")

// noFiles is errNoFiles, with the flag that was probably meant by an argument.
func noFiles(args []string) error {
	for _, arg := range args {
		if path.IsAbs(arg) {
			return fmt.Errorf("%w; did you mean --prefix %s?", errNoFiles, arg)
		}
	}
	return errNoFiles
}

// work writes the policy. Its error is everything that is wrong with the flags.
func (f *fileOptions) work(r trace.Request) (w trace.Work, _ error) {
	var errs []error
	if len(f.prefixes)+len(f.paths)+len(f.suffixes) == 0 {
		errs = append(errs, noFiles(r.Args))
	}
	paths := compose.FilePaths{Suffixes: f.suffixes}
	for _, prefix := range f.prefixes {
		clean, err := f.absolute("prefix", prefix)
		if base := path.Base(clean); err == nil && (base == "*" || base == "**") {
			err = fmt.Errorf("--prefix %q: everything below is meant without a pattern, too: --prefix %s", prefix, path.Dir(clean))
		}
		paths.Prefixes, errs = append(paths.Prefixes, clean), append(errs, err)
	}
	for _, name := range f.paths {
		clean, err := f.absolute("path", name)
		paths.Paths, errs = append(paths.Paths, clean), append(errs, err)
	}
	for _, suffix := range f.suffixes {
		errs = append(errs, checkSuffix(suffix))
	}
	operations, err := f.chosen()
	if err := errors.Join(append(errs, err)...); err != nil {
		return w, err
	}
	return trace.Work{
		Targets: r.Args, Composed: []compose.Policy{compose.File(paths, operations)}, OwnWords: true, Every: f.every,
		Remarks: linked(slices.Concat(paths.Prefixes, paths.Paths), r.Local),
	}, nil
}

// longestPath in bytes: the kernel's PATH_MAX counts the NUL at the end, and a prefix is followed by a slash.
const longestPath = 4094

// absolute checks a path and makes it as the kernel writes paths.
func (f *fileOptions) absolute(flag, name string) (string, error) {
	switch {
	case name == "":
		return "", fmt.Errorf("--%s is empty", flag)
	case !path.IsAbs(name):
		return "", fmt.Errorf("--%s %q is relative, and every process has another directory: begin it with a slash", flag, name)
	case len(name) > longestPath:
		return "", fmt.Errorf("--%s %.20q… has %d bytes: no path has more than %d", flag, name, len(name), longestPath)
	case strings.ContainsRune(name, 0):
		return "", fmt.Errorf("--%s %q: no path has a zero byte", flag, name)
	case !utf8.ValidString(name):
		return "", fmt.Errorf("--%s %q is not UTF-8: a policy can't name it, its folder can be a --prefix", flag, name)
	}
	return path.Clean(name), nil
}

func checkSuffix(suffix string) error {
	switch {
	case suffix == "":
		return errors.New("--suffix is empty")
	case strings.HasPrefix(suffix, "*"):
		return fmt.Errorf("--suffix %q: the end alone is meant, without a pattern: --suffix %s", suffix, strings.TrimLeft(suffix, "*"))
	case len(suffix) > longestPath || strings.ContainsRune(suffix, 0) || !utf8.ValidString(suffix):
		return fmt.Errorf("--suffix %.20q… is not the end of a path: want UTF-8 of at most %d bytes", suffix, longestPath)
	case strings.HasSuffix(suffix, "/"):
		return fmt.Errorf("--suffix %q: no path ends in a slash", suffix)
	}
	return nil
}

// chosen are the operations to watch.
func (f *fileOptions) chosen() (names []string, err error) {
	if len(f.operations) > 0 && f.writes {
		return nil, errors.New("--op and --writes exclude each other: --writes is all that changes something")
	}
	for _, o := range compose.FileOperations() {
		if f.writes && o.Changes || !f.writes && !o.Asked {
			names = append(names, o.Name)
		}
	}
	if len(f.operations) == 0 {
		return names, nil
	}
	return f.operations, checkOperations(f.operations, operationNames())
}

// checkOperations says which values of --op are no operations of a command.
func checkOperations(given, all []string) error {
	var errs []error
	for _, name := range given {
		if !slices.Contains(all, name) {
			errs = append(errs, fmt.Errorf("--op %q: no such operation%s", name, policy.DidYouMean(name, all)))
		}
	}
	return errors.Join(errs...)
}

// usualLinks are links in most images, and where they lead: the kernel knows files by the path behind.
var usualLinks = map[string]string{
	"/bin": "/usr/bin", "/sbin": "/usr/sbin", "/lib": "/usr/lib", "/lib64": "/usr/lib64", "/lib32": "/usr/lib32", "/libx32": "/usr/libx32",
	"/var/run": "/run", "/var/lock": "/run/lock",
}

// linked warns of paths that lead through a symbolic link: nothing would be seen there, and nobody would know why. What is in
// the pods' images is not known here.
func linked(paths []string, local bool) (warnings []string) {
	for _, name := range paths {
		if local {
			if behind, err := filepath.EvalSymlinks(name); err == nil && behind != name {
				warnings = append(warnings, fmt.Sprintf("%s leads to %s by a symbolic link: files are known by that path, by %s nothing may be seen", name, behind, name))
			}
			continue
		}
		for link, behind := range usualLinks {
			if rest, ok := strings.CutPrefix(name, link); ok && (rest == "" || rest[0] == '/') {
				warnings = append(warnings, fmt.Sprintf("%s is a link to %s in most images: files are known by %s there", link, behind, behind+rest))
			}
		}
	}
	return warnings
}
