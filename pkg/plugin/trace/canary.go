// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"fmt"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/canary"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// withCanaries is the renderer beside which the canaries of the policies are called, where that is allowed. Where it is not,
// it is said.
func (p *Plan) withCanaries(r pipeline.Sink, say func(event.Level, string)) pipeline.Sink {
	asked := canary.Of(p.policies.Policies)
	switch {
	case len(asked.Policies) == 0:
		return r
	case !p.work.AllowCanary:
		say(event.LevelWarning, fmt.Sprintf("GetUrl and DnsLookup of policy %s are not carried out: events say what they ask for; --allow-canary does it from here", strings.Join(asked.Policies, ", ")))
		return r
	}
	return canary.Beside(r, canary.NewCaller(context.Background(), asked, canary.Dependencies{}, say))
}
