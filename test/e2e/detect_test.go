// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Rules of two languages say what they have to of a pod, in JSON beside the event, in the tree beside the process, and in Falco's own
// words; of a near miss they say nothing.
func TestDetect(t *testing.T) {
	s := newScene(t)
	s.pod("busy", nil, shell(s.nodes[0], "while sleep 0.2; do /bin/dd if=/dev/null of=/dev/null 2>/dev/null; /bin/cat /dev/null; done"))
	files := []string{"detect", "busy", "--rules", "testdata/detect/falco.yaml", "--rules", "testdata/detect/later.yaml", "--sigma", "testdata/detect/sigma.yml"}
	t.Run("json", func(t *testing.T) {
		s := s.in(t)
		r := s.start(files...)
		e := r.await("detection", func(e *event.Event) bool { return len(e.Detections) > 0 })
		got := r.end()
		var said []string
		for _, d := range e.Detections {
			said = append(said, string(d.Severity)+" "+d.Rule+": "+d.Output+d.Author)
		}
		// The second file gives the rule another priority.
		if want := []string{"low A copy: dd copies in busy", "high A Copy By Sigma: Somebody Who Is Named"}; !slices.Equal(said, want) || !execOf(e, "busy", "/bin/dd") {
			t.Errorf("said %q of %+v, want %q", said, e.Process(), want)
		}
		if cats := r.count(func(e *event.Event) bool { return execOf(e, "busy", "/bin/cat") }); cats > 0 {
			t.Errorf("%d events of which no rule says anything", cats)
		}
		for _, want := range []string{"3 rules: 1 armed, 1 degraded, 1 unsupported", "2 rules fired, 0 silent"} {
			if got.code != 0 || !strings.Contains(got.stderr, want) {
				t.Errorf("exit code %d, stderr lacks %q:\n%s", got.code, want, got.stderr)
			}
		}
	})
	for format, want := range map[string]string{
		"tree":       "🚨 HIGH A Copy By Sigma T1005 (by Somebody Who Is Named)",
		"falco":      ": Notice dd copies in busy container_id=",
		"falco-json": `"priority":"Notice","rule":"A copy","source":"syscall"`,
	} {
		t.Run(format, func(t *testing.T) {
			s := s.in(t)
			b := s.backgroundOf(s.command(append(files, "-o", format)...))
			s.eventually("a detection", func(context.Context) bool { return strings.Contains(b.out.String(), want) })
			_ = b.cmd.Process.Signal(syscall.SIGINT)
			if code := exitCode(b.cmd.Wait()); code != 0 {
				t.Errorf("exit code %d, stderr:\n%s", code, b.err.String())
			}
		})
	}
}
