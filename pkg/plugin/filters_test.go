// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/filter"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
)

// twoPolicies is a file with policies called net and files.
func twoPolicies(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for _, name := range []string{"net", "files"} {
		text.WriteString("---\napiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: " + name + "}\nspec: {kprobes: [{call: tcp_connect, syscall: false}]}\n")
	}
	file := filepath.Join(t.TempDir(), "policies.yaml")
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFiltersRefusedBeforeAnythingStarts(t *testing.T) {
	policies := twoPolicies(t)
	for _, test := range []struct {
		args []string
		want string // in the error
	}{
		{[]string{"exec", "--binary", "bin/sh"}, `--binary "bin/sh": neither a path that begins with / nor a name`},
		{[]string{"exec", "--binary", ""}, `--binary "": want the path of a program`},
		{[]string{"exec", "--binary", "~("}, "missing closing )"},
		{[]string{"exec", "--parent-binary", "/x/"}, `--parent-binary "/x/"`},
		{[]string{"exec", "--args", "["}, `--args "["`},
		{[]string{"exec", "--uid", "root"}, `--uid "root": want a number`},
		{[]string{"exec", "--uid", "0,x"}, `--uid "x": want a number`},
		{[]string{"exec", "--uid="}, "--uid is empty"},
		{[]string{"exec", "--pid", "x"}, "want numbers"},
		{[]string{"exec", "--pid", "0"}, "--pid 0 is not a process"},
		{[]string{"exec", "--pid", "4294967296"}, "--pid 4294967296 is not a process"},
		{[]string{"exec", "--local", "--pid", "0"}, "--pid 0 is not a process"},
		{[]string{"exec", "--local", "--pid", "4294967297"}, "--pid 4294967297 is not a process"},
		{[]string{"exec", "--failed=false", "--policy", "x"}, "--policy: this command has no policies"},
		{[]string{"exec", "--policy", "x"}, `--policy "x": no such policy; want one of exec-failed`},
		{[]string{"run", "-f", policies, "--policy", "net,fils"}, `--policy "fils": no such policy; did you mean files?`},
		{[]string{"run", "-f", policies, "--policy="}, "--policy is empty"},
		{[]string{"exec", "--event", "exec,exitt"}, `--event "exitt": unknown type of event; did you mean exit?`},
		{[]string{"exec", "--event="}, "--event is empty"},
		{[]string{"exec", "--ancestor", "*"}, `--ancestor "*"`},
		{[]string{"exec", "--cel", "process_exec.process.pid"}, "is neither true nor false"},
		{[]string{"exec", "--cel", "process_exec.proces.pid == 1"}, "did you mean process?"},
		{[]string{"exec", "--cel", "1 +"}, "Syntax error"},
		{[]string{"exec", "--exclude", "curl"}, "want KEY=VALUE, with one of the keys binary, parent-binary"},
		{[]string{"exec", "--exclude", "bin=curl"}, `unknown key "bin"`},
		{[]string{"exec", "--exclude", "uid=x"}, `--exclude uid="x"`},
		{[]string{"exec", "--redact", "("}, `--redact "("`},
		{[]string{"exec", "--redact", "x*"}, "matches an empty text"},
		{[]string{"exec", "--fields", "process.pid"}, "--fields needs names of fields, and -o json, yaml or jsonpath"},
		{[]string{"exec", "-o", "wide", "--fields", "process.pid"}, "--fields needs"},
		{[]string{"exec", "-o", "json", "--fields="}, "--fields needs names of fields"},
		{[]string{"exec", "-o", "json", "--fields", "process.pidd"}, "did you mean pid?"},
		{[]string{"exec", "--binry", "x"}, "did you mean --binary?"},
		{[]string{"filters", "x"}, "unknown command"},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			code, out, errOut := runPlugin(t, built, test.args...)
			if code != exit.Error || !strings.Contains(errOut, test.want) || strings.Contains(errOut, "no cluster is configured") {
				t.Errorf("exit code %d, stderr lacks %q:\n%s", code, test.want, errOut)
			}
			if out != "" {
				t.Errorf("stdout is for events, got:\n%s", out)
			}
		})
	}
}

