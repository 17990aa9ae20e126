// SPDX-License-Identifier: Apache-2.0

//go:build linux

package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const folder = "../../docs"

// withoutCommand are the pages that are about no command: how the code is built, and what old kernels lack.
var withoutCommand = []string{"architecture.md", "old-kernels.md", "scale.md"}

// TestTranscripts runs the transcripts of every page on this machine.
func TestTranscripts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("tracing needs root")
	}
	bin := plugin(t)
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
			if len(p.steps) == 0 && !slices.Contains(withoutCommand, filepath.Base(name)) {
				t.Error("a page without a transcript")
			}
			p.run(t, bin)
		})
	}
}

// plugin builds the plugin as releases are, and returns its folder.
func plugin(t *testing.T) (bin string) {
	t.Helper()
	bin = t.TempDir()
	build := exec.Command("go", "build", "-ldflags", "-X main.image=localhost/tracer@sha256:"+strings.Repeat("0", 64),
		"-o", filepath.Join(bin, "kubectl-trace_sec"), "../../cmd/kubectl-trace-sec")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
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
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatalf("line %d: $ %s: %v", s.line, s.command, err)
		}
		if code := cmd.ProcessState.ExitCode(); code != s.code {
			t.Errorf("line %d: $ %s\nends with %d, want %d\n%s", s.line, s.command, code, s.code, out)
		}
		if !s.matches(string(out)) {
			t.Errorf("line %d: $ %s\n%s\nwant\n%s", s.line, s.command, out, s.want)
		}
	}
}

// withoutPage are commands of which their help says everything, and why.
var withoutPage = map[string]string{
	"attach":     "is on the page of sessions",
	"stop":       "is on the page of sessions",
	"cleanup":    "has a cluster as its only subject; README",
	"completion": "is of the library for commands",
	"filters":    "prints what would be on its page",
	"verify":     "has nothing that docs/record.md and docs/replay.md do not say",
	"tracers":    "prints what would be on its page",
	"options":    "prints what would be on its page",
	"version":    "has no flags",
}

// listed is a command in the help of the plugin.
var listed = regexp.MustCompile(`(?m)^  ([a-z]+) +[A-Z]`)

// TestEveryCommandHasAPage: what the program can do, by its own help, is in docs/.
func TestEveryCommandHasAPage(t *testing.T) {
	help, err := exec.Command(filepath.Join(plugin(t), "kubectl-trace_sec"), "help").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, help)
	}
	_, commands, found := strings.Cut(string(help), "\nCommands:\n")
	if !found {
		t.Fatalf("no commands in\n%s", help)
	}
	var want []string
	for _, match := range listed.FindAllStringSubmatch(commands, -1) {
		if withoutPage[match[1]] == "" {
			want = append(want, match[1]+".md")
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range want {
		if !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == command }) {
			t.Errorf("there is no docs/%s", command)
		}
	}
	if len(want) < 2 {
		t.Errorf("the help lists %q", want)
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

func TestTranscriptsHaveExitCodes(t *testing.T) {
	p, err := parse("```console\n$ sudo false; true # exit code 0\nerror: x\n$ false # exit code 3\n$ true\n```\n")
	if err != nil || len(p.steps) != 3 {
		t.Fatalf("%+v, %v", p.steps, err)
	}
	for i, code := range []int{0, 3, 0} {
		if p.steps[i].code != code {
			t.Errorf("%+v, want exit code %d", p.steps[i], code)
		}
	}
	if _, err := parse("```console\n$ false # exit code x\n```\n"); err == nil {
		t.Error("an exit code that is none is taken")
	}
}
