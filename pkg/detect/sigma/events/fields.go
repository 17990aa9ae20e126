// SPDX-License-Identifier: Apache-2.0

package events

import (
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
)

// Field is what a field of rules is of this product's events.
type Field struct {
	Name string
	// Categories of rules that have it.
	Categories []string
	// Note says what is not exact about it; empty if nothing is.
	Note string
	// Unavailable: no event has it. Note says why.
	Unavailable bool
}

// fieldRow is a row of the table of fields.
type fieldRow struct {
	name string
	// categories that have the field; none means all.
	categories []string
	values     func(*record, *memory) sigma.Values
	// note is about the field as events have it; exact says whether the caller's options make it exact, nil: they cannot.
	note  string
	exact func(*Options) bool
	// missing says why no event has the field with the caller's options, empty if events have it; nil: they always do.
	missing func(*Options) string
}

var (
	ofFiles       = []string{sigma.FileEvent}
	ofConnections = []string{sigma.NetworkConnection}
)

// Notes of fields that two processes have.
const (
	noteImage       = "the path that was asked to be executed and the file that was loaded; of a relative path through a symbolic link only the file"
	noteLater       = "; the file only where it was remembered from the exec"
	noteCommandLine = "argv[0] is the name of the program, and an argument that begins with a double quote may lose it"
)

func hasArgv(o *Options) bool { return o.Argv != nil }

func withoutNames(o *Options) string {
	if o.HostName == nil {
		return "needs DNS answers"
	}
	return ""
}

// fieldTable is what rules may ask for. A field that it lacks is absent from every event.
var fieldTable = [...]fieldRow{
	{name: "Image", values: imageOf, note: noteImage},
	{name: "CommandLine", values: commandLineOf, note: noteCommandLine, exact: hasArgv},
	{name: "ParentImage", values: parentImage, note: noteImage + noteLater},
	{name: "ParentCommandLine", values: parentCommandLine, note: noteCommandLine, exact: hasArgv},
	{
		name: "User", values: user, note: "the number of the effective user, but root for 0",
		exact: func(o *Options) bool { return o.UserName != nil },
	},
	{name: "LogonId", values: loginID},
	{name: "CurrentDirectory", values: directory},

	{
		name: "TargetFilename", categories: ofFiles, values: targetFilename,
		note: "the path that was asked for only where the hook tells it",
	},

	{name: "DestinationIp", categories: ofConnections, values: destinationIP},
	{name: "DestinationPort", categories: ofConnections, values: destinationPort},
	{name: "SourceIp", categories: ofConnections, values: sourceIP},
	{name: "SourcePort", categories: ofConnections, values: sourcePort, note: "not known where a tracepoint stands in for tcp_connect"},
	{name: "Initiated", categories: ofConnections, values: initiated},
	{name: "Protocol", categories: ofConnections, values: protocol},
	{
		name: "DestinationHostname", categories: ofConnections, values: destinationName,
		note: "probably the name that the process asked for before", exact: func(o *Options) bool { return o.HostNamesExact }, missing: withoutNames,
	},
}

// fieldPlaces are the places of fields in the table.
var fieldPlaces = func() map[string]int {
	places := map[string]int{}
	for i := range fieldTable {
		places[fieldTable[i].name] = i
	}
	return places
}()

// of says whether events of a category have the field.
func (f *fieldRow) of(category string) bool {
	return len(f.categories) == 0 || slices.Contains(f.categories, category)
}

// described is the row with what the options make of it.
func (f *fieldRow) described(o *Options) Field {
	d := Field{Name: f.name, Categories: slices.Clone(f.categories), Note: f.note}
	if len(f.categories) == 0 {
		d.Categories = []string{sigma.ProcessCreation, sigma.FileEvent, sigma.NetworkConnection}
	}
	if f.exact != nil && f.exact(o) {
		d.Note = ""
	}
	if f.missing != nil && f.missing(o) != "" {
		d.Note, d.Unavailable = f.missing(o), true
	}
	return d
}

// Fields are the fields that rules over events may ask for, in the order of the table.
func (o Options) Fields() []Field {
	all := make([]Field, len(fieldTable))
	for i := range fieldTable {
		all[i] = fieldTable[i].described(&o)
	}
	return all
}
