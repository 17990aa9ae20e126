// SPDX-License-Identifier: Apache-2.0

package session

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// What a node says is one message, however many lines it has.
func TestNoticesAreOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(tracer *fakeTracer) {
			tracer.write(tracer.encoder.Hello(event.Hello{Session: tracer.config.Session}))
			tracer.encode.Lock()
			defer tracer.encode.Unlock()
			tracer.write(tracer.encoder.Notice(event.Notice{Level: event.LevelWarning, Subject: "x\ny", Text: "a\nerror: forged"}))
			tracer.bye(event.Bye{Reason: event.ByeStopped})
		}, pod("a", "n1"))
		_, _ = h.run() // the tracer ended unasked: not what is tested
		if want := `node n1: x\ny: a\nerror: forged`; !slices.Contains(h.status.said, want) {
			t.Errorf("%q lacks %q", h.status.said, want)
		}
	})
}
