// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// Options say how events are shown.
type Options struct {
	// Format is one of Formats; jsonpath is followed by "=" and a template. Empty is tree.
	Format string
	// Timestamps begin each line of tree, compact and wide.
	Timestamps bool
	// Out is what standard output can show.
	Out terminal.Capabilities
	// SharedTerminal says that another program writes to the same terminal (local mode with a command), so that a line
	// can't be left open for the exit that may follow.
	SharedTerminal bool
	// Filtered says that not all events are shown: a process that was not seen to end may have.
	Filtered bool
	// Pick returns what of an event is shown, in formats that are documents; nil: all of it. The result is not changed.
	Pick func(*event.Event) *event.Event
	// FinalTree says when the tree format shows the whole trees at the end, one of FinalTreeAuto (unless all of it is still
	// on the screen as it is), FinalTreeAlways and FinalTreeNever.
	FinalTree string
	// OwnWords: compact too has our own words for functions that Tetragon has none for, and counts repeats. It is for commands
	// whose policies nobody wrote for Tetragon.
	OwnWords bool
	// Arguments shows on the lines of tree and compact all that the policy asked for of a call, instead of what our words have of
	// it: for who asks for it on the command line.
	Arguments bool
	// Every shows each of the events that repeat, which tree, wide and compact with OwnWords count otherwise, and all that a tree folds:
	// forks, programs that only find an interpreter, and equal subtrees.
	Every bool
	// Now is the clock by which events are held back; nil: this machine's. Flush has to be called by the same.
	Now func() time.Time
}

// clock is Now, or this machine's.
func (o Options) clock() func() time.Time {
	if o.Now != nil {
		return o.Now
	}
	return time.Now
}

// formats is the table of output formats; the first is the default.
var formats = [...]struct {
	name     string
	argument bool // "name=argument"
	document bool // events are shown as data
	// detections: what rules say of events is shown, and not the events.
	detections bool
	make       func(out io.Writer, o Options, argument string) (pipeline.Sink, error)
}{
	{"tree", false, false, false, newTree},
	{"compact", false, false, false, newCompact},
	{"wide", false, false, false, newWide},
	{"json", false, true, false, newJSON},
	{"yaml", false, true, false, newYAML},
	{"jsonpath", true, true, false, newJSONPath},
	{"falco", false, false, true, newFalco},
	{"falco-json", false, true, true, newFalcoJSON},
}

// OfDetections says whether a format shows what rules say, which only a command that detects has.
func OfDetections(format string) bool {
	for _, f := range formats {
		if f.name == format {
			return f.detections
		}
	}
	return false
}

// IsDocument says whether a format shows events as data. It is false for what is no format.
func IsDocument(format string) bool {
	name, _, _ := strings.Cut(format, "=")
	for _, f := range formats {
		if f.name == name {
			return f.document
		}
	}
	return false
}

// Formats lists the names of the formats that every command has; one that ends in "=" takes an argument.
func Formats() (names []string) {
	for _, f := range formats {
		switch {
		case f.detections:
		case f.argument:
			names = append(names, f.name+"=")
		default:
			names = append(names, f.name)
		}
	}
	return names
}

// DetectionFormats lists those of commands that detect.
func DetectionFormats() (names []string) {
	for _, f := range formats {
		if f.detections {
			names = append(names, f.name)
		}
	}
	return names
}

// New returns the sink of a format. It fails for an unknown format and a template that can't be parsed, and writes nothing yet.
// The sink shows an item before Take returns, or, an exec that nothing else can follow on its line, within 50 ms, or, what may
// repeat, within 100 ms of the last. Its Close shows, for a tree, the whole of it.
func New(out io.Writer, o Options) (pipeline.Sink, error) {
	name, argument, given := strings.Cut(o.Format, "=")
	if name == "" && !given {
		name = formats[0].name
	}
	for _, f := range formats {
		switch {
		case f.name != name:
		case f.argument && argument == "":
			return nil, fmt.Errorf("-o %s: give a template: -o %s='{.process_exec.process.binary}'", o.Format, name)
		case !f.argument && given:
			return nil, fmt.Errorf("-o %s: %s takes no argument", o.Format, name)
		default:
			return f.make(out, o, argument)
		}
	}
	return nil, fmt.Errorf("-o %q: unknown output format%s", o.Format, formatHint(o.Format))
}

// CheckFormat says what is wrong with a format.
func CheckFormat(format string) error {
	_, err := New(io.Discard, Options{Format: format})
	return err
}

// formatHint is what to write instead of a format that does not exist; other formats are those of kubectl.
func formatHint(format string) string {
	name, _, _ := strings.Cut(format, "=")
	switch {
	case slices.Contains([]string{"jsonpath-file", "jsonpath-as-json", "go-template", "go-template-file", "template", "templatefile", "custom-columns", "custom-columns-file", "name"}, name):
		return ": want a field of each event by -o jsonpath='{.process_exec.process.binary}', or -o json and jq"
	case slices.Contains([]string{"text", "plain", "default", "pretty"}, name):
		return ": want tree or compact"
	}
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
	}
	if near := policy.Near(strings.ToLower(name), names); len(near) > 0 {
		return "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return ": want one of " + strings.Join(Formats(), ", ")
}
