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
	for drop, count := range n.Dropped {
		why = append(why, fmt.Sprintf("%s not taken by the %s: %s", wording.Counted(count, "event"), drop.Sink, drop.Cause))
	}
	if n.Problem != "" {
		why = append(why, n.Problem)
	} else if n.Ended == "" {
		why = append(why, "the tracer did not say goodbye: events at the end may be missing")
	}
	return why
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
		{"CPU", false, func(n *session.NodeSummary) string { return cpu(n.Cost.CPUNanoseconds, d.Duration) }},
		{"PEAK MEMORY", false, func(n *session.NodeSummary) string {
			if n.Cost.PeakResidentBytes == 0 {
				return unknown
			}
			return strconv.FormatFloat(float64(n.Cost.PeakResidentBytes)/(1<<20), 'f', 1, 64) + " MiB"
		}},
		{"BPF TIME", false, func(n *session.NodeSummary) string { return cpu(n.Cost.BPFNanoseconds, d.Duration) }},
		{"BPF RUNS", false, func(n *session.NodeSummary) string { return strconv.FormatUint(n.Cost.BPFRuns, 10) }},
	}
	enforced := slices.ContainsFunc(d.Nodes, func(n session.NodeSummary) bool { return n.Enforced() > 0 })
	return slices.DeleteFunc(columns, func(c column) bool { return c.title == "ENFORCED" && !d.Enforce && !enforced })
}

// unknown stands for a cost that nobody measured.
const unknown = "-"

// cpu is a time and its share of the session.
func cpu(nanoseconds uint64, of time.Duration) string {
	if nanoseconds == 0 {
		return unknown
	}
	d := time.Duration(nanoseconds)
	if of <= 0 {
		return shortDuration(d)
	}
	return fmt.Sprintf("%s (%.2f%%)", shortDuration(d), 100*float64(d)/float64(of))
}

// Summary writes what a session amounted to: a line per node, and, so that nobody misses it, why it was incomplete.
func Summary(w io.Writer, d session.Summary, c terminal.Capabilities) error {
	p := newStyler(c)
	var out strings.Builder
	nodes := slices.SortedFunc(slices.Values(d.Nodes), func(a, b session.NodeSummary) int { return cmp.Compare(a.Node, b.Node) })
	var events uint64
	for _, n := range nodes {
		events += n.Events
	}
	out.WriteString(p.paint(toneTitle, fmt.Sprintf("%s from %s in %s", wording.Counted(events, "event"), wording.Counted(uint64(len(nodes)), "node"), shortDuration(d.Duration))) + "\n")
	if len(nodes) > 0 {
		p.table(&out, columnsOf(d), nodes)
		p.enforcements(&out, d, nodes)
	}
	for _, n := range nodes {
		for _, why := range incomplete(&n) {
			p.alarm(&out, n.Node+": "+why)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (p *styler) alarm(out *strings.Builder, what string) {
	out.WriteString(p.paint(toneAlarm, p.choose("⚠️", "!")+" INCOMPLETE") + " " + p.clean(what) + "\n")
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
	for row := range len(nodes) + 1 {
		var line strings.Builder
		for i, c := range columns {
			padding := strings.Repeat(" ", widths[i]-terminal.Width(cells[i][row]))
			if i > 0 {
				line.WriteString("   ")
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
