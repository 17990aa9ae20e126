// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
)

// Status tells a person on standard error what happens to the tracers. On a terminal, what is waited for is one line that
// is rewritten; elsewhere each change is a line. Safe for concurrent use.
type Status struct {
	*styler
	screen *terminal.Screen
	// Verbose shows each note on what a kernel can't show, instead of their number. It is set before the first call.
	Verbose bool

	mu      sync.Mutex
	waiting map[string]string // node → what for
	ready   map[string]bool
	// failures are the nodes that failed first for a reason, by the reason.
	failures map[string]string
	// told are remarks on hooks that do less than was asked for: other nodes' are the same.
	told map[remark]bool
	// limits are the lines that counted notes.
	limits []string
}

// NewStatus writes to the standard error of a screen, which can show c.
func NewStatus(s *terminal.Screen, c terminal.Capabilities) *Status {
	return &Status{styler: newStyler(c), screen: s, waiting: map[string]string{}, ready: map[string]bool{}, failures: map[string]string{}, told: map[remark]bool{}}
}

// Waiting says what the start of a node's tracer is waiting for; saying it again changes nothing.
func (s *Status) Waiting(node, waitingFor string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting[node] == waitingFor {
		return
	}
	s.waiting[node] = waitingFor
	if !s.Terminal {
		s.print(piece{toneQuiet, s.choose("⏳", "...") + " " + s.clean(node) + ": waiting for " + s.clean(waitingFor)})
	}
	s.redraw()
}

// Prepared says that what Waiting named, which is no node, is waited for no more.
func (s *Status) Prepared(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, what)
	s.redraw()
}

// Ready says that a node's tracer runs.
func (s *Status) Ready(node string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, node)
	s.ready[node] = true
	s.redraw()
}

// Tracing says that tracing has begun: from now on nothing is missed.
func (s *Status) Tracing(pods, nodes int) {
	s.Say(event.LevelInfo, "tracing "+wording.Counted(uint64(pods), "pod")+" on "+wording.Counted(uint64(nodes), "node"))
}

// Failed says that there is no tracing on a node, and why: in full for the first node of which that is so.
func (s *Status) Failed(node string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, node)
	delete(s.ready, node)
	why := err.Error()
	first, before := s.failures[why]
	if before && first != node {
		why = "not traced, for the same reason as " + first
	} else {
		s.failures[why] = node
	}
	s.say(event.LevelError, node+": "+why)
	s.redraw()
}

// Say writes a line that stays. Line feeds in the text are kept: its writer is the plugin; what it quotes is escaped.
func (s *Status) Say(l event.Level, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.say(l, text)
}

// Close wipes the line that is rewritten.
func (s *Status) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.waiting)
	s.redraw()
}

func (s *Status) say(l event.Level, message string) {
	r := rowOf(&event.Event{Notice: &event.Notice{Level: l}}, ownLook)
	symbol := s.choose(r.emoji, r.word+":")
	indent := strings.Repeat(" ", terminal.Width(symbol))
	var out text
	for i, line := range strings.Split(strings.TrimRight(message, "\n"), "\n") {
		if i > 0 {
			out, symbol = append(out, piece{tonePlain, "\n"}), indent
		}
		out = append(out, piece{r.tone, symbol}, piece{tonePlain, " " + s.clean(line)})
	}
	s.print(out...)
}

// print writes lines of clean text. Standard error that can't be written is nowhere to complain about.
func (s *Status) print(line ...piece) {
	_, _ = io.WriteString(s.screen.Err(), s.paintText(line)+"\n")
}

// redraw shows the nodes that are waited for, those that wait for the same together.
func (s *Status) redraw() {
	if !s.Terminal {
		return
	}
	if len(s.waiting) == 0 {
		s.screen.Status("")
		return
	}
	nodes := map[string][]string{}
	for node, what := range s.waiting {
		nodes[what] = append(nodes[what], node)
	}
	reasons := slices.SortedFunc(maps.Keys(nodes), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(nodes[b]), len(nodes[a])), cmp.Compare(a, b))
	})
	line := text{{toneEvent, s.choose("⏳ ", "")}}
	if ready := len(s.ready); ready > 0 {
		line = append(line, piece{tonePlain, fmt.Sprintf("%d of %s ready · ", ready, wording.Counted(uint64(ready+len(s.waiting)), "node"))})
	}
	for i, what := range reasons {
		separator := ""
		if i > 0 {
			separator = " · "
		}
		slices.Sort(nodes[what])
		line = append(line, piece{toneQuiet, separator + s.clean(nodeList(nodes[what])) + ": waiting for "}, piece{tonePlain, s.clean(what)})
	}
	if !s.UTF8 {
		for i := range line {
			line[i].text = strings.ReplaceAll(line[i].text, "·", "-")
		}
	}
	s.screen.Status(s.paintText(s.truncate(line, max(s.Columns-1, 20)))) // a full last column would wrap
}

// nodeList names up to three nodes.
func nodeList(nodes []string) string {
	const named = 3
	if len(nodes) <= named {
		return strings.Join(nodes, ", ")
	}
	return fmt.Sprintf("%s and %d more nodes", strings.Join(nodes[:named-1], ", "), len(nodes)-named+1)
}
