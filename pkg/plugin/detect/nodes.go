// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/library"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
)

// OnNodes says what can be expected of the rules on the nodes whose tracers said what became of their hooks: a line for all that are
// alike, and one for each rule that cannot fire. whole says also why rules are degraded.
func (r *Rules) OnNodes(hellos map[string]*event.Hello, whole bool) (lines []string) {
	if !slices.ContainsFunc(r.All, func(rule Rule) bool { return rule.Library != nil }) {
		return nil // what can be expected of the others is known before
	}
	nodes := map[string][]string{} // by what is said of them
	for node, hello := range hellos {
		said := strings.Join(r.onNode(hello, whole), "\n")
		nodes[said] = append(nodes[said], node)
	}
	for said, names := range nodes {
		slices.Sort(names)
		for line := range strings.SplitSeq(said, "\n") {
			lines = append(lines, strings.Join(names, ", ")+": "+line)
		}
	}
	slices.Sort(lines)
	return lines
}

// onNode is what is said of one node.
func (r *Rules) onNode(hello *event.Hello, whole bool) (lines []string) {
	hooks := map[string]library.Attached{}
	for _, h := range hello.Hooks {
		if strings.HasPrefix(h.Policy, library.PolicyPrefix) {
			hooks[h.Name] = library.Attached{Notes: h.Notes, Refused: h.Refused}
		}
	}
	counts, degraded := map[State]int{}, map[string][]string{}
	for i := range r.All {
		rule := &r.All[i]
		state := rule.State
		if rule.Library != nil {
			fires, reasons := rule.Library.Standing(hooks)
			switch {
			case !fires:
				state = Unsupported
				lines = append(lines, fmt.Sprintf("%s cannot fire: %s", rule.ID, strings.Join(reasons, "; ")))
			case len(reasons) > 0:
				state = Degraded
				for _, reason := range reasons {
					degraded[reason] = append(degraded[reason], rule.ID)
				}
			}
		}
		counts[state]++
	}
	if whole {
		for _, reason := range slices.Sorted(maps.Keys(degraded)) {
			lines = append(lines, fmt.Sprintf("degraded %s, %s", strings.Join(degraded[reason], " "), reason))
		}
	}
	return append([]string{fmt.Sprintf("%s: %s", wording.Counted(uint64(len(r.All)), "rule"), inStates(counts))}, lines...)
}

// Others says whether there are rules of other languages than the library's.
func (r *Rules) Others() bool {
	return slices.ContainsFunc(r.All, func(rule Rule) bool { return rule.Library == nil })
}

// inStates is how many rules are in which state.
func inStates(counts map[State]int) string {
	var parts []string
	for _, state := range States() {
		if counts[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[state], state))
		}
	}
	return strings.Join(parts, ", ")
}

// String is how many rules there are, and in which state.
func (r *Rules) String() string {
	return fmt.Sprintf("%s: %s", wording.Counted(uint64(len(r.All)), "rule"), inStates(r.Count()))
}
