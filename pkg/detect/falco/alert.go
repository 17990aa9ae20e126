// SPDX-License-Identifier: Apache-2.0

package falco

import (
	"maps"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/output"
)

// The keys that this engine adds to the fields of an alert.
const (
	// ViewField says in which view of paths the rule holds, if not in the lexical one.
	ViewField = "tracesec.view"
	// DegradedField says what an alert depends on that was not delivered.
	DegradedField = "tracesec.degraded"
)

// Alert makes the alert of a match. The time is the event's, hostname that of the node; extra are fields to add, with their keys.
func (m *Match) Alert(at time.Time, hostname string, values compare.Source, extra map[string]any) *output.Alert {
	a := &output.Alert{
		Time: at, Hostname: hostname, Rule: m.Rule.Name, Priority: m.Rule.Priority.String(), Source: m.Rule.Source, Tags: m.Rule.Tags,
		Text: m.Rule.Template.Render(values, m.View), Fields: m.Rule.Template.Values(values, m.View),
	}
	maps.Copy(a.Fields, extra)
	if m.View != compare.Lexical {
		a.Fields[ViewField] = m.View.String()
	}
	if len(m.Degraded) > 0 {
		a.Fields[DegradedField] = strings.Join(m.Degraded, "; ")
	}
	return a
}
