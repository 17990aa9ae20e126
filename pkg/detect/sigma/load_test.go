// SPDX-License-Identifier: Apache-2.0

package sigma_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
)

// write makes files below a directory.
func write(t *testing.T, directory string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// ruleText is a rule with the source and head that are given.
func ruleText(source, head string) string {
	return "title: t\n" + head + "logsource: " + source + "\ndetection: {a: {Image: x}, condition: a}\n"
}

const (
	forProcesses = "{product: linux, category: process_creation}"
	forAuditd    = "{product: linux, service: auditd}"
)

func TestDirectoryCountsByReason(t *testing.T) {
	directory := t.TempDir()
	files := map[string]string{
		"linux/a.yml":          ruleText(forProcesses, "id: a\nlevel: high\nstatus: test\n"),
		"linux/deep/er/b.yaml": ruleText("{category: process_creation}", "id: b\n"),
		"linux/again.yml":      ruleText(forProcesses, "id: a\n"),
		"linux/c.yml":          ruleText("{product: Linux, category: file_event}", "level: low\nstatus: stable\n"),
		"linux/low.yml":        ruleText(forProcesses, "level: informational\n"),
		"linux/new.yml":        ruleText(forProcesses, "status: experimental\n"),
		"linux/audit.yml":      ruleText(forAuditd, "id: d\n"),
		"linux/sshd.yml":       ruleText("{product: linux, service: sshd}", ""),
		"linux/broken.yml":     "title: [\n",
		"linux/large.yml":      strings.Repeat("# comment\n", 200_000),
		"linux/dns.yml":        ruleText("{product: linux, category: dns_query}", ""),
		"README.md":            "no rule",
		"kustomization.yaml":   "resources: []\n",
		"correlation.yml":      "title: t\ncorrelation: {type: event_count}\n",
	}
	for i := range 300 {
		files[fmt.Sprintf("windows/%d.yml", i)] = ruleText("{product: windows, category: process_creation}", "")
	}
	write(t, directory, files)
	if err := os.Symlink(directory, filepath.Join(directory, "linux", "loop")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a.yml", filepath.Join(directory, "linux", "z-the-same-file.yml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(directory, "lost.yml")); err != nil {
		t.Fatal(err)
	}
	loaded, err := sigma.Load(t.Context(), []string{directory, filepath.Join(directory, "linux", "a.yml")}, sigma.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[sigma.Reason]int{
		sigma.ReasonProduct: 300, sigma.ReasonDuplicate: 1, sigma.ReasonLevel: 1, sigma.ReasonStatus: 1, sigma.ReasonAuditd: 1,
		sigma.ReasonLogText: 1, sigma.ReasonSyntax: 1, sigma.ReasonTooLarge: 1, sigma.ReasonCategory: 1, sigma.ReasonNoRule: 1,
		sigma.ReasonCorrelation: 1, sigma.ReasonUnreadable: 1,
	}
	if got := loaded.Reasons(); !maps.Equal(got, want) {
		t.Errorf("reasons %v\nwant    %v", got, want)
	}
	if first := sigma.ReasonsInOrder(loaded.Reasons()); first[0] != sigma.ReasonProduct || len(first) != len(want) {
		t.Errorf("in order: %q", first)
	}
	names := loadedFiles(t, directory, loaded)
	if want := []string{"linux/a.yml", "linux/c.yml", "linux/deep/er/b.yaml"}; !reflect.DeepEqual(names, want) {
		t.Errorf("rules of %q, want %q", names, want)
	}
}

func loadedFiles(t *testing.T, directory string, loaded *sigma.Loaded) (names []string) {
	t.Helper()
	for _, rule := range loaded.Rules {
		name, err := filepath.Rel(directory, rule.File)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, filepath.ToSlash(name))
	}
	return names
}

func TestLevelsAndStatuses(t *testing.T) {
	directory := t.TempDir()
	for _, level := range sigma.Levels() {
		write(t, directory, map[string]string{string(level) + ".yml": ruleText(forProcesses, "level: "+string(level)+"\n")})
	}
	for _, status := range sigma.Statuses() {
		write(t, directory, map[string]string{string(status) + ".yml": ruleText(forProcesses, "status: "+string(status)+"\n")})
	}
	for _, tt := range []struct {
		options sigma.Options
		want    int
	}{
		{sigma.Options{}, 4 + 2},
		{sigma.Options{Level: "informational"}, 5 + 2},
		{sigma.Options{Level: "critical"}, 1 + 2},
		{sigma.Options{Status: "unsupported"}, 4 + 5},
		{sigma.Options{Status: "experimental"}, 4 + 3},
		{sigma.Options{Status: "stable", Level: "high"}, 2 + 1},
	} {
		loaded, err := sigma.Load(t.Context(), []string{directory}, tt.options)
		if err != nil {
			t.Fatal(err)
		}
		if len(loaded.Rules) != tt.want || len(loaded.Rules)+len(loaded.Refusals) != 10 {
			t.Errorf("%+v: %d rules and %d refusals, want %d of 10", tt.options, len(loaded.Rules), len(loaded.Refusals), tt.want)
		}
	}
}

func TestLoadFails(t *testing.T) {
	directory := t.TempDir()
	write(t, directory, map[string]string{"a.yml": ruleText(forProcesses, "")})
	deep := directory + strings.Repeat("/d", 40)
	write(t, deep, map[string]string{"b.yml": ruleText(forProcesses, "")})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name    string
		ctx     context.Context
		path    string
		options sigma.Options
		message string
	}{
		{"a name that is not there", t.Context(), filepath.Join(directory, "none"), sigma.Options{}, "no such file"},
		{"level", t.Context(), directory, sigma.Options{Level: "severe"}, `level "severe": want one of informational, low`},
		{"status", t.Context(), directory, sigma.Options{Status: "new"}, `status "new": want one of unsupported`},
		{"depth", t.Context(), directory, sigma.Options{}, "more than 32 deep"},
		{"context", cancelled, directory, sigma.Options{}, "canceled"},
	} {
		if _, err := sigma.Load(tt.ctx, []string{tt.path}, tt.options); err == nil || !strings.Contains(err.Error(), tt.message) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.message)
		}
	}
	if _, err := sigma.Load(cancelled, []string{filepath.Join(directory, "a.yml")}, sigma.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a file after the end: %v", err)
	}
}
