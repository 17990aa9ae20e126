// SPDX-License-Identifier: Apache-2.0

package render

import (
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// enforcing are the actions that stop a process or what it does.
var enforcing = map[string]bool{event.ActionSigkill: true, event.ActionSignal: true, event.ActionOverride: true, event.ActionNotifyEnforcer: true}

// actionWord is KPROBE_ACTION_SIGKILL as SIGKILL.
func actionWord(action string) string { return strings.TrimPrefix(action, "KPROBE_ACTION_") }

// verdict is what was done about an event, and what would have been: the most that a line has to say.
func (p *pen) verdict(e *event.Event) (t text) {
	h := e.Hooked()
	if h == nil {
		return nil
	}
	done := []string{h.Action}
	if k := e.ProcessKprobe; k != nil && k.ReturnAction != h.Action {
		done = append(done, k.ReturnAction)
	}
	for _, action := range done {
		if enforcing[action] {
			t = append(t, piece{toneBad, " " + p.choose("⛔", "!!") + " " + p.clean(actionWord(action))})
		}
	}
	if len(h.Would) > 0 {
		var words []string
		for _, action := range h.Would {
			words = append(words, p.clean(actionWord(action)))
		}
		t = append(t, piece{toneCaution, " " + p.choose("⚠", "!") + " would " + strings.Join(words, ", ")})
	}
	return t
}