// What is right gets as far as the cluster.
func TestFiltersAccepted(t *testing.T) {
	for _, args := range [][]string{
		{"exec", "--binary", "sh", "--binary", "/bin/x", "--parent-binary", "~^/tmp", "--args", "a,b", "--uid", "0,1", "--pid", "7", "--event", "exec,exit"},
		{"exec", "--cel", "process_exec.process.pid == 1", "--ancestor", "x", "--exclude", "cel=process_exit.status == 0", "--redact", "x"},
		{"exec", "-o", "json", "--fields", "process.binary,-process.pod"},
		{"exec", "-o", "jsonpath={.process_exec.process.binary}", "--fields", "process.binary"},
		{"run", "-f", twoPolicies(t), "--policy", "net", "--policy", "files"},
	} {
		if _, _, errOut := runPlugin(t, built, args...); !strings.Contains(errOut, "no cluster is configured") {
			t.Errorf("%v: stderr:\n%s", args, errOut)
		}
	}
}

func TestAllFiltersThatAreWrongAreSaidAtOnce(t *testing.T) {
	_, _, errOut := runPlugin(t, built, "exec", "--uid", "x", "--cel", "1", "--redact", "(", "--fields", "nope", "--color", "red")
	for _, want := range []string{"--uid", "--cel", "--redact", `--fields "nope"`, "--fields needs", "--color"} {
		if !strings.Contains(errOut, want) {
			t.Errorf("stderr lacks %s:\n%s", want, errOut)
		}
	}
}

func TestFiltersHelp(t *testing.T) {
	code, out, errOut := runPlugin(t, built, "filters")
	if code != exit.OK || errOut != "" {
		t.Fatalf("exit code %d, stderr:\n%s", code, errOut)
	}
	if lines := strings.Count(out, "\n"); lines > 55 {
		t.Errorf("%d lines are more than one screen", lines)
	}
	for line := range strings.SplitSeq(out, "\n") {
		if len([]rune(line)) > help.Width {
			t.Errorf("line of %d characters: %s", len([]rune(line)), line)
		}
	}
	_, exec, _ := runPlugin(t, built, "exec", "--help")
	for _, key := range append(filter.Keys(), "exclude", "redact", "fields") {
		if !strings.Contains(out, "--"+key+" ") || !strings.Contains(exec, " --"+key) {
			t.Errorf("--%s is not explained, or not named by the command's help", key)
		}
	}
	if strings.Contains(exec, "KEY=VALUE") {
		t.Errorf("the command's help explains the filters:\n%s", exec)
	}
}

func TestFiltersCompletion(t *testing.T) {
	policies := twoPolicies(t)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"exec", "--event", ""}, "exec\nexit\nkprobe\n"},
		{[]string{"exec", "--event", "exec,"}, "exec,exec\nexec,exit\n"},
		{[]string{"exec", "--exclude", ""}, "binary=\nparent-binary=\nargs=\n"},
		{[]string{"exec", "--policy", ""}, "exec-failed\n:4"},
		{[]string{"run", "-f", policies, "--policy", ""}, "files\nnet\n:4"},
		{[]string{"run", "-f", "-", "--policy", ""}, ":4"},
		{[]string{"run", "--policy", ""}, ":4"},
	} {
		code, out, errOut := runPlugin(t, built, append([]string{"__complete"}, test.args...)...)
		if code != exit.OK || !strings.HasPrefix(out, test.want) || strings.Contains(errOut, "rror:") {
			t.Errorf("%v: exit code %d, got:\n%s\nstderr:\n%s", test.args, code, out, errOut)
		}
	}
}
