// SPDX-License-Identifier: Apache-2.0

package render

import (
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// actionWord is KPROBE_ACTION_SIGKILL as SIGKILL.
func actionWord(action string) string { return strings.TrimPrefix(action, "KPROBE_ACTION_") }

// verdict is what was done about an event, and what would have been: the most that a line has to say.
func (p *styler) verdict(e *event.Event) (t text) {
	h := e.Hooked()
	if h == nil {
		return nil
	}
	for _, action := range Enforced(e) {
		t = append(t, piece{tonePlain, " "}, piece{toneAlarm, p.choose("⛔", "!!") + " " + p.clean(actionWord(action))})
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
