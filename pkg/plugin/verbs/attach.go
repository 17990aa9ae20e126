// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/credentials"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
)

// Attach shows the events of a session that another command started.
func Attach(env trace.Environment) *cobra.Command {
	return trace.JoinCommand(env, trace.Join{
		Use:   "attach SESSION",
		Short: "Show what the tracers of a session see: from its beginning, as far as their logs go back, and then as it happens",
		Long: `Show what the tracers of a session see: from its beginning, as far as their logs go back, and then as it happens. What the
nodes have rotated away is counted as lost. The end of this command does not end the session.`,
		Example: `  # A session that was left to trace by itself (sessions lists them), by the beginning of its name
  kubectl trace-sec attach 3f9a
  # Into a recording
  kubectl trace-sec attach 3f9a --record night.tsec.zst
  # Only what one program did, for Tetragon's tools
  kubectl trace-sec attach 3f9a --binary /usr/bin/curl -o json`,
		Work: joinedWork,
	})
}

// Stop ends a session.
func Stop(env trace.Environment) *cobra.Command {
	return trace.JoinCommand(env, trace.Join{
		Use:   "stop SESSION",
		Short: "End a session: its tracers say their totals, and all that it made is removed",
		Long: `End a session: its tracers disarm, say their totals and end, and all that the session made is removed. Of a session that
has ended by itself, what is kept of it is removed. Whoever still attaches to it sees its end.`,
		Example: `  # By the beginning of its name
  kubectl trace-sec stop 3f9a
  # All that there are, of others too
  kubectl trace-sec sessions -o name | xargs -n 1 kubectl trace-sec stop
  # In a namespace that the session was told to use
  kubectl trace-sec stop 3f9a --tracer-namespace forensics`,
		Ends: true,
		Work: joinedWork,
	})
}

// joinedWork is how the events of a session are shown whose command this was. What its flags left out in the kernel is not there; what
// they left out behind it is.
func joinedWork(command string) trace.Work {
	verb, flags, _ := strings.Cut(command, " ")
	w := trace.Work{OwnWords: true, FilterAfterEnrich: true}
	switch verb {
	case "net":
		all := netOptions{operations: netOperationNames()}
		ofNet, _ := all.work(trace.Request{}) // nothing is wrong with all operations
		w.Enrich = ofNet.Enrich
	case "creds":
		w.Enrich = func(context.Context, kubernetes.Interface, func(event.Level, string)) pipeline.Stage {
			return credentials.New(credentials.Filter{})
		}
	case "caps":
		var all capsOptions
		w.Keep = all.shows
	case "run":
		w.OwnWords = false
	case "enforce":
		w.OwnWords = !strings.Contains(" "+flags, " --filename=")
	}
	return w
}
