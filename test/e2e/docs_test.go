// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what commands of docs/ print into the transcripts there that differ")

// transcript is a block of a page: commands after "$ ", each followed by what it prints on standard output. In a line "…" stands
// for anything. Times that something took are not compared. The machine is called machine there, the directory home, and the
// plugin's file installed. In the directory is a policy.yaml: the page's last block of YAML before the transcript.
type transcript []*step

type step struct {
	command string
	output  []string
}

// pages are the transcripts of a page with the text between them: text, transcript, text, …, text.
type page struct {
	text        []string
	transcripts []transcript
}

const (
	transcriptBegins = "```console\n"
	transcriptEnds   = "```\n"
	home             = "/home/me"
	installed        = "/usr/local/bin/kubectl-trace_sec"
)

var yamlBlock = regexp.MustCompile("(?s).*```yaml\n(.*?)```\n")

func readPage(t *testing.T, name string) (p page) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	rest := string(content)
	for {
		text, after, found := strings.Cut(rest, transcriptBegins)
		p.text = append(p.text, text)
		if !found {
			return p
		}
		block, after, found := strings.Cut(after, transcriptEnds)
		if !found {
			t.Fatalf("%s: a transcript does not end", name)
		}
		p.transcripts = append(p.transcripts, parseTranscript(t, block))
		rest = after
	}
}

func parseTranscript(t *testing.T, block string) (steps transcript) {
	t.Helper()
	for line := range strings.Lines(block) {
		line = strings.TrimSuffix(line, "\n")
		switch command, ok := strings.CutPrefix(line, "$ "); {
		case ok:
			steps = append(steps, &step{command: command})
		case len(steps) == 0:
			t.Fatalf("a transcript begins with %q, not with a command", line)
		default:
			last := steps[len(steps)-1]
			last.output = append(last.output, line)
		}
	}
	return steps
}

func (p *page) String() string {
	var b strings.Builder
	for i, text := range p.text {
		b.WriteString(text)
		if i == len(p.transcripts) {
			break
		}
		b.WriteString(transcriptBegins)
		for _, s := range p.transcripts[i] {
			b.WriteString("$ " + s.command + "\n")
			for _, line := range s.output {
				b.WriteString(line + "\n")
			}
		}
		b.WriteString(transcriptEnds)
	}
	return b.String()
}

var took = regexp.MustCompile(`\b[0-9.]+(µs|ms|s|m[0-9]+s)\b`)

// matches says whether what was printed is what a page shows.
func (s *step) matches(printed []string) bool {
	if len(printed) != len(s.output) {
		return false
	}
	for i, line := range s.output {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(took.ReplaceAllString(line, "TIME")), "…", ".*")
		if !regexp.MustCompile("^" + pattern + "$").MatchString(took.ReplaceAllString(printed[i], "TIME")) {
			return false
		}
	}
	return true
}

// run runs the command as somebody with the plugin on the PATH would who is root already.
func (s *step) run(t *testing.T, programs, dir string) (printed []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", s.command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+programs+":/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "KUBECONFIG=/nonexistent")
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("%s: %v; stderr:\n%s", s.command, ctx.Err(), errOut.String())
	}
	if out.Len() == 0 && len(s.output) > 0 {
		t.Errorf("%s prints nothing (%v); stderr:\n%s", s.command, err, errOut.String())
	}
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	machine := regexp.MustCompile(`(^|[ @])` + regexp.QuoteMeta(name) + `($|[ :])`)
	for line := range strings.Lines(out.String()) {
		line = machine.ReplaceAllString(strings.TrimRight(line, " \n"), "${1}machine${2}")
		printed = append(printed, strings.NewReplacer(dir, home, plugin, installed).Replace(line))
	}
	return printed
}

// TestDocs: what the pages of docs/ show is what their commands print. With -update the pages are made so.
func TestDocs(t *testing.T) {
	names, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(names) == 0 {
		t.Fatalf("no pages in docs/: %v", err)
	}
	programs := t.TempDir()
	if err := os.Symlink(plugin, filepath.Join(programs, "kubectl-trace_sec")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(programs, "sudo"), []byte("#!/bin/sh\nexec \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".md"), func(t *testing.T) {
			p := readPage(t, name)
			dir, changed := t.TempDir(), false
			for i, one := range p.transcripts {
				if block := yamlBlock.FindStringSubmatch(p.text[i]); block != nil {
					text := strings.ReplaceAll(block[1], home, dir)
					if err := os.WriteFile(filepath.Join(dir, "policy.yaml"), []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				for _, s := range one {
					printed := s.run(t, programs, dir)
					if s.matches(printed) {
						continue
					}
					if !*update {
						t.Errorf("$ %s\n%s\nwant:\n%s", s.command, strings.Join(printed, "\n"), strings.Join(s.output, "\n"))
					}
					s.output, changed = printed, true
				}
			}
			if *update && changed {
				if err := os.WriteFile(name, []byte(p.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
