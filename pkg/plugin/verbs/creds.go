// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/credentials"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// credsOptions say which changes of credentials.
type credsOptions struct {
	every, rises bool
	toUIDs       []uint
}

// Creds shows how the credentials of processes change.
func Creds(env trace.Environment) *cobra.Command {
	var f credsOptions
	return trace.Command(env, trace.Verb{
		Use:   "creds [POD | TYPE/NAME]... [--local [-- COMMAND [ARG]...]]",
		Short: "Show how the user, group and capabilities of processes change, and who makes user namespaces",
		Long: `Show how the user, group and capabilities of processes change (setuid and its like, capset, programs that are setuid or have
capabilities of their own), before and after, and who makes user namespaces. What raises privilege stands out.`,
		Example: `  # Who becomes whom in the pods of a deployment
  kubectl trace-sec creds deploy/web
  # Who gains privilege anywhere, for an hour
  kubectl trace-sec creds -A --rises --duration 1h
  # What a script on this machine becomes
  sudo kubectl-trace_sec creds --local -- ./suspect.sh`,
		Title: "Credentials", Flags: f.flags(),
		Groups: trace.BehindOwn, PrintsPolicy: true,
		Work: f.work,
	})
}

// work is the changes that are asked for. What processes had is told with them.
func (f *credsOptions) work(r trace.Request) (trace.Work, error) {
	wanted, err := f.filter()
	if r.Given("process-credentials") && !r.Process.Credentials {
		err = errors.Join(err, errors.New("--process-credentials=false: without them it is not known what a process had before"))
	}
	return trace.Work{
		Targets: r.Args, Composed: []compose.Policy{compose.Credentials()}, OwnWords: true,
		FilterAfterEnrich: true, // a process has what its parent had
		Process:           wire.ProcessDetail{Credentials: true},
		Enrich: func(context.Context, kubernetes.Interface, func(event.Level, string)) pipeline.Stage {
			return credentials.New(wanted)
		},
	}, err
}

func (f *credsOptions) flags() *pflag.FlagSet {
	fs := help.NewFlags()
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
