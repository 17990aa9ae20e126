// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/explain"
)

// These tests load policies into this machine's kernel and need root.

// readsBelow watches reads of files below a directory, and would kill the reader; a second hook is of no kernel.
func readsBelow(t *testing.T, directory string, withMissing bool) string {
	spec := `  podSelector: {matchLabels: {app: web}}
  kprobes:
  - call: security_file_permission
    syscall: false
    args: [{index: 0, type: file}, {index: 1, type: int}]
    selectors:
    - matchArgs:
      - {index: 0, operator: Prefix, values: ["` + directory + `/"]}
      - {index: 1, operator: Mask, values: ["4"]}
      matchActions: [{action: Sigkill}]`
	if withMissing {
		spec += "\n  - {call: no_kernel_has_this_function, syscall: false}"
	}
	return writePolicy(t, "reads", spec)
}

// twoFiles makes a file to be seen and a near miss: the directory of the second begins with the name of the first's.
func twoFiles(t *testing.T) (directory, seen, missed string) {
	root := t.TempDir()
	directory = filepath.Join(root, "in")
	seen, missed = filepath.Join(directory, "file"), filepath.Join(root, "inside", "file")
	for _, file := range []string{seen, missed} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("text"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return directory, seen, missed
}

func TestRunLocal(t *testing.T) {
	directory, seen, missed := twoFiles(t)
	for name, test := range map[string]struct {
		missing bool
		script  string
		strict  bool
		code    int
	}{
		"the command's exit code": {false, "exit 7", true, 7},
		"strict":                  {false, "exit 0", true, 0},
		"strict, a hook refused":  {true, "exit 0", true, exit.Incomplete},
		"a hook refused":          {true, "exit 0", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"run", "-f", readsBelow(t, directory, test.missing), "--local", "-o", "json"}
			if test.strict {
				args = append(args, "--strict")
			}
			script := "dd if=" + missed + " of=/dev/null bs=1 count=1 status=none; dd if=" + seen + " of=/dev/null bs=1 count=1 status=none; echo >>" + seen + "; " + test.script
			code, stdout, stderr := runPlugin(t, built, append(args, "--", "/bin/sh", "-c", script)...)
			if code != test.code {
				t.Errorf("exit code %d, want %d; stderr:\n%s", code, test.code, stderr)
			}
			var reads, execs int
			for line := range strings.Lines(stdout) {
				e := readEvent(t, line)
				if e.ProcessExec != nil {
					execs++
				}
				if k := e.ProcessKprobe; k != nil {
					reads++
					if file := k.Args[0].FileArg; file == nil || file.Path != seen || k.PolicyName != "reads" || len(k.Would) != 1 || k.Would[0] != event.ActionSigkill {
						t.Errorf("event %s", line)
					}
				}
			}
			if reads != 1 || execs != 3 {
				t.Errorf("%d reads, want 1; %d programs, want 3:\n%s", reads, execs, stdout)
			}
			for _, want := range []string{"observing: policy reads (Sigkill not carried out", "policy reads is about pods app=web: --local knows no pods", ": 1 hook attached: 1 by "} {
				if !strings.Contains(stderr, want) {
					t.Errorf("stderr lacks %q:\n%s", want, stderr)
				}
			}
			refused := strings.Count(stderr, "hook no_kernel_has_this_function of policy reads is not attached")
			if refused > 0 != test.missing || refused > 1 {
				t.Errorf("the refused hook is said %d times:\n%s", refused, stderr)
			}
		})
	}
}

func TestPolicyExplain(t *testing.T) {
	policy := readsBelow(t, t.TempDir(), true)
	for _, enforce := range []bool{false, true} {
		args := []string{"policy", "explain", "-f", policy, "-o", "json"}
		if enforce {
			args = append(args, "--enforce")
		}
		code, stdout, stderr := runPlugin(t, built, args...)
		var policies []explain.Policy
		if err := json.Unmarshal([]byte(stdout), &policies); err != nil || code != 0 || len(policies) != 1 || len(policies[0].Hooks) != 2 {
			t.Fatalf("exit code %d, %v, stdout:\n%s\nstderr:\n%s", code, err, stdout, stderr)
		}
		file, missing := policies[0].Hooks[0], policies[0].Hooks[1]
		if file.Taken == nil || file.Taken.Backend == "" || file.Taken.Programs == 0 || !file.Enforces || strings.Contains(file.Selectors[0], "armed only by enforce") == enforce {
			t.Errorf("enforce %t: %+v", enforce, file)
		}
		if missing.Taken != nil || len(missing.Ways) == 0 || !strings.Contains(missing.Ways[0].Refused, "no_kernel_has_this_function") {
			t.Errorf("a function that no kernel has: %+v", missing)
		}
	}
	code, stdout, stderr := runPlugin(t, built, "policy", "explain", "-f", policy)
	if code != 0 || !strings.Contains(stdout, "no_kernel_has_this_function: CANNOT BE SERVED HERE") || !strings.Contains(stdout, "accepted, taken") {
		t.Errorf("exit code %d, stdout:\n%s\nstderr:\n%s", code, stdout, stderr)
	}
}

// What was explained is what is done.
func TestExplainIsTrue(t *testing.T) {
	policy := readsBelow(t, t.TempDir(), true)
	_, explained, _ := runPlugin(t, built, "policy", "explain", "-f", policy, "-o", "json")
	var policies []explain.Policy
	if err := json.Unmarshal([]byte(explained), &policies); err != nil {
		t.Fatal(err)
	}
	_, out, stderr := runPlugin(t, built, "run", "-f", policy, "--local", "-o", "json", "--session-log", "-", "--", "/bin/true")
	e := readEvents(t, out)[0]
	if e.Hello == nil {
		t.Fatalf("the first line is %+v; stderr:\n%s", e, stderr)
	}
	var hooks []event.Hook
	for _, h := range e.Hello.Hooks {
		if h.Policy != "" {
			hooks = append(hooks, h)
		}
	}
	for i, h := range policies[0].Hooks {
		switch {
		case len(hooks) <= i:
			t.Fatalf("%d hooks in hello", len(hooks))
		case h.Taken == nil:
			if hooks[i].Refused == "" {
				t.Errorf("%s: explained as refused, served by %s", h.Name, hooks[i].Backend)
			}
		case h.Taken.Backend != hooks[i].Backend || h.Taken.Via != hooks[i].Via || h.Taken.Programs != hooks[i].Programs || hooks[i].Refused != "":
			t.Errorf("%s: explained %+v, served %+v", h.Name, *h.Taken, hooks[i])
		}
	}
}
