// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
)

// Enforced is event.Event.Enforced.
func Enforced(e *event.Event) []string { return e.Enforced() }

// enforcements are a line for each node and policy that stopped something there, or would have; one line if none did.
func (p *styler) enforcements(out *strings.Builder, d session.Summary, nodes []session.NodeSummary) {
	reported := false
	line := func(t tone, heading, text string) {
		reported = true
		out.WriteString(p.paint(t, heading) + " " + p.clean(text) + "\n")
	}
	for i := range nodes {
		n := &nodes[i]
		for _, policy := range policiesOf(n, false) {
			line(toneAlarm, p.choose("⛔", "!!")+" ENFORCED", fmt.Sprintf("%s on %s by policy %s", countsOf(n, policy, false), n.Node, policy))
		}
		for _, policy := range policiesOf(n, true) {
			line(toneCaution, p.choose("⚠️", "!")+" WOULD HAVE ENFORCED", fmt.Sprintf("%s on %s by policy %s", countsOf(n, policy, true), n.Node, policy))
		}
	}
	lost := slices.ContainsFunc(nodes, func(n session.NodeSummary) bool { return n.LostEvents() > 0 })
	switch {
	case !d.Enforce:
	case reported && lost:
		line(toneCaution, p.choose("⚠️", "!")+" AT LEAST", "that was enforced: events were lost, and with them what they told of it")
	case !reported && !d.Complete():
		line(toneCaution, p.choose("⚠️", "!")+" UNKNOWN", "whether something was enforced: nothing was told of it, but not everything was told")
	case !reported:
		out.WriteString("nothing was enforced: no call was one that the policies forbid\n")
	}
}

// policiesOf are those that stopped something on the node, or would have.
func policiesOf(n *session.NodeSummary, would bool) (names []string) {
	for _, e := range n.Enforcements {
		if e.Would == would && !slices.Contains(names, e.Policy) {
			names = append(names, e.Policy)
		}
	}
	slices.Sort(names)
	return names
}

// countsOf are how often each action was that.
func countsOf(n *session.NodeSummary, policy string, would bool) string {
	var texts []string
	of := slices.SortedFunc(slices.Values(n.Enforcements), func(a, b session.Enforcement) int { return cmp.Compare(a.Action, b.Action) })
	for _, e := range of {
		if e.Policy == policy && e.Would == would {
			texts = append(texts, fmt.Sprintf("%d %s", e.Count, cmp.Or(event.EnforcingAction(e.Action), e.Action)))
		}
	}
	return strings.Join(texts, ", ")
}
