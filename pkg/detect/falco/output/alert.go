// SPDX-License-Identifier: Apache-2.0

package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// Alert is what a rule says of an event.
type Alert struct {
	Time     time.Time
	Hostname string
	Rule     string
	// Priority in Falco's words, see rulefile.Priority.
	Priority string
	Source   string
	// Tags are sorted.
	Tags []string
	// Text is the rule's output with the fields filled in, Fields are those fields.
	Text   string
	Fields map[string]any
}

// Times says how times are written in text lines.
type Times struct {
	// ISO8601 is 2022-08-05T06:19:00.625154977+0000 in UTC instead of the time of day.
	ISO8601 bool
	// Location of the time of day; nil is the machine's.
	Location *time.Location
}

// The layouts of times.
const (
	timeOfDay = "15:04:05.000000000"
	iso8601   = "2006-01-02T15:04:05.000000000-0700"
	inJSON    = "2006-01-02T15:04:05.000000000Z"
)

// Line is the alert as Falco prints it: HH:MM:SS.nnnnnnnnn: Priority text. It has no line end.
func (a *Alert) Line(times Times) string {
	at := a.Time.UTC().Format(iso8601)
	if !times.ISO8601 {
		location := times.Location
		if location == nil {
			location = time.Local
		}
		at = a.Time.In(location).Format(timeOfDay)
	}
	return fmt.Sprintf("%s: %s %s", at, a.Priority, a.Text)
}

// object is the alert in JSON, keys in alphabetical order as Falco writes them.
type object struct {
	Hostname string         `json:"hostname"`
	Output   string         `json:"output"`
	Fields   map[string]any `json:"output_fields"`
	Priority string         `json:"priority"`
	Rule     string         `json:"rule"`
	Source   string         `json:"source"`
	Tags     []string       `json:"tags"`
	Time     string         `json:"time"`
}

// JSON is the alert as one JSON object, without a line end: what Falco prints and posts, and falcosidekick reads.
func (a *Alert) JSON(times Times) ([]byte, error) {
	fields := make(map[string]any, len(a.Fields)+1)
	maps.Copy(fields, a.Fields)
	fields["evt.time"] = a.Time.UnixNano()
	tags := a.Tags
	if tags == nil {
		tags = []string{}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(object{
		Hostname: a.Hostname, Output: a.Line(times), Fields: fields, Priority: a.Priority, Rule: a.Rule, Source: a.Source, Tags: tags,
		Time: a.Time.UTC().Format(inJSON),
	})
	if err != nil {
		return nil, fmt.Errorf("alert of rule %q as JSON: %w", a.Rule, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
