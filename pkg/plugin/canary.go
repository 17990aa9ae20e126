// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/canary"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// canaryFlag adds the flag to a command that runs policies of the user's.
func (o *traceOptions) canaryFlag(fs *pflag.FlagSet) {
	fs.BoolVar(&o.canaries, "allow-canary", false, "Carry out GetUrl and DnsLookup of policies, from here, for events that are shown")
}

// withCanaries is the renderer beside which the canaries of the policies are called, where that is allowed. Where it is not,
// it is said.
func (o *traceOptions) withCanaries(r pipeline.Sink, say func(event.Level, string)) pipeline.Sink {
	asked := canary.Of(o.policies.policies)
	switch {
	case len(asked.Policies) == 0:
		return r
	case !o.canaries:
		say(event.LevelWarning, fmt.Sprintf("GetUrl and DnsLookup of policy %s are not carried out: events say what they ask for; --allow-canary does it from here", strings.Join(asked.Policies, ", ")))
		return r
	}
	return canary.Beside(r, canary.NewCaller(context.Background(), asked, canary.Means{}, say))
}
