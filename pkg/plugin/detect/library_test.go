// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/library"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
)

// built is the library, with some of its rules.
func built(t *testing.T, only ...string) *Rules {
	t.Helper()
	r, err := Load(t.Context(), Options{Library: true, Only: only})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A rule is chosen by its ID, a tag, a technique and its severity; what only others need is not hooked.
func TestLibraryIsChosen(t *testing.T) {
	for _, test := range []struct {
		word     string
		has, not string
	}{{"R01", "R01", "R02"}, {"r01", "R01", "R02"}, {"fileless", "E01", "E02"}, {"T1003", "R01", "R04"}, {"critical", "E06", "R01"}, {"high+", "E02", "E05"}} {
		var ids []string
		for _, rule := range built(t, test.word).All {
			ids = append(ids, rule.ID)
		}
		if !slices.Contains(ids, test.has) || slices.Contains(ids, test.not) {
			t.Errorf("--only %s: %v", test.word, ids)
		}
	}
	if policies := built(t, "E01").Policies(); len(policies) != 0 {
		t.Errorf("a rule about programs alone has hooks: %+v", policies)
	}
	policies := built(t, "N08").Policies()
	if len(policies) != 1 || policies[0].Name != library.PolicyPrefix+"network" || len(policies[0].Kprobes) != 1 || policies[0].Kprobes[0].Call != "security_socket_listen" {
		t.Errorf("%+v", policies)
	}
	if _, err := Load(t.Context(), Options{Library: true, Only: []string{"R0l"}}); err == nil || !strings.Contains(err.Error(), "did you mean R01?") {
		t.Errorf("error %v", err)
	}
}

// A file in the library's format is told from one of Falco's by its content, and replaces a rule of the same ID.
func TestFilesOfBothFormats(t *testing.T) {
	own := filepath.Join(t.TempDir(), "own.yaml")
	text := "id: R01\ntitle: mine\ndescription: d\nseverity: critical\ntechniques: [T1059]\nfalse_positives: [f]\nnext_steps: [n]\nobserve: [exec]\noutput: o\ntests: {positive: [{run: a}], near_miss: [{run: b}]}\n"
	if err := os.WriteFile(own, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Load(t.Context(), Options{Files: []string{Builtin, own, "testdata/falco.yaml"}})
	if err != nil {
		t.Fatal(err)
	}
	counts, mine := map[string]int{}, 0
	for _, rule := range r.All {
		counts[rule.Language]++
		if rule.ID == "R01" && rule.Name == "mine" && rule.Severity == event.SeverityCritical {
			mine++
		}
	}
	if want := len(built(t).All); counts[libraryLanguage] != want || counts[falcoLanguage] == 0 || mine != 1 {
		t.Errorf("%v, mine %d; want %d of the library", counts, mine, want)
	}
	if err := os.WriteFile(own, []byte("id: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(t.Context(), Options{Files: []string{own}, Strict: true}); err == nil || !strings.Contains(err.Error(), "own.yaml:1:1: a rule lacks") {
		t.Errorf("error %v", err)
	}
}

// happened takes an event through a table of processes and the stage.
func happened(table *processes.Table, stage *Stage, e *event.Event) []event.Detection {
	it := pipeline.NewItem(e)
	it.Process = table.Observe(e)
	stage.Pass(it)
	return it.Event.Detections
}

// Descendants are known with the files that their ancestors loaded, which only those's own events have said.
func TestAncestorsKeepWhatTheyLoaded(t *testing.T) {
	table := processes.NewTable("n", processes.NewBudget(1<<20))
	stage := built(t, "E04").Stage(nil, false)
	record := func(id, parent, binary string, pid uint32) *event.Process {
		return &event.Process{ExecID: id, ParentExecID: parent, Binary: binary, Pid: &pid}
	}
	server, other := record("1", "0", "/srv/link", 1), record("2", "1", "/bin/other", 2)
	happened(table, stage, &event.Event{ProcessExec: &event.ProcessExec{Process: server}, Executable: "/usr/sbin/nginx"})
	happened(table, stage, &event.Event{ProcessExec: &event.ProcessExec{Process: other, Parent: server}})
	found := happened(table, stage, &event.Event{ProcessExec: &event.ProcessExec{Process: record("3", "2", "/bin/sh", 3), Parent: other}})
	if len(found) != 1 || found[0].ID != "E04" {
		t.Errorf("%+v", found)
	}
	lone := record("9", "8", "/srv/link", 9)
	happened(table, stage, &event.Event{ProcessExec: &event.ProcessExec{Process: lone}})
	if found := happened(table, stage, &event.Event{ProcessExec: &event.ProcessExec{Process: record("10", "9", "/bin/sh", 10), Parent: lone}}); len(found) != 0 {
		t.Errorf("%+v", found)
	}
}

// For each node it is said how many rules are armed, and which cannot fire and why.
func TestOnNodes(t *testing.T) {
	r := built(t, "N08", "W18", "E01")
	hello := func(refused string, notes ...string) *event.Hello {
		return &event.Hello{Hooks: []event.Hook{
			{Policy: "library-network", Name: "security_socket_listen", Refused: refused},
			{Policy: "library-files", Name: "security_path_mknod", Notes: notes},
		}}
	}
	got := r.OnNodes(map[string]*event.Hello{"a": hello(""), "b": hello(""), "c": hello("no such function", "half of it")}, false)
	want := []string{
		"a, b: 3 rules: 3 armed", "c: 3 rules: 1 armed, 1 degraded, 1 unsupported", "c: N08 cannot fire: security_socket_listen: no such function",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if whole := r.OnNodes(map[string]*event.Hello{"c": hello("", "half of it")}, true); !slices.Contains(whole, "c: degraded W18, security_path_mknod: half of it") {
		t.Errorf("%q", whole)
	}
	if lines := rules(t).OnNodes(map[string]*event.Hello{"a": hello("")}, true); len(lines) != 0 {
		t.Errorf("said of other languages: %q", lines)
	}
}
