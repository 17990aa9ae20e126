// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"io"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// Text writes policies for people.
func Text(w io.Writer, policies []Policy) error {
	var out strings.Builder
	line := func(indent int, format string, args ...any) {
		out.WriteString(strings.Repeat("  ", indent) + terminal.Sanitize(fmt.Sprintf(format, args...)) + "\n")
	}
	for i, p := range policies {
		if i > 0 {
			out.WriteString("\n")
		}
		line(0, "%s %s: %s", p.Kind, p.Name, p.About)
		for j := range p.Hooks {
			p.Hooks[j].text(line)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (h *Hook) text(line func(int, string, ...any)) {
	line(1, "%s", h.heading())
	for _, selector := range h.Selectors {
		line(2, "%s", selector)
	}
	if h.Taken != nil {
		for _, note := range h.Taken.Notes {
			line(2, "but: %s", note)
		}
	}
	for i := range h.Ways {
		line(2, "%d. %s", i+1, wayText(&h.Ways[i], &h.Ways[i] == h.Taken))
	}
}

// heading says what the hook is and what serves it.
func (h *Hook) heading() string {
	text := h.Kind + " " + h.Name
	if h.Kind == h.Name || h.Kind == "enforcer" { // a loader has no name, an enforcer's says what it is
		text = h.Name
	}
	if h.Taken == nil {
		return text + ": CANNOT BE SERVED HERE"
	}
	text += fmt.Sprintf(": by %s (%s tier)", h.Taken.Backend, h.Taken.Tier)
	if h.Taken.Via != "" {
		text += ", via " + h.Taken.Via
	}
	if h.Effect != "" {
		text += ", " + h.Effect
	}
	return text
}

func wayText(way *event.Hook, taken bool) string {
	text := way.Backend
	switch {
	case way.Refused != "":
		return text + ": refused: " + way.Refused
	case way.Via != "":
		text += ", via " + way.Via
	}
	return text + ": accepted" + either(taken, ", taken", "")
}
