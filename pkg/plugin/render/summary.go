// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
)

// incomplete lists why not everything that happened on the node was shown.
func incomplete(n *session.NodeSummary) []string {
	var why []string
	for _, cause := range slices.Sorted(maps.Keys(n.Lost)) {
		if n.Lost[cause] > 0 {
			why = append(why, fmt.Sprintf("%s lost: %s", wording.Counted(n.Lost[cause], "event"), LossText(cause)))
		}
	}
	if count := n.Partial.Throttled; count > 0 {
		why = append(why, wording.Counted(count, "event")+" throttled: "+LossText(event.LostThrottled)+throttledBy(n.Throttled))
	}
	if count := n.Partial.ReturnsLost; count > 0 {
		why = append(why, wording.Counted(count, "event")+" without what the call returned: "+LossText(event.LostRing)+", or the call was made again within itself")
	}
	if count := n.Partial.FactsLost; count > 0 {
		why = append(why, wording.Counted(count, "record")+" of forks and new cgroups lost: the parent or the pod of some events may not be known")
	}
	if count := n.Partial.StatesFull; count > 0 {
		why = append(why, wording.Counted(count, "process")+" not noted, the kernel's table was full: filters on their programs do not match")
	}
	for drop, count := range n.Dropped {
		why = append(why, fmt.Sprintf("%s not taken by the %s: %s", wording.Counted(count, "event"), drop.Sink, drop.Cause))
	}
	if n.Problem != "" {
		why = append(why, n.Problem)
	} else if n.Ended == "" && !n.TracesOn {
		why = append(why, "the tracer did not say goodbye: events at the end may be missing")
	}
	return why
}

// mostThrottledShown is how many throttled pods are named.
const mostThrottledShown = 5

