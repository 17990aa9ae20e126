// SPDX-License-Identifier: Apache-2.0

//go:build linux

package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const folder = "../../docs"

// TestTranscripts runs the transcripts of every page on this machine.
func TestTranscripts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("tracing needs root")
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "kubectl-trace_sec"), "../../cmd/kubectl-trace-sec")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	pages, err := filepath.Glob(filepath.Join(folder, "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages (%v)", err)
	}
	for _, name := range pages {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".md"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			p, err := parse(string(text))
			if err != nil {
				t.Fatal(err)
			}
			if len(p.steps) == 0 {
				t.Error("a page without a transcript")
			}
			p.run(t, bin)
		})
	}
}

// run runs the steps of a page, in a folder with its files.
func (p page) run(t *testing.T, bin string) {
	work := t.TempDir()
	for name, content := range p.files {
		if err := os.WriteFile(filepath.Join(work, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range p.steps {
		cmd := exec.Command("bash", "-c", s.command)
		cmd.Dir = work
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "NO_COLOR=1", "KUBECONFIG=/nonexistent")
		out, _ := cmd.CombinedOutput() // what a page shows may fail
		if !s.matches(string(out)) {
			t.Errorf("line %d: $ %s\n%s\nwant\n%s", s.line, s.command, out, s.want)
		}
	}
}

// TestEveryCommandHasAPage: what the program can do is in docs/.
func TestEveryCommandHasAPage(t *testing.T) {
	for _, name := range strings.Fields("exec run file net creds caps enforce hook policy") {
		if _, err := os.Stat(filepath.Join(folder, name+".md")); err != nil {
			t.Error(err)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		want, printed string
		matches       bool
	}{
		{"a\nb\n", "a\nb\n", true},
		{"a\nb\n", "a\nb\nc\n", false},
		{"a\n…\nc\n", "a\nb\nb\nc\n", true},
		{"a\n…\n", "a\n", true},
		{"a … c\n", "a b c\n", true},
		{"a … c\n", "a b\nx c\n", false},
		{"a.c\n", "abc\n", false},
	} {
		if got := (step{want: test.want}).matches(test.printed); got != test.matches {
			t.Errorf("%q and %q: %v", test.want, test.printed, got)
		}
	}
}
