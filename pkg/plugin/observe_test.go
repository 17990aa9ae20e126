// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestRunShowsEveryProblemFirst(t *testing.T) {
	broken := writePolicy(t, "broken", "  loder: true\n  kprobes: [{call: fd_install}]")
	worse := writePolicy(t, "worse", "  hostSelector: {matchLabels: {a: b}}\n  loader: true")
	code, stdout, stderr := runPlugin(t, built, "run", "-f", broken, "-f", worse, "-f", filepath.Join(t.TempDir(), "missing"), "--color", "red")
	for _, want := range []string{"--color", broken + ":5: spec.loder", broken + ":6: spec.kprobes[0].call", worse + ":5: spec.hostSelector", "missing: no such file"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr lacks %q:\n%s", want, stderr)
		}
	}
	if code != exitError || stdout != "" {
		t.Errorf("exit code %d, stdout:\n%s", code, stdout)
	}
}

func TestRunRefuses(t *testing.T) {
	one, two := writePolicy(t, "same", "  loader: true"), writePolicy(t, "same", "  loader: true")
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = os.WriteFile(pipe, text, 0) }()
	var names strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&names, "/path/%d, ", i)
	}
	large := writePolicy(t, "large", "  kprobes: [{call: security_file_open, syscall: false, args: [{index: 0, type: file}], "+
		"selectors: [{matchArgs: [{index: 0, operator: Equal, values: ["+strings.TrimSuffix(names.String(), ", ")+"]}]}]}]")
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"two of one name": {[]string{"-f", one, "-f", two}, "is called \"same\" too"},
		"one file twice":  {[]string{"-f", one, "-f", one}, "is called \"same\" too"},
		"a pipe":          {[]string{"-f", pipe, "--local", "--", "true"}, "pipe it into -f -"},
		"too large":       {[]string{"-f", large, "--server", "http://localhost:1"}, "a smaller policy"},
		"local target":    {[]string{"-f", one, "--local", "web"}, "--local -- web"},
		"no cluster":      {[]string{"-f", one, "web"}, "no cluster is configured"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := runPlugin(t, built, append([]string{"run"}, test.args...)...)
			if code != exitError || stdout != "" || !strings.Contains(stderr, test.want) {
				t.Errorf("exit code %d, want %q, stderr:\n%s", code, test.want, stderr)
			}
		})
	}
}

func TestPolicyFiles(t *testing.T) {
	file := writePolicy(t, "file", "  podSelector: {}\n  hostSelector: {}\n  kprobes: [{call: security_file_open, syscall: false, selectors: [{matchActions: [{action: Sigkill}]}]}]\n  loader: true")
	typed := "# a comment\n" + strings.Replace(policyHead, "NAME", "typed", 1) + "  tracepoints: [{subsystem: sched, event: sched_switch}]\n"
	files := policyFiles{names: []string{file, "-"}}
	f, err := files.load(strings.NewReader(typed), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.sources) != 2 || f.sources[0].Name != file || f.sources[0].Text != string(text) || f.sources[1].Name != "<stdin>" || f.sources[1].Text != typed {
		t.Errorf("sources %+v", f.sources)
	}
	for i, p := range f.policies {
		if p.File != f.sources[i].Name {
			t.Errorf("policy %s is of %s", p.Name, p.File)
		}
	}
	if hooks := f.hooks(); len(hooks) != 3 {
		t.Errorf("%d hooks, want 3", len(hooks))
	}
	if want := "observing: policy file, typed (Sigkill not carried out: events say where it would have been)"; f.about() != want {
		t.Errorf("%s, want %s", f.about(), want)
	}
	onCluster := []string{"policy file has a hostSelector: only pods are traced, processes outside of them are not"}
	if got := f.notOnCluster(); !slices.Equal(got, onCluster) {
		t.Errorf("%q, want %q", got, onCluster)
	}
	want := []string{"policy file is about all pods, the host: --local knows no pods, so it applies to everything that is traced"}
	if got := f.notLocal(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
