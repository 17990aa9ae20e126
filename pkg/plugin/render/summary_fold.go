// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
)

// mostNodesShown are so many rows of the summary's table, and lines of what was incomplete. The session log has all.
const mostNodesShown = 20

// foldNodes makes one row of the nodes that there is nothing to say of, where there are too many for a screen.
func foldNodes(nodes []session.NodeSummary) (rows []session.NodeSummary) {
	if len(nodes) <= mostNodesShown {
		return nodes
	}
	var others session.NodeSummary
	count := 0
	for i := range nodes {
		n := &nodes[i]
		if len(rows) < mostNodesShown && (n.LostEvents() > 0 || n.Problem != "" || n.Enforced() > 0) {
			rows = append(rows, *n)
			continue
		}
		count++
		others.Add(n)
	}
	others.Node = wording.Counted(uint64(count), "other")
	return append(rows, others)
}

// problem is why so many nodes were incomplete.
type problem struct {
	why   string
	nodes []string
}

// problems are the reasons, each once, in the order of the first node that has it.
func problems(nodes []session.NodeSummary) (found []*problem) {
	by := map[string]*problem{}
	for i := range nodes {
		for _, why := range incomplete(&nodes[i]) {
			p := by[why]
			if p == nil {
				p = &problem{why: why}
				by[why] = p
				found = append(found, p)
			}
			p.nodes = append(p.nodes, nodes[i].Node)
		}
	}
	return found
}

// mostNodesNamed are so many nodes of one reason.
const mostNodesNamed = 3

func (p *problem) String() string {
	names := strings.Join(p.nodes[:min(len(p.nodes), mostNodesNamed)], ", ")
	if more := len(p.nodes) - mostNodesNamed; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return names + ": " + p.why
}

// incompleteness writes the reasons.
func (p *styler) incompleteness(out *strings.Builder, nodes []session.NodeSummary) {
	found := problems(nodes)
	for _, one := range found[:min(len(found), mostNodesShown)] {
		p.alarm(out, one.String())
	}
	if more := len(found) - mostNodesShown; more > 0 {
		p.alarm(out, fmt.Sprintf("for %d more reasons; --session-log has each node's", more))
	}
}
