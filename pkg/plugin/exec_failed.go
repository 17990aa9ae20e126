// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
)

// addFailedExecs adds the policy of execs that fail, and the flags about it; the result says whether it is wanted.
func (o *traceOptions) addFailedExecs() (wanted *bool) {
	o.output.ownWords, o.hooksAreImplied = true, true
	o.readPolicies = func() (policySet, error) {
		return composed("exec", compose.Narrow([]compose.Policy{compose.FailedExecs()}, o.narrowing()))
	}
	for _, g := range o.groups {
		if g.title == outputGroup {
			g.flags.BoolVar(&o.output.every, "every", false, "Show each of the execs that fail, instead of counting those of one name")
			wanted = g.flags.Bool("failed", true, "Show execs that fail; =false spares a check of each system call of the node")
		}
	}
	return wanted
}

// onlyRemarks is a status that says of hooks only what is wrong: the user did not ask for any.
type onlyRemarks struct{ session.Status }

func (s onlyRemarks) Hooks(hellos map[string]*event.Hello) {
	remarked := map[string]*event.Hello{}
	for node, hello := range hellos {
		some := *hello
		some.Hooks = slices.DeleteFunc(slices.Clone(hello.Hooks), func(h event.Hook) bool { return h.Refused == "" && len(h.Notes) == 0 })
		for i := range some.Hooks {
			some.Hooks[i].Backend = "" // is not counted as attached
		}
		remarked[node] = &some
	}
	s.Status.Hooks(remarked)
}
