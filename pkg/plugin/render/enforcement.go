// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// enforcing are the actions that stop a process or what it does, or change it, by their names in events; the values are their
// names in policies.
var enforcing = map[string]string{
	event.ActionSigkill: "Sigkill", event.ActionSignal: "Signal", event.ActionOverride: "Override",
	event.ActionNotifyEnforcer: "NotifyEnforcer", event.ActionSet: "Set",
}

// Enforced are the names of the actions that stopped a process, or what it did, in the order of the event; of several in one
// list an event has the last. Nil for most events.
func Enforced(e *event.Event) (actions []string) {
	h := e.Hooked()
	if h == nil {
		return nil
	}
	done := []string{h.Action}
	if k := e.ProcessKprobe; k != nil && k.ReturnAction != h.Action {
		done = append(done, k.ReturnAction)
	}
	for _, action := range done {
		if enforcing[action] != "" {
			actions = append(actions, action)
		}
	}
	return actions
}

// Enforcement is how often an action of a policy was carried out on a node, or was not though the policy asks for it.
type Enforcement struct {
	Policy string
	// Action is its name in events (event.Action…).
	Action string
	// Would: it was not carried out.
	Would bool
	Count uint64
}

// enforced is how often something was stopped.
func (n *NodeSummary) enforced() (count uint64) {
	for _, e := range n.Enforcements {
		if !e.Would {
			count += e.Count
		}
	}
	return count
}

// enforcements are a line for each node and policy that stopped something there, or would have; one line if none did.
func (p *styler) enforcements(out *strings.Builder, d SummaryData, nodes []NodeSummary) {
	said := false
	line := func(t tone, heading, text string) {
		said = true
		out.WriteString(p.paint(t, heading) + " " + p.clean(text) + "\n")
	}
	for i := range nodes {
		n := &nodes[i]
		for _, policy := range n.policies(false) {
			line(toneAlarm, p.choose("⛔", "!!")+" ENFORCED", fmt.Sprintf("%s on %s by policy %s", n.counts(policy, false), n.Node, policy))
		}
		for _, policy := range n.policies(true) {
			line(toneCaution, p.choose("⚠️", "!")+" WOULD HAVE ENFORCED", fmt.Sprintf("%s on %s by policy %s", n.counts(policy, true), n.Node, policy))
		}
	}
	lost := slices.ContainsFunc(nodes, func(n NodeSummary) bool { return n.lost() > 0 })
	switch {
	case !d.Enforce:
	case said && lost:
		line(toneCaution, p.choose("⚠️", "!")+" AT LEAST", "that was enforced: events were lost, and with them what they told of it")
	case !said && !d.Complete():
		line(toneCaution, p.choose("⚠️", "!")+" UNKNOWN", "whether something was enforced: nothing was told of it, but not everything was told")
	case !said:
		out.WriteString("nothing was enforced: no call was one that the policies forbid\n")
	}
}

// policies that stopped something on the node, or would have.
func (n *NodeSummary) policies(would bool) (names []string) {
	for _, e := range n.Enforcements {
		if e.Would == would && !slices.Contains(names, e.Policy) {
			names = append(names, e.Policy)
		}
	}
	slices.Sort(names)
	return names
}

// counts are how often each action was that.
func (n *NodeSummary) counts(policy string, would bool) string {
	var texts []string
	of := slices.SortedFunc(slices.Values(n.Enforcements), func(a, b Enforcement) int { return cmp.Compare(a.Action, b.Action) })
	for _, e := range of {
		if e.Policy == policy && e.Would == would {
			texts = append(texts, fmt.Sprintf("%d %s", e.Count, cmp.Or(enforcing[e.Action], e.Action)))
		}
	}
	return strings.Join(texts, ", ")
}
