// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/filter"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/policyset"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// filterOptions say which events are shown, and what of them.
type filterOptions struct {
	// match are the values of the flags that are a criterion each, but for pids; exclude is KEY=VALUE of the same.
	match   map[string]*[]string
	pids    []uint
	exclude []string
	redact  []string
	fields  []string
	// flags are those that fill the others.
	flags *pflag.FlagSet
}

// FiltersTopic is the command that explains the filters.
const FiltersTopic = "filters"

// FilterUsages is the help of the filters' flags.
func FilterUsages() string {
	var f filterOptions
	return f.add().FlagUsagesWrapped(help.Width)
}

// filterFlags are the flags of criteria, pids apart. Those that are lists are split at commas: the others may have some.
var filterFlags = []struct {
	key   string
	list  bool
	usage string
}{
	{filter.KeyBinary, false, "Only events of this `PROGRAM`: its path, its name, or ~REGEX on the path; repeatable"},
	{filter.KeyParentBinary, false, "Only events of processes that this `PROGRAM` started; repeatable"},
	{filter.KeyArguments, false, "Only events of processes whose arguments match this `REGEX`; repeatable"},
	{filter.KeyUID, true, "Only events of processes that run as this user `ID`, as at their exec; repeatable"},
	{filter.KeyPolicy, true, "Only events of the policy of this `NAME`; repeatable"},
	{filter.KeyEvent, true, "Only events of these `TYPES`: " + strings.Join(filter.EventTypes(), ",")},
	{filter.KeyAncestor, false, "Only processes whose \"path arguments\" match this `REGEX`, and all that descend from them; repeatable"},
	{filter.KeyCEL, false, "Only events for which this `EXPR` of CEL over their JSON is true; repeatable"},
}

func (f *filterOptions) add() *pflag.FlagSet {
	fs := help.NewFlags()
	f.flags = fs
	f.match = map[string]*[]string{}
	for _, flag := range filterFlags {
		values := new([]string)
		f.match[flag.key] = values
		if flag.list {
			fs.StringSliceVar(values, flag.key, nil, flag.usage)
			continue
		}
		fs.StringArrayVar(values, flag.key, nil, flag.usage)
	}
	fs.UintSliceVar(&f.pids, filter.KeyPID, nil, "Only events of the process of this `PID` on its node; with --local: trace only it and its descendants; repeatable")
	fs.Lookup(filter.KeyPID).DefValue = "" // pflag would show "[]"
	fs.StringArrayVar(&f.exclude, "exclude", nil, "Leave out what matches `KEY=VALUE`; the keys are the flags above (uid=0, args=REGEX); repeatable")
	fs.StringArrayVar(&f.redact, "redact", nil, "Show ***** for what this `REGEX` matches, or for its groups; repeatable")
	fs.StringSliceVar(&f.fields, "fields", nil, "Of JSON and YAML show only these `FIELDS` (process.binary,process.pod.name); -FIELD leaves one out")
	return fs
}

// filtering is what the filters became.
type filtering struct {
	filter *filter.Filter
	// fields is what of an event is shown; nil: all of it.
	fields *filter.Fields
}

// filtering makes the filters; the error is everything that is wrong with them.
func (o *Options) filtering() (made filtering, err error) {
	f := &o.filters
	match := map[string][]string{}
	for key, values := range f.match {
		match[key] = *values
	}
	var errs []error
	for _, pid := range f.pids {
		switch {
		case pid == 0 || pid > math.MaxUint32:
			errs = append(errs, fmt.Errorf("--pid %d is not a process", pid))
		case !o.local.enabled: // there it says what is traced
			match[filter.KeyPID] = append(match[filter.KeyPID], strconv.FormatUint(uint64(pid), 10))
		}
	}
	for _, flag := range filterFlags {
		if o.given[flag.key] && len(match[flag.key]) == 0 {
			errs = append(errs, fmt.Errorf("--%s is empty", flag.key))
		}
	}
	made.filter, err = filter.New(filter.Options{Match: match, Exclude: f.exclude, Redact: f.redact})
	errs = append(errs, err)
	fields, err := filter.ParseFields(f.fields)
	errs = append(errs, err)
	if len(f.fields) > 0 {
		made.fields = fields
	}
	if o.given["fields"] && (len(f.fields) == 0 || !render.IsDocument(o.output.format)) {
		errs = append(errs, errors.New("--fields needs names of fields, and -o json, yaml or jsonpath=TEMPLATE"))
	}
	return made, errors.Join(errs...)
}

// pick is what of an event is shown, nil for all of it.
func (f filtering) pick() func(*event.Event) *event.Event {
	if f.fields == nil {
		return nil
	}
	return f.fields.Of
}

// checkPolicyNames wants each name that is filtered by to be that of a policy that runs.
func (o *Options) checkPolicyNames(policies policyset.Set) error {
	if policies.Empty() {
		if o.given[filter.KeyPolicy] {
			return errors.New("--policy: this command has no policies")
		}
		return nil
	}
	names := policies.Names()
	var errs []error
	for _, name := range *o.filters.match[filter.KeyPolicy] {
		if !slices.Contains(names, name) {
			errs = append(errs, fmt.Errorf("--policy %q: no such policy%s", name, policy.DidYouMean(name, names)))
		}
	}
	return errors.Join(errs...)
}

// narrowing is what of the filters the kernel can do in policies that a command writes.
func (o *Options) narrowing() compose.Narrowing {
	var n compose.Narrowing
	if len(o.local.cgroups) == 0 { // what moves into a cgroup without executing anything there, the kernel knows no program of
		n.Programs = programNames(*o.filters.match[filter.KeyBinary])
	}
	if !o.local.enabled {
		for _, pid := range o.filters.pids {
			n.PIDs = append(n.PIDs, uint32(pid))
		}
	}
	return n
}

// programNames are the last parts of the programs' paths; none when one of them is said by a regular expression.
func programNames(programs []string) (names []string) {
	for _, text := range programs {
		p, err := filter.ParseProgram(text)
		if err != nil || p.Path == "" && p.Name == "" {
			return nil
		}
		names = append(names, cmp.Or(p.Name, path.Base(p.Path)))
	}
	return names
}

// completePolicies offers the names of the policies that the command line has so far.
func (o *Options) completePolicies(v Verb) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if files := cmd.Flags().Lookup("filename"); files != nil { // cobra has read the flags twice
			if list, is := files.Value.(pflag.SliceValue); is {
				_ = list.Replace(slices.Compact(slices.Sorted(slices.Values(list.GetSlice())))) // of a list of texts never fails
			}
		}
		// Policies on standard input are not there yet.
		work, err := v.Work(Request{IOStreams: genericiooptions.IOStreams{In: strings.NewReader(""), ErrOut: io.Discard}, options: o})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		set, err := o.policies(v, work)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return set.Names(), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeEventTypes completes the last of a list.
func completeEventTypes(_ *cobra.Command, _ []string, typed string) (all []cobra.Completion, _ cobra.ShellCompDirective) {
	before := typed[:strings.LastIndex(typed, ",")+1]
	for _, name := range filter.EventTypes() {
		all = append(all, before+name)
	}
	return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeExcludes offers the keys.
func completeExcludes(*cobra.Command, []string, string) (all []cobra.Completion, _ cobra.ShellCompDirective) {
	for _, key := range filter.Keys() {
		all = append(all, key+"=")
	}
	return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
