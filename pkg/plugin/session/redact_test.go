// SPDX-License-Identifier: Apache-2.0

package session

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/filter"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// secretive tells the secret in everything that a tracer says.
func secretive(t *fakeTracer) {
	const secret = "--token geheim"
	t.write(t.encoder.Hello(event.Hello{
		Session: t.config.Session, Hooks: []event.Hook{{Name: "uprobe " + secret, Refused: "no file " + secret}},
	}))
	process := func(id string) *wire.Process {
		return &wire.Process{Process: event.Process{ExecID: id, Binary: "/bin/" + secret, Arguments: secret, Cwd: "/" + secret}}
	}
	t.encode.Lock()
	all := []*wire.Process{process("p"), process("parent"), process("ancestor")}
	of := wire.Event{ProcessID: "p", ParentID: "parent", AncestorIDs: []string{"ancestor"}}
	text := secret
	exec, hook := of, of
	exec.Event = event.Event{ProcessExec: &event.ProcessExec{}, Executable: "/" + secret}
	hook.Event = event.Event{ProcessKprobe: &event.ProcessKprobe{Hooked: event.Hooked{Message: secret, Args: []event.Argument{{StringArg: &text}}}}}
	t.write(t.encoder.Add(exec, all...))
	t.write(t.encoder.Add(hook, all...))
	t.write(t.encoder.Flush())
	t.write(t.encoder.Notice(event.Notice{Level: event.LevelWarning, Text: secret}))
	t.bye(event.Bye{Reason: event.ByeError, Error: secret})
	t.encode.Unlock()
}

// Nothing of what is to be taken out reaches a renderer, standard error or the summary.
func TestNobodySeesWhatIsRedacted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, secretive, pod("a", "n1"))
		f, err := filter.New(filter.Options{Redact: []string{`--token (\S+)`}})
		if err != nil {
			t.Fatal(err)
		}
		h.config.Redact, h.config.RedactText = f.Redaction(), f.RedactText
		result, err := h.run()
		if err == nil {
			t.Error("a tracer that failed is no error")
		}
		shown, e := json.Marshal(h.renderer.events)
		if e != nil {
			t.Fatal(e)
		}
		for what, text := range map[string]string{
			"events": string(shown), "status": fmt.Sprint(h.status.said, h.status.failed["n1"]), "result": fmt.Sprintf("%+v", result), "error": fmt.Sprint(err),
		} {
			if strings.Contains(text, "geheim") {
				t.Errorf("in %s: %s", what, text)
			}
		}
		// process, parent and ancestor of two events, cwd, binary and arguments each; the executable, the argument, the message; the
		// hello's hook, twice; notice, bye, and what is said of it
		if got := strings.Count(string(shown), "--token *****"); got != 2*3*3+3+2+3 {
			t.Errorf("%d texts were redacted:\n%s", got, shown)
		}
	})
}
