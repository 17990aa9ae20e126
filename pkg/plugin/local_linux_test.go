// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/sessionlog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/tetragonapi"
)

// These tests trace this machine's kernel and need root.

// local runs the plugin in local mode with JSON output and what the session says besides, as events.
func local(t *testing.T, args ...string) (code int, events []event.Event, stderr string) {
	t.Helper()
	code, out, errOut := runPlugin(t, built, append([]string{"exec", "--local", "-o", "json", "--session-log", "-"}, args...)...)
	return code, readEvents(t, out), errOut
}

// readEvents reads JSON output with a session log in it. The last line, which is the summary, is left
// out.
func readEvents(t *testing.T, out string) (events []event.Event) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if !strings.HasPrefix(lines[len(lines)-1], `{"type":"summary",`) {
		t.Fatalf("the last line is %q", lines[len(lines)-1])
	}
	for _, line := range lines[:len(lines)-1] {
		events = append(events, readEvent(t, line))
	}
	return events
}

// readEvent reads a line of JSON output: an event that Tetragon's tools read, or a record of the session log.
func readEvent(t *testing.T, line string) event.Event {
	t.Helper()
	e, own, err := sessionlog.ReadEvent([]byte(line))
	if !own && err == nil {
		err = tetragonapi.Check([]byte(strings.TrimSuffix(line, "\n")))
	}
	if err != nil {
		t.Fatalf("%v: %q", err, line)
	}
	return e
}

func TestLocalCommand(t *testing.T) {
	for _, test := range []struct {
		name, script string
		code         int
		execs        int
	}{
		{"status 0", "/bin/true", 0, 2},
		{"status 7", "/bin/true; /bin/true; exit 7", 7, 3},
		{"killed", "kill -9 $$", 128 + 9, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, events, errOut := local(t, "--strict", "--", "/bin/sh", "-c", test.script)
			if code != test.code {
				t.Errorf("exit code %d, want %d; stderr:\n%s", code, test.code, errOut)
			}
			execs := 0
			for _, e := range events {
				if e.ProcessExec != nil {
					execs++
				}
			}
			if execs != test.execs {
				t.Errorf("%d programs, want %d", execs, test.execs)
			}
			host, _ := os.Hostname()
			for _, e := range events {
				if e.NodeName != host {
					t.Errorf("node %q, want %q", e.NodeName, host)
				}
			}
			if last := events[len(events)-1]; last.Bye == nil || last.Bye.Reason != event.ByeFinished {
				t.Errorf("the last line is %+v", last)
			}
		})
	}
}

func TestLocalMaxEventsEndsTheCommand(t *testing.T) {
	code, events, errOut := local(t, "--max-events", "3", "--", "/bin/sh", "-c", "while /bin/true; do :; done")
	shown := 0
	for _, e := range events {
		if e.Process() != nil {
			shown++
		}
	}
	if code != exit.OK || shown != 3 {
		t.Errorf("exit code %d, %d events; stderr:\n%s", code, shown, errOut)
	}
}

func TestLocalRefusals(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"--pid 4194305", "there is no such process"},
		{"--cgroup /nonexistent", "no such file"},
		{"--cgroup " + filepath.Dir(os.Args[0]), "not in a cgroup file system"},
		{"-- no-such-program", "no-such-program"},
		{"-- /etc/passwd", "permission denied"},
	} {
		code, out, errOut := runPlugin(t, built, append([]string{"exec", "--local"}, strings.Split(test.args, " ")...)...)
		if code != exit.Error || out != "" || !strings.Contains(errOut, test.want) {
			t.Errorf("%s: exit code %d, stderr:\n%s", test.args, code, errOut)
		}
	}
}
