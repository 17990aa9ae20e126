// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// severityTones say how much a detection stands out.
var severityTones = map[event.Severity]tone{
	event.SeverityInformational: toneQuiet,
	event.SeverityLow:           toneEvent,
	event.SeverityMedium:        toneCaution,
	event.SeverityHigh:          toneBad,
	event.SeverityCritical:      toneAlarm,
}

// detections are what rules say of an event, a line each: severity, rule, techniques, what it rests on, who wrote it.
func (p *styler) detections(e *event.Event) (lines []text) {
	for i := range e.Detections {
		lines = append(lines, p.detection(&e.Detections[i]))
	}
	return lines
}

// longestShownID is how long an ID is at most that people type: those of the library, and not the UUIDs of Sigma.
const longestShownID = 16

func (p *styler) detection(d *event.Detection) text {
	said, known := severityTones[d.Severity]
	if !known {
		said = toneAlarm
	}
	line := text{
		{said, p.choose("🚨", "!!") + " " + p.clean(strings.ToUpper(string(d.Severity)))},
	}
	if len(d.Degraded) > 0 {
		line = append(line, piece{toneCaution, " (uncertain)"})
	}
	if d.ID != "" && len(d.ID) <= longestShownID {
		line = append(line, piece{toneQuiet, " " + p.clean(d.ID)})
	}
	line = append(line, piece{toneTitle, " " + p.clean(d.Rule)})
	if d.Times > 1 {
		line = append(line, piece{toneCaution, fmt.Sprintf(" (%d times)", d.Times)})
	}
	if len(d.Techniques) > 0 {
		line = append(line, piece{toneQuiet, " " + p.clean(strings.Join(d.Techniques, " "))})
	}
	if d.Author != "" {
		line = append(line, piece{toneQuiet, p.clean(" (by " + d.Author + ")")})
	}
	if d.Output != "" {
		line = append(line, piece{tonePlain, ": " + p.clean(d.Output)})
	}
	if len(d.Degraded) > 0 {
		line = append(line, piece{toneCaution, p.clean(" [" + strings.Join(d.Degraded, "; ") + "]")})
	}
	return line
}
