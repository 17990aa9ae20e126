// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
)

// These tests trace this machine's kernel and need root.

// family is a process tree: a parent that runs before tracing is not part of it.
const family = `sleep 0.01; sh -c 'sleep 0.02; (sleep 0.03; sleep 0.04) & exec sh -c "sleep 0.05; wait; true"; true'; sleep 0.06`

func TestLocalAncestor(t *testing.T) {
	for _, test := range []struct {
		pattern string
		want    string // which sleeps
	}{
		{`^/usr/bin/sleep 0\.02$`, "0.02"},
		{`/sh -c .sleep 0\.02`, "0.02 0.03 0.04 0.05"},
		{`/sh -c .sleep 0\.05`, "0.05"},
		{`/sh -c .sleep 0\.01`, "0.01 0.02 0.03 0.04 0.05 0.06"},
		{"nothing of that name", ""},
	} {
		_, events, errOut := local(t, "--strict", "--ancestor", test.pattern, "--", "/bin/sh", "-c", family)
		var got []string
		running := map[string]bool{}
		for _, e := range events {
			if x := e.ProcessExec; x != nil {
				running[x.Process.ExecID] = true
				if strings.HasSuffix(x.Process.Binary, "/sleep") {
					got = append(got, x.Process.Arguments)
				}
			}
			if x := e.ProcessExit; x != nil {
				delete(running, x.Process.ExecID)
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: sleeps %v, want %s; stderr:\n%s", test.pattern, got, test.want, errOut)
		}
		if len(running) > 1 { // the one that replaced its program
			t.Errorf("%s: the exits of %d are not shown", test.pattern, len(running))
		}
	}
}

// A process that ran before is followed as well as what it starts.
func TestLocalAncestorRanBefore(t *testing.T) {
	shell := exec.Command("/bin/sh", "-c", "while read line; do sh -c 'sleep 0.01; true'; done; : unmistakable")
	commands, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer func() { _ = commands.Close() }()
		for {
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
				_, _ = fmt.Fprintln(commands)
			}
		}
	}()
	_, events, errOut := local(t, "--ancestor", "unmistakable", "--event", "exec", "--max-events", "4", "--duration", "30s")
	close(done)
	if err := shell.Wait(); err != nil {
		t.Error(err)
	}
	ran := map[string]int{}
	for _, e := range events {
		if e.ProcessExec != nil {
			ran[e.ProcessExec.Process.Arguments]++
		}
	}
	if ran["0.01"] == 0 || ran[`-c "sleep 0.01; true"`] == 0 || len(ran) != 2 {
		t.Errorf("ran %v; stderr:\n%s", ran, errOut)
	}
}

// What is to be taken out is nowhere, in no format, and not in the trees at the end; what is around it is.
func TestLocalRedact(t *testing.T) {
	const secret = "geheim"
	script := "/bin/echo --password=" + secret + " >/dev/null; sh -c '/bin/true --password=" + secret + " user; true'; cat /nonexistent/password=" + secret + " 2>/dev/null; true"
	for _, format := range render.Formats() {
		if strings.HasSuffix(format, "=") {
			format += "{.process_exec.process.arguments}{.process_exec.parent.arguments}"
		}
		code, out, errOut := runPlugin(t, built, "exec", "--local", "-o", format, "--redact", `password=([^\s;"']+)`, "--", "/bin/sh", "-c", script)
		if code != 0 || strings.Contains(out, secret) || strings.Contains(errOut, secret) {
			t.Errorf("%s: exit code %d, or the secret is seen:\n%s\nstderr:\n%s", format, code, out, errOut)
		}
		if !strings.Contains(out, "password=*****") || !strings.Contains(out, "user") {
			t.Errorf("%s: what is around it is not there:\n%s", format, out)
		}
	}
}