// throttledBy names the pods whose events were left out, those with the most first.
func throttledBy(counts map[string]uint64) string {
	sources := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	var parts []string
	for _, source := range sources[:min(len(sources), mostThrottledShown)] {
		parts = append(parts, fmt.Sprintf("%s %d", source, counts[source]))
	}
	if more := len(sources) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// column is one of the summary's table.
type column struct {
	title string
	left  bool // aligned; numbers are aligned right
	value func(*session.NodeSummary) string
}

func columnsOf(d session.Summary) []column {
	columns := []column{
		{"NODE", true, func(n *session.NodeSummary) string { return n.Node }},
		{"EVENTS", false, func(n *session.NodeSummary) string { return strconv.FormatUint(n.Events, 10) }},
		{"FILTERED", false, func(n *session.NodeSummary) string { return strconv.FormatUint(n.Filtered, 10) }},
		{"LOST", false, func(n *session.NodeSummary) string { return strconv.FormatUint(n.LostEvents(), 10) }},
		{"ENFORCED", false, func(n *session.NodeSummary) string { return strconv.FormatUint(n.Enforced(), 10) }},
		{"CPU", false, func(n *session.NodeSummary) string { return share(n.Cost.CPUNanoseconds, d.Duration) }},
		{"BPF", false, func(n *session.NodeSummary) string { return share(n.Cost.BPFNanoseconds, d.Duration) }},
		{"MEMORY", false, func(n *session.NodeSummary) string {
			if n.Cost.PeakResidentBytes == 0 {
				return unknown
			}
			return strconv.FormatFloat(float64(n.Cost.PeakResidentBytes)/(1<<20), 'f', 0, 64) + " MiB"
		}},
	}
	enforced := slices.ContainsFunc(d.Nodes, func(n session.NodeSummary) bool { return n.Enforced() > 0 })
	return slices.DeleteFunc(columns, func(c column) bool { return c.title == "ENFORCED" && !d.Enforce && !enforced })
}

// unknown stands for a cost that nobody measured.
const unknown = "-"

// share is a CPU time in percent of the session, 100 being one core.
func share(nanoseconds uint64, of time.Duration) string {
	percent := 100 * float64(nanoseconds) / float64(of)
	switch {
	case nanoseconds == 0 || of <= 0:
		return unknown
	case percent < 0.01:
		return "<0.01%"
	}
	return strconv.FormatFloat(percent, 'f', 2, 64) + "%"
}

// Summary writes what a session amounted to: a line per node, of many nodes only of those that stand out, and, so that nobody misses it, why it was incomplete, and what could
// not be seen (Status.Limits).
func Summary(w io.Writer, d session.Summary, limits []string, c terminal.Capabilities) error {
	p := newStyler(c)
	var out strings.Builder
	nodes := slices.SortedFunc(slices.Values(d.Nodes), func(a, b session.NodeSummary) int { return cmp.Compare(a.Node, b.Node) })
	var events uint64
	for _, n := range nodes {
		events += n.Events
	}
	out.WriteString(p.paint(toneTitle, fmt.Sprintf("%s from %s in %s", wording.Counted(events, "event"), wording.Counted(uint64(len(nodes)), "node"), shortDuration(d.Duration))) + "\n")
	if len(nodes) > 0 {
		p.table(&out, columnsOf(d), foldNodes(nodes))
		p.enforcements(&out, d, nodes)
	}
	p.incompleteness(&out, nodes)
	for _, n := range nodes {
		if count := n.Partial.RateLimited; count > 0 {
			limits = append(slices.Clip(limits), fmt.Sprintf("%s: %s left out by the rate limits of policies", n.Node, wording.Counted(count, "event")))
		}
	}
	for _, limit := range limits {
		out.WriteString(p.paint(toneCaution, p.choose("⚠️", "!")+" LIMITS") + " " + p.clean(limit) + "\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (p *styler) alarm(out *strings.Builder, what string) {
	out.WriteString(p.paint(toneAlarm, p.choose("⚠️", "!")+" INCOMPLETE") + " " + p.clean(what) + "\n")
}

// shortestName is how many cells of a name are shown at least.
const shortestName = 12

// betweenColumns are the blanks between two columns of the table.
const betweenColumns = "  "

// fitFirst shortens the cells of the first column so that the table is no wider than the terminal, and returns their width.
func (p *styler) fitFirst(cells []string, widths []int) int {
	rest := 0
	for _, w := range widths[1:] {
		rest += len(betweenColumns) + w
	}
	room := max(p.Columns-rest, shortestName)
	if p.Columns == 0 || widths[0] <= room {
		return widths[0]
	}
	for i, cell := range cells {
		cells[i] = p.shorten(cell, room)
	}
	return room
}

// shorten takes cells out of the middle of a text: names of nodes differ at their ends.
func (p *styler) shorten(s string, width int) string {
	if terminal.Width(s) <= width {
		return s
	}
	ellipsis := p.ellipsis()
	end := (width - terminal.Width(ellipsis)) / 2
	_, tail := terminal.Split(s, terminal.Width(s)-end)
	return terminal.Truncate(s, width-terminal.Width(tail), ellipsis) + tail
}

// table aligns by cells, which text/tabwriter can't: names are not only ASCII.
func (p *styler) table(out *strings.Builder, columns []column, nodes []session.NodeSummary) {
	cells := make([][]string, len(columns))
	widths := make([]int, len(columns))
	for i, c := range columns {
		cells[i] = append(cells[i], c.title)
		for j := range nodes {
			cells[i] = append(cells[i], p.clean(c.value(&nodes[j])))
		}
		for _, cell := range cells[i] {
			widths[i] = max(widths[i], terminal.Width(cell))
		}
	}
	widths[0] = p.fitFirst(cells[0], widths)
	for row := range len(nodes) + 1 {
		var line strings.Builder
		for i, c := range columns {
			padding := strings.Repeat(" ", widths[i]-terminal.Width(cells[i][row]))
			if i > 0 {
				line.WriteString(betweenColumns)
			}
			if c.left {
				line.WriteString(cells[i][row] + padding)
			} else {
				line.WriteString(padding + cells[i][row])
			}
		}
		t := tonePlain
		switch {
		case row == 0:
			t = toneQuiet
		case nodes[row-1].LostEvents() > 0 || nodes[row-1].Problem != "":
			t = toneCaution
		}
		out.WriteString(p.paint(t, strings.TrimRight(line.String(), " ")) + "\n")
	}
}
