// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"reflect"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
)

// Same finds, for each of some hooks, an earlier one that has its programs do the same: of one policy, with tracepoints that stand in for
// both functions because no system call tells them apart. It is -1 for the others. To load the programs again would tell each call twice.
func Same(hooks []Hook) []int {
	same := make([]int, len(hooks))
	for i := range hooks {
		same[i] = slices.IndexFunc(hooks[:i], func(before Hook) bool { return before.doesAs(&hooks[i]) })
	}
	return same
}

// doesAs compares what is loaded first for two hooks, and what is told of them beside their names.
func (h *Hook) doesAs(other *Hook) bool {
	if h.Policy != other.Policy || len(h.Ways) == 0 || len(other.Ways) == 0 {
		return false
	}
	own, others := &h.Ways[0], &other.Ways[0]
	return own.Via != "" && own.Via == others.Via && reflect.DeepEqual(own.Places, others.Places) && slices.Equal(own.Functions, others.Functions) &&
		sameDefinitions(own.Definitions, others.Definitions) && h.Hook.Message == other.Hook.Message && slices.Equal(h.Hook.Tags, other.Hook.Tags)
}

func sameDefinitions(own, others []*hook.Definition) bool {
	return slices.EqualFunc(own, others, func(a, b *hook.Definition) bool {
		renamed := *b
		renamed.Name = a.Name
		return reflect.DeepEqual(*a, renamed)
	})
}
