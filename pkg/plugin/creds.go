// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/credentials"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// credsOptions say which changes of credentials.
type credsOptions struct {
	every, rises bool
	toUIDs       []uint
}

// newCredsCommand shows how the credentials of processes change.
func newCredsCommand(c *cluster, streams genericiooptions.IOStreams, build Build) *cobra.Command {
	var f credsOptions
	return newVerbCommand(c, streams, build, verb{
		use:   "creds [POD | TYPE/NAME]... [--local [-- COMMAND [ARG]...]]",
		short: "Show how the user, group and capabilities of processes change, and who makes user namespaces",
		long: `Show how the user, group and capabilities of processes change (setuid and its like, capset, programs that are setuid or have
capabilities of their own), before and after, and who makes user namespaces. What raises privilege stands out.`,
		example: `  # Who becomes whom in the pods of a deployment
  kubectl trace-sec creds deploy/web
  # Who gains privilege anywhere, for an hour
  kubectl trace-sec creds -A --rises --duration 1h
  # What a script on this machine becomes
  sudo kubectl-trace_sec creds --local -- ./suspect.sh`,
		title: "Credentials", flags: f.flags(),
		whole: true, // a process has what its parent had
		prepare: func(o *traceOptions) {
			o.process.Credentials = true // what processes had is told with them
			o.completing = func(context.Context, kubernetes.Interface, func(event.Level, string)) func(*pipeline.Item) bool {
				wanted, _ := f.filter() // checked by now
				return credentials.New(wanted).Pass
			}
		},
		policies: func(o *traceOptions) ([]compose.Policy, error) {
			_, err := f.filter()
			if !o.process.Credentials {
				err = errors.Join(err, errors.New("--process-credentials=false: without them it is not known what a process had before"))
			}
			return []compose.Policy{compose.Credentials()}, err
		},
	})
}

func (f *credsOptions) flags() *pflag.FlagSet {
	fs := newFlags()
	fs.BoolVar(&f.rises, "rises", false, "Only what raises privilege: an id becomes 0, or capabilities are gained")
	fs.UintSliceVar(&f.toUIDs, "to-uid", nil, "Only where a user id becomes this `UID`; repeatable")
	fs.BoolVar(&f.every, "every", false, "Also what leaves credentials as they are, as most programs do that are executed")
	return fs
}

// noUID is what the kernel takes for "none".
const noUID = 1<<32 - 1

// filter is which changes the flags ask for.
func (f *credsOptions) filter() (credentials.Filter, error) {
	wanted := credentials.Filter{Every: f.every, Rises: f.rises}
	if f.every && f.rises {
		return wanted, errors.New("--every and --rises exclude each other")
	}
	for _, uid := range f.toUIDs {
		if uid >= noUID {
			return wanted, errors.New("--to-uid: user ids are below 4294967295")
		}
		wanted.ToUIDs = append(wanted.ToUIDs, uint32(uid))
	}
	if f.every && len(f.toUIDs) > 0 {
		return wanted, errors.New("--every and --to-uid exclude each other: only a change leads to an id")
	}
	return wanted, nil
}
