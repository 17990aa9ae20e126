// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
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
	if code != exit.Error || stdout != "" {
		t.Errorf("exit code %d, stdout:\n%s", code, stdout)
	}
}

func TestRunRefuses(t *testing.T) {
	one, two := writePolicy(t, "same", "  loader: true"), writePolicy(t, "same", "  loader: true")
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
		"an address":      {[]string{"-f", "https://example.org/p.yaml", "web"}, "addresses are not fetched"},
		"an empty folder": {[]string{"-f", t.TempDir(), "web"}, "a directory without a file"},
		"too large":       {[]string{"-f", large, "--server", "http://localhost:1"}, "a smaller policy"},
		"local target":    {[]string{"-f", one, "--local", "web"}, "--local -- web"},
		"no cluster":      {[]string{"-f", one, "web"}, "no cluster is configured"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := runPlugin(t, built, append([]string{"run"}, test.args...)...)
			if code != exit.Error || stdout != "" || !strings.Contains(stderr, test.want) {
				t.Errorf("exit code %d, want %q, stderr:\n%s", code, test.want, stderr)
			}
		})
	}
}
