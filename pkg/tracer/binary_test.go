// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// TestBinary: what is shown as the binary, and what was really loaded, for every way to name a program.
func TestBinary(t *testing.T) {
	scenario := scenarioProgram(t)
	folder := filepath.Dir(scenario)
	script := filepath.Join(folder, "script.sh")
	link := filepath.Join(folder, "link")
	must(t, os.WriteFile(script, []byte("#!"+scenario+" exit\n"), 0o755))
	must(t, os.Symlink("scenario", link))
	deep := filepath.Join(folder, strings.Repeat("d/", 60))
	must(t, os.MkdirAll(deep, 0o755))
	must(t, os.Link(scenario, filepath.Join(deep, "scenario")))

	here, err := os.Getwd()
	must(t, err)
	relative, err := filepath.Rel(resolved(t, here), link)
	must(t, err)

	for name, test := range map[string]struct {
		args             []string
		binary, loaded   string
		arguments, flags string
	}{
		"absolute":           {[]string{"exec", scenario, "exit", "0"}, scenario, "", "exit 0", ""},
		"not clean":          {[]string{"exec", folder + "/./scenario", "exit", "0"}, scenario, "", "exit 0", ""},
		"through a parent":   {[]string{"exec", folder + "/d/../scenario", "exit", "0"}, scenario, "", "exit 0", ""},
		"symbolic link":      {[]string{"exec", link, "exit", "0"}, link, scenario, "exit 0", ""},
		"relative link":      {[]string{"exec", relative, "exit", "0"}, link, scenario, "exit 0", ""},
		"60 components":      {[]string{"exec", filepath.Join(deep, "scenario"), "exit", "0"}, filepath.Join(deep, "scenario"), "", "exit 0", ""},
		"script":             {[]string{"exec", script}, script, scenario, "exit " + script, ""},
		"memfd":              {[]string{"memfd-exec", scenario, "exit", "0"}, "/memfd:hidden (deleted)", "", "exit 0", ""},
		"deleted":            {[]string{"unlink-exec", scenario, "exit", "0"}, "/tmp/trace-sec-unlinked (deleted)", "", "exit 0", ""},
		"8 KiB of arguments": {[]string{"exec", scenario, "exit", "0", strings.Repeat("x", 9000)}, scenario, "", "", "truncArgs"},
		"4 KiB of arguments": {[]string{"exec", scenario, "exit", "0", strings.Repeat("x", 4096)}, scenario, "", "exit 0 " + strings.Repeat("x", 4096), ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := traceCommand(t, scenario, test.args...)
			execs := r.execs()
			last := execs[len(execs)-1]
			p := last.Process()
			if p.Binary != test.binary || last.Executable != test.loaded {
				t.Errorf("binary %q, executable %q; want %q, %q", p.Binary, last.Executable, test.binary, test.loaded)
			}
			if test.arguments != "" && p.Arguments != test.arguments {
				t.Errorf("arguments %q (%d bytes), want %q", p.Arguments, len(p.Arguments), test.arguments)
			}
			if got := event.ParseFlags(p.Flags)&event.FlagTruncatedArguments != 0; got != (test.flags == "truncArgs") {
				t.Errorf("flags %q", p.Flags)
			}
			unlinked := strings.HasSuffix(test.binary, "(deleted)")
			if has := p.BinaryProperties != nil && p.BinaryProperties.File != nil && *p.BinaryProperties.File.Inode.Links == 0; has != unlinked {
				t.Errorf("binary_properties %+v, unlinked %v", p.BinaryProperties, unlinked)
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
