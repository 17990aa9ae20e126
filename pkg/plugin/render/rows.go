// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
)

// row is how one type of event looks. The first row that matches is taken.
type row struct {
	match func(*event.Event) bool
	// emoji and ascii are the symbol, word the name of what happened, as Tetragon writes them.
	emoji, ascii, word string
	tone               tone
	// details follow the process (or the node, when the event is about no process), each after one blank, also when empty.
	details func(*event.Event) []piece
	// moved replaces the details where it is set, see functionRow.
	moved func(*event.Event) transfer
	// dataOnly: the event is shown where events are data (json, yaml, jsonpath); a person reads of it on standard error.
	dataOnly bool
}

// rows is the table of what events look like; functions that are known by their name have tables of their own, see rowOf.
var rows = [...]row{
	{match: kind(event.KindExec), emoji: "🚀", ascii: "+", word: "process", tone: toneEvent, details: execDetails},
	{match: kind(event.KindExit), emoji: "💥", ascii: "-", word: "exit", tone: toneEvent, details: exitDetails},
	{match: kind(event.KindLoader), emoji: "🧬", ascii: "*", word: "loader", tone: toneEvent, details: loaderDetails},
	{match: kind(event.KindKprobe), emoji: "❓", ascii: "?", word: "syscall", tone: toneEvent, details: functionDetails},
	{match: isSyscallEnter, emoji: "☎ ", ascii: "*", word: "syscall", tone: toneEvent, details: enterDetails},
	{match: kind(event.KindTracepoint), emoji: "⁉\ufe0f", ascii: "?", word: "tracepoint", tone: toneEvent, details: tracepointDetails},
	{match: kind(event.KindUprobe), emoji: "🕵\ufe0f", ascii: "*", word: "uprobe", tone: toneEvent, details: uprobeDetails},
	{match: kind(event.KindUsdt), emoji: "🕵\ufe0f", ascii: "*", word: "usdt", tone: toneEvent, details: usdtDetails},
	{match: kind(event.KindLsm), emoji: "🔒", ascii: "*", word: "LSM", tone: toneEvent, details: lsmDetails},
	{match: kind(event.KindLoss), emoji: "⚠️", ascii: "!", word: "LOST", tone: toneAlarm, details: lossDetails},
	{match: kind(event.KindThrottle), emoji: "🧬", ascii: "!", word: "throttle", tone: toneAlarm, details: throttleDetails},
	{match: notice(event.LevelError), emoji: "🛑", ascii: "!", word: "error", tone: toneBad, details: noticeDetails},
	{match: notice(event.LevelWarning), emoji: "⚠️", ascii: "!", word: "warning", tone: toneCaution, details: noticeDetails},
	{match: kind(event.KindNotice), emoji: "💡", ascii: "*", word: "notice", tone: toneEvent, details: noticeDetails},
	{match: kind(event.KindHello), dataOnly: true},
	{match: kind(event.KindBye), dataOnly: true},
	{match: kind(event.KindUnknown), emoji: "❓", ascii: "?", word: "unknown", tone: toneCaution, details: unknownDetails},
}

// look is how much of a line is Tetragon's.
type look int

const (
	// tetragonsLook: to the letter, for what reads compact lines.
	tetragonsLook look = iota
	// ownLook: rows of our own for functions that Tetragon has no picture for, what was and would have been done about them.
	ownLook
)

// rowOf finds an event's row; there always is one, as the last matches what no other does.
func rowOf(e *event.Event, l look) row {
	if r, ok := functionRowOf(e, l); ok {
		return r
	}
	last := len(rows) - 1
	for i := range rows[:last] {
		if rows[i].match(e) {
			return rows[i]
		}
	}
	return rows[last]
}

// functionRowOf is the row of the function that a hook's event is about; ok is false when there is none.
func functionRowOf(e *event.Event, l look) (r row, ok bool) {
	name := withoutArchitecture(functionName(e))
	var known functionRow
	if l == ownLook && name != "" {
		known, ok = ownRows[strings.TrimPrefix(name, "security_")]
	}
	if !ok && e.ProcessKprobe != nil {
		known, ok = tetragonRows[name]
	}
	if !ok && l == ownLook && e.ProcessLsm != nil {
		known, ok = tetragonRows["security_"+name]
	}
	if !ok {
		return row{}, false
	}
	r = row{emoji: known.emoji, ascii: known.ascii, word: known.word, tone: toneEvent, details: known.details}
	if r.details == nil {
		r.details = func(*event.Event) []piece { return nil }
	}
	if l == ownLook {
		r.moved = known.moved
	}
	if known.vary != nil {
		varied := r // the other rows stay off the heap
		known.vary(e, &varied)
		return varied, true
	}
	return r, true
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
	return []piece{{toneAlarm, fmt.Sprintf("%s (%d in total): %s", wording.Counted(e.Loss.Count, "event"), e.Loss.Total, LossText(e.Loss.Cause))}}
}

// throttleDetails are Tetragon's words, whose events it is about, and what it means.
func throttleDetails(e *event.Event) []piece {
	if e.ProcessThrottle.Type == event.ThrottleStop {
		text := e.ThrottledSource()
		if t := e.Throttled; t != nil {
			text += fmt.Sprintf(": %s left out (%d in total)", wording.Counted(t.Count, "event"), t.Total)
		}
		return []piece{{toneGood, "STOP "}, {tonePlain, text}}
	}
	return []piece{{toneBad, "START"}, {tonePlain, e.ThrottledSource() + ": makes events faster than the tracer can read them, some are left out"}}
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
