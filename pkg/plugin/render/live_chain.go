// SPDX-License-Identifier: Apache-2.0

package render

import (
	"path"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// joinProgram puts a program that replaces the one on the open line on that line, when its arguments stand there already:
//
//	🚀 /usr/bin/env bash ./x.sh  🔁 /usr/bin/bash
//
// It is false when there is no room for that, or something has to be said of it.
func (t *tree) joinProgram(n *treeProcess, before command, e *event.Event) bool {
	p := e.ProcessExec.Process
	if t.o.Every || !t.joins(n) || !before.starts(p) || t.search != nil && t.search.name != path.Base(p.Binary) {
		return false
	}
	tail := append(text{{toneEvent, "  " + t.replaced + " "}}, t.program(p.Binary)...)
	if t.search != nil {
		tail = append(tail, piece{toneQuiet, " (" + t.search.tried(t.styler) + ")"})
	}
	tail = append(tail, t.marks(e)...)
	width := t.open.width + tail.width()
	if t.Columns > 0 && width > t.Columns {
		return false
	}
	t.search = nil
	t.open.width = width
	if t.open.held != "" {
		t.open.held += t.paintText(tail)
		t.open.since = t.o.clock()() // its end may follow as that of the first program would
	} else {
		t.buf.WriteString(t.paintText(tail))
	}
	return true
}

// search is execs of one name that failed since there was no such file: what env does in the directories of PATH.
type search struct {
	row     row
	item    pipeline.Item
	several *repeated
	name    string
}

// holdSearch holds a search back when the process's own line is open, until it is known what comes next: the same call of the stage
// before brings it, or Flush.
func (t *tree) holdSearch(r row, it *pipeline.Item, several *repeated) bool {
	failed, ok := it.Event.FailedExec()
	if !ok || t.o.Every || len(it.Event.Detections) > 0 || failed.Path == "" || errorName(failed.Returned) != "ENOENT" || !t.joins(t.forest.drawn[it.Process.Process]) {
		return false
	}
	t.search = &search{r, *it, several, path.Base(failed.Path)}
	return true
}

// endSearch shows a search that was held back.
func (t *tree) endSearch() {
	if s := t.search; s != nil {
		t.search = nil
		t.drawAction(s.row, &s.item, s.several)
	}
}

// tried is how often the file was not found before.
func (s *search) tried(p *styler) string {
	if s.several == nil {
		return "ENOENT before"
	}
	return s.several.times(p) + " ENOENT before"
}
