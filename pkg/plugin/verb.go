// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
)

// verb is a command that writes its policies from flags of its own.
type verb struct {
	use, short, long, example string
	// title and flags are the group that the help shows first.
	title string
	flags *pflag.FlagSet
	// prepare gets the options before the flags are added, to change what all traces have; may be nil.
	prepare func(*traceOptions)
	// takes gets the arguments before -- and returns those that are targets; nil: all are.
	takes func(args []string) (targets []string)
	// whole: what is filtered out has to be told as well, because what is shown is completed with it.
	whole bool
	// policies writes the policies from flags and arguments. Its error is everything that is wrong with them.
	policies func(*traceOptions) ([]compose.Policy, error)
}

// explainedByExec are groups of flags that the help of these commands only names: their own have to fit on the screen.
var explainedByExec = []string{"Session", "Output", "Processes", tracerGroup}

// newVerbCommand is the command of a verb: its policies run as those of run do, observing.
func newVerbCommand(c *cluster, streams genericiooptions.IOStreams, build Build, v verb) *cobra.Command {
	o := newTraceOptions(c, streams, build)
	o.output.ownWords = true
	if v.prepare != nil {
		v.prepare(o)
	}
	printPolicy := false
	v.flags.BoolVar(&printPolicy, "print-policy", false, "Print the TracingPolicy that these flags make, and do nothing")
	for i := range o.groups {
		if slices.Contains(explainedByExec, o.groups[i].title) {
			o.groups[i].topic = "exec --help"
		}
	}
	o.groups = append([]flagGroup{{title: v.title, flags: v.flags}}, o.groups...)
	word, _, _ := strings.Cut(v.use, " ")
	write := func() ([]compose.Policy, error) {
		policies, err := v.policies(o)
		if v.whole {
			return policies, err
		}
		return compose.Narrow(policies, o.narrowing()), err
	}
	o.readPolicies = func() (policySet, error) {
		policies, err := write()
		if err != nil {
			return policySet{}, err
		}
		return composed(word, policies)
	}
	cmd := &cobra.Command{
		Use: v.use, Short: v.short, Long: v.long, Example: v.example,
		DisableFlagsInUseLine: true,
		ValidArgsFunction:     c.complete(podsAndWorkloads),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.complete(cmd, args)
			if v.takes != nil {
				o.targets.args = v.takes(o.targets.args)
			}
			if printPolicy {
				return o.printPolicy(write)
			}
			return o.run(cmd.Context())
		},
	}
	o.addTo(cmd)
	return cmd
}

// printPolicy writes the policies that the flags make, checked as policies that run are.
func (o *traceOptions) printPolicy(write func() ([]compose.Policy, error)) error {
	o.startsNothing = true
	policies, err := write()
	if err = errors.Join(o.validate(), err); err != nil {
		return err
	}
	set, err := composed("policy", policies)
	if err != nil {
		return err
	}
	_, err = o.Out.Write([]byte(set.sources[0].Text))
	return err
}
