// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// policyHead begins policies of these tests.
const policyHead = "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: NAME}\nspec:\n"

// writePolicy writes a policy to a file and returns its name.
func writePolicy(t *testing.T, name, spec string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".yaml")
	text := strings.Replace(policyHead, "NAME", name, 1) + spec + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPolicyLint(t *testing.T) {
	files := writePolicy(t, "files", `  podSelector: {matchLabels: {app: web}}
  hostSelector: {}
  lsmhooks: [{hook: file_open, selectors: [{matchActions: [{action: Override, argError: -1}, {action: Sigkill}]}]}]
  tracepoints: [{subsystem: sched, event: sched_switch}]`)
	library := writePolicy(t, "library", "  loader: true")
	entries := writePolicy(t, "entries", `  loader: true
  kprobes: [{call: fd_install, syscall: false, selectors: [{matchWorkloads: {podSelector: {matchLabels: {app: db}}, hostSelector: {}}}, {matchWorkloads: {containerSelector: {matchLabels: {name: main}}}}]}]`)
	code, stdout, stderr := runPlugin(t, built, "policy", "lint", "-f", files, "--filename", library, "-f", entries)
	want := "TracingPolicy files: tracepoint sched/sched_switch, LSM hook file_open; enforces Override, Sigkill; pods app=web, the host\n" +
		"TracingPolicy library: loader; enforces nothing; pods and host\n" +
		"TracingPolicy entries: kprobe fd_install, loader; enforces nothing; pods and host; selectors for pods app=db, the host / containers name=main\n"
	if code != 0 || stdout != want || stderr != "" {
		t.Errorf("%d\n%s%s", code, stdout, stderr)
	}
}

func TestPolicyLintProblems(t *testing.T) {
	broken := writePolicy(t, "broken", "  loder: true\n  \"lo\\e[31mader\": true\n  kprobes: [{call: fd_install}]")
	good := writePolicy(t, "good", "  loader: true")
	missing := filepath.Join(t.TempDir(), "missing.yaml")
	code, stdout, stderr := runPlugin(t, built, "policy", "lint", "-f", broken, "-f", good, "-f", missing)
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if code != 1 || stderr != "" || len(lines) != 4 {
		t.Fatalf("%d\n%s%s", code, stdout, stderr)
	}
	for i, want := range []string{
		broken + ":5: spec.loder: unknown field; did you mean loader?",
		broken + ":6: spec.lo",
		broken + ":7: spec.kprobes[0].call: \"fd_install\" is not a system call",
		missing + ": no such file or directory",
	} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("%s\nwant %s", lines[i], want)
		}
	}
	if strings.Contains(stdout, "\x1b") {
		t.Errorf("a policy writes escapes to the terminal: %q", stdout)
	}
}

func TestPolicyLintStdin(t *testing.T) {
	policies := `{"apiVersion":"v1","kind":"List","items":[` +
		`{"apiVersion":"cilium.io/v1alpha1","kind":"TracingPolicyNamespaced","metadata":{"name":"a","namespace":"shop","uid":"1"},"spec":{"loader":true},"status":{}},` +
		`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"}}]}`
	var out, errOut bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(policies), Out: &out, ErrOut: &errOut}
	code := Main([]string{"policy", "lint", "-f", "-"}, streams, built)
	if code != 0 || out.String() != "TracingPolicyNamespaced a: loader; enforces nothing; all pods of namespace shop\n" {
		t.Errorf("%d\n%s%s", code, &out, &errOut)
	}
	if want := "<stdin>:1: items[1]: Pod b is no policy, skipped\n"; errOut.String() != want {
		t.Errorf("%s, want %s", &errOut, want)
	}
}

// TestPolicyLintTooManySelections: more than there are bits for is said of the policy that has one too many.
func TestPolicyLintTooManySelections(t *testing.T) {
	one := writePolicy(t, "one", "  loader: true\n  podSelector: {matchLabels: {app: web}}")
	var selectors []string
	for i := range policy.MaxSelections {
		selectors = append(selectors, fmt.Sprintf("{matchWorkloads: {podSelector: {matchLabels: {app: web-%d}}}}", i))
	}
	many := writePolicy(t, "many", "  kprobes: [{call: fd_install, syscall: false, selectors: ["+strings.Join(selectors, ", ")+"]}]")
	if code, stdout, _ := runPlugin(t, built, "policy", "lint", "-f", many); code != 0 {
		t.Errorf("%d: %d %s", policy.MaxSelections, code, stdout)
	}
	code, stdout, _ := runPlugin(t, built, "policy", "lint", "-f", one, "-f", many)
	if want := many + ":1: with this policy there are 64 different selections of workloads"; code != 1 || !strings.HasPrefix(stdout, want) {
		t.Errorf("one more: %d %s, want %s", code, stdout, want)
	}
}

func TestPolicyLintTwoOfOneName(t *testing.T) {
	one, two := writePolicy(t, "same", "  loader: true"), writePolicy(t, "same", "  loader: true")
	code, stdout, _ := runPlugin(t, built, "policy", "lint", "-f", one, "-f", two)
	if want := two + ":1: the policy at " + one + ":1 is called \"same\" too\n"; code != 1 || stdout != want {
		t.Errorf("%d %s, want %s", code, stdout, want)
	}
	if code, _, stderr := runPlugin(t, built, "policy", "lint"); code != 1 || !strings.Contains(stderr, "-f FILE is missing") {
		t.Errorf("without a file: %d %s", code, stderr)
	}
}