// A filter has the same meaning on each output.
func TestLocalFiltersOnEachOutput(t *testing.T) {
	for _, format := range render.Formats() {
		if strings.HasSuffix(format, "=") {
			format += "{.process_exec.process.arguments}"
		}
		code, out, errOut := runPlugin(t, built, "exec", "--local", "-o", format, "--binary", "sleep", "--exclude", "args=^0.04$", "--event", "exec", "--",
			"/bin/sh", "-c", "sleep 0.01; sleep 0.02; true; /bin/true wanted; sleep 0.04")
		out, _, _ = strings.Cut(out, "── process trees") // where what leads to them is shown too
		if code != 0 || !strings.Contains(out, "0.01") || !strings.Contains(out, "0.02") || strings.Contains(out, "/true wanted\n") {
			t.Errorf("%s: exit code %d:\n%s\nstderr:\n%s", format, code, out, errOut)
		}
		for line := range strings.Lines(out) {
			if strings.Contains(line, "0.04") && !strings.Contains(line, "0.01; sleep") { // in the script it is
				t.Errorf("%s: shown: %s", format, line)
			}
		}
		if !strings.Contains(errOut, "2 events from 1 node") {
			t.Errorf("%s: stderr:\n%s", format, errOut)
		}
	}
}

// A tree does not say of a process whose end was filtered out that it runs.
func TestLocalTreeDoesNotGuess(t *testing.T) {
	_, out, _ := runPlugin(t, built, "exec", "--local", "--event", "exec", "--emoji", "never", "--", "/bin/sh", "-c", "sleep 0.01; true")
	if strings.Contains(out, "running") || !strings.Contains(out, "sleep 0.01") {
		t.Errorf("tree:\n%s", out)
	}
}

func TestLocalFields(t *testing.T) {
	code, out, errOut := runPlugin(t, built, "exec", "--local", "-o", "json", "--event", "exec", "--fields", "process.binary,process.arguments,-time,-node_name", "--", "/bin/sh", "-c", "/bin/sleep 0.01; true")
	var lines []string
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, `{"process_`) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	want := []string{
		`{"process_exec":{"process":{"binary":"/bin/sh","arguments":"-c \"/bin/sleep 0.01; true\""}}}`,
		`{"process_exec":{"process":{"binary":"/bin/sleep","arguments":"0.01"}}}`,
	}
	if code != 0 || !slices.Equal(lines, want) {
		t.Errorf("exit code %d, got\n%s\nwant\n%s\nstderr:\n%s", code, strings.Join(lines, "\n"), strings.Join(want, "\n"), errOut)
	}
}

// The user is that of the exec, whatever the process does later.
func TestLocalUser(t *testing.T) {
	const script = "setpriv --reuid 65534 /bin/sleep 0.01; true" // setpriv is root's, though it is not when it executes sleep
	for _, test := range []struct{ uid, want string }{{"65534", "1"}, {"0", "2"}, {"0,65534", "3"}, {"6553", "0"}} {
		_, out, errOut := runPlugin(t, built, "exec", "--local", "-o", "jsonpath={.process_exec.process.uid}", "--event", "exec", "--uid", test.uid, "--", "/bin/sh", "-c", script)
		if got := fmt.Sprint(len(strings.Fields(out))); got != test.want {
			t.Errorf("%s: %s events, want %s:\n%s\nstderr:\n%s", test.uid, got, test.want, out, errOut)
		}
	}
}

// An expression that fails is said once, and the trace goes on.
func TestLocalExpressionTrouble(t *testing.T) {
	code, out, errOut := runPlugin(t, built, "exec", "--local", "-o", "compact", "--cel", "process_exec.process.cap.permitted[0] == 'x'", "--cel", "process_exit.process.binary.endsWith('sleep')",
		"--", "/bin/sh", "-c", "sleep 0.01; sleep 0.02")
	if code != 0 || strings.Count(errOut, "no such key: cap") != 1 || strings.Count(out, "sleep") != 2 {
		t.Errorf("exit code %d:\n%s\nstderr:\n%s", code, out, errOut)
	}
}
