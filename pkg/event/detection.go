// SPDX-License-Identifier: Apache-2.0

package event

// Severity is how bad a detection is, in Sigma's words.
type Severity string

// The severities, from the least.
const (
	SeverityInformational Severity = "informational"
	SeverityLow           Severity = "low"
	SeverityMedium        Severity = "medium"
	SeverityHigh          Severity = "high"
	SeverityCritical      Severity = "critical"
)

// Severities are all of them, from the least.
func Severities() []Severity {
	return []Severity{SeverityInformational, SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical}
}

// Detection is what a rule says of an event. It stands beside the event's body: Tetragon has no word for it.
type Detection struct {
	// Language that the rule is written in: falco, sigma.
	Language string `json:"language"`
	// Rule is its name, ID what it is identified by where that is another.
	Rule string `json:"rule"`
	ID   string `json:"id,omitempty"`
	// Severity in one scale for all languages, Priority in the words of the rule's own.
	Severity Severity `json:"severity"`
	Priority string   `json:"priority,omitempty"`
	// Output is what the rule says, with the event's values filled in.
	Output string `json:"output,omitempty"`
	// Techniques are those of MITRE ATT&CK, T1059.004; Tags all that the rule has.
	Techniques []string `json:"techniques,omitempty"`
	Tags       []string `json:"tags,omitempty"`
	// Author of the rule, whom some licences want to be named.
	Author string `json:"author,omitempty"`
	// File that the rule is from.
	File string `json:"file,omitempty"`
	// Degraded says what the rule was decided on that is not what it asks for, or was not known; empty: it is as the rule means it.
	Degraded []string `json:"degraded,omitempty"`
	// View says of paths that the rule holds for them as the kernel resolved them, not as the process wrote them: "resolved".
	View string `json:"view,omitempty"`
	// Times is how often the rule said so of what one process started, where repeats are left out; 0 where all are shown.
	Times uint64 `json:"times,omitempty"`
	// Text and Line are the alert as the language's own tool writes it, Line in JSON; they are for an output of that language.
	Text string `json:"-"`
	Line []byte `json:"-"`
}
