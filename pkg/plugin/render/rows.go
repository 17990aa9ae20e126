// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// row is how one type of event (or one function of a type) looks. The first row that matches is taken.
type row struct {
	match func(*event.Event) bool
	// emoji and ascii are the symbol, word the name of what happened, as Tetragon writes them.
	emoji, ascii, word string
	tone               tone
	// details follow the process (or the node, when the event is about no process), each after one blank, also when empty.
	details func(*event.Event) []piece
	// dataOnly: the event is shown where events are data (json, yaml, jsonpath); a person reads of it on standard error.
	dataOnly bool
}

// rows is the table of what events look like.
var rows = [...]row{
	{match: kind(event.KindExec), emoji: "🚀", ascii: "+", word: "process", tone: toneEvent, details: execDetails},
	{match: kind(event.KindExit), emoji: "💥", ascii: "-", word: "exit", tone: toneEvent, details: exitDetails},
	{match: kind(event.KindLoss), emoji: "⚠️", ascii: "!", word: "LOST", tone: toneAlarm, details: lossDetails},
	{match: notice(event.LevelError), emoji: "🛑", ascii: "!", word: "error", tone: toneBad, details: noticeDetails},
	{match: notice(event.LevelWarning), emoji: "⚠️", ascii: "!", word: "warning", tone: toneCaution, details: noticeDetails},
	{match: kind(event.KindNotice), emoji: "💡", ascii: "*", word: "notice", tone: toneEvent, details: noticeDetails},
	{match: kind(event.KindHello), dataOnly: true},
	{match: kind(event.KindBye), dataOnly: true},
	{match: kind(event.KindUnknown), emoji: "❓", ascii: "?", word: "unknown", tone: toneCaution, details: unknownDetails},
}

// rowOf finds an event's row; there always is one, as the last matches what no other does.
func rowOf(e *event.Event) *row {
	last := len(rows) - 1
	for i := range rows[:last] {
		if rows[i].match(e) {
			return &rows[i]
		}
	}
	return &rows[last]
}

func kind(k event.Kind) func(*event.Event) bool {
	return func(e *event.Event) bool { return e.Kind() == k }
}

func notice(l event.Level) func(*event.Event) bool {
	return func(e *event.Event) bool { return e.Notice != nil && e.Notice.Level == l }
}

func execDetails(e *event.Event) []piece {
	return []piece{{toneArgument, arguments(e)}}
}

func exitDetails(e *event.Event) []piece {
	return []piece{{toneArgument, arguments(e)}, {toneStatus, exitStatus(e.ProcessExit)}}
}

// exitStatus is the signal's name, or the exit code when there was no signal.
func exitStatus(x *event.ProcessExit) string {
	if x.Signal != "" {
		return x.Signal
	}
	return strconv.FormatUint(uint64(x.Status), 10)
}

func arguments(e *event.Event) string {
	if p := e.Process(); p != nil {
		return p.Arguments
	}
	return ""
}

func lossDetails(e *event.Event) []piece {
	return []piece{{toneAlarm, fmt.Sprintf("%s (%d in total): %s", counted(e.Loss.Count, "event"), e.Loss.Total, LossText(e.Loss.Cause))}}
}

func noticeDetails(e *event.Event) []piece {
	text := e.Notice.Text
	if e.Notice.Subject != "" {
		text = e.Notice.Subject + ": " + text
	}
	return []piece{{tonePlain, text}}
}

func unknownDetails(*event.Event) []piece {
	return []piece{{toneCaution, "an event that this version does not know: plugin and tracer image are of different releases"}}
}

// counted is a number with its noun, in the plural unless it is one.
func counted(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "s") {
		noun += "e"
	}
	return strconv.FormatUint(n, 10) + " " + noun + "s"
}
