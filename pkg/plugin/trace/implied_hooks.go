// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
)

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

// toldOfHooks is a status that also says what a command makes of the hooks.
type toldOfHooks struct {
	session.Status
	lines func(hellos map[string]*event.Hello) []string
}

func (s toldOfHooks) Hooks(hellos map[string]*event.Hello) {
	s.Status.Hooks(hellos)
	for _, line := range s.lines(hellos) {
		s.Say(event.LevelInfo, line)
	}
}
