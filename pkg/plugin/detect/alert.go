// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"fmt"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/output"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// falcoPriorities are severities in Falco's words.
var falcoPriorities = map[event.Severity]string{
	event.SeverityCritical: "Critical", event.SeverityHigh: "Error", event.SeverityMedium: "Warning", event.SeverityLow: "Notice",
	event.SeverityInformational: "Informational",
}

// asFalco fills in what a detection of another language is in Falco's output, so that one receiver takes all of them: its text has
// author and command, since the licence of Sigma's rules wants the author to be named.
func asFalco(e *event.Event, d *event.Detection) {
	a := &output.Alert{
		Time: eventTime(e), Hostname: e.NodeName, Rule: d.Rule, Priority: falcoPriorities[d.Severity], Source: "syscall", Tags: d.Tags,
		Fields: map[string]any{"tracesec.language": d.Language, "tracesec.rule_id": d.ID, "tracesec.author": d.Author},
	}
	a.Text = d.Rule
	if d.Author != "" {
		a.Text += fmt.Sprintf(" (by %s)", d.Author)
	}
	if d.Output != "" {
		a.Text += ": " + d.Output
	}
	if p := e.Process(); p != nil {
		a.Text += fmt.Sprintf(" | process=%s arguments=%s", p.Binary, p.Arguments)
		a.Fields["proc.exepath"], a.Fields["proc.args"], a.Fields["tracesec.exec_id"] = p.Binary, p.Arguments, p.ExecID
		if p.Pod != nil {
			a.Text += fmt.Sprintf(" k8s_ns_name=%s k8s_pod_name=%s", p.Pod.Namespace, p.Pod.Name)
			a.Fields["k8s.ns.name"], a.Fields["k8s.pod.name"] = p.Pod.Namespace, p.Pod.Name
		}
	}
	d.Text = a.Line(output.Times{})
	d.Line, _ = a.JSON(output.Times{ISO8601: true}) // texts can always be encoded
}

// eventTime is zero for an event that does not tell it.
func eventTime(e *event.Event) time.Time {
	if e.Time == nil {
		return time.Time{}
	}
	return e.Time.Time
}
