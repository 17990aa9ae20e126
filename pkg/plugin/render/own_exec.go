// SPDX-License-Identifier: Apache-2.0

package render

import (
	"path"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// failedExec shows an exec that failed as what it is.
func failedExec(e *event.Event, r *row) {
	if _, failed := e.FailedExec(); !failed {
		r.moved = nil
		return
	}
	r.emoji, r.ascii, r.word, r.tone = "🚫", "x", "exec-failed", toneBad
}

// failedExecs counts execs together that fail alike for files of one name: a search in the directories of PATH.
func failedExecs(e *event.Event) transfer {
	failed, _ := e.FailedExec()
	t := transfer{failure: errorName(failed.Returned)}
	switch {
	case failed.Path != "":
		t.what, t.single = attributes(quote(path.Base(failed.Path))), attributes(quote(failed.Path))
	case argument(e, 0).IntArg != nil: // execveat of a descriptor
		t.what = attributes("descriptor " + numberOf(e, 0))
	default:
		t.what = attributes("?")
	}
	return t
}
