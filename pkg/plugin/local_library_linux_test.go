// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/library"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
	builtin "github.com/kubectl-trace-sec/kubectl-trace-sec/rules"
)

// This test traces this machine's kernel and needs root. What is done is in directories of its own, or in namespaces of its own.

// probe is one act of a rule.
type probe struct {
	rule *library.Rule
	test library.Test
	kind string
	// times that the rule fires.
	times int
}

// probes are those of all rules that this kernel can show, or of the one that $RULE names.
func probes(t *testing.T) (all []probe) {
	t.Helper()
	rules, err := library.ReadAll(builtin.Files)
	if err != nil {
		t.Fatal(err)
	}
	only := os.Getenv("RULE")
	for _, r := range rules {
		if r.Tier != library.TierTracepoint || only != "" && only != r.ID {
			continue
		}
		for _, test := range r.Tests.Positive {
			all = append(all, probe{r, test, "positive", test.Times})
		}
		for _, test := range r.Tests.NearMiss {
			all = append(all, probe{r, test, "near miss", 0})
		}
	}
	return all
}

// everyProgram is a rule that tells of each program that runs, from which the tree of a probe is known.
const everyProgram = `
id: every
title: every program
description: d
severity: informational
techniques: [T1059]
false_positives: [a]
next_steps: [a]
observe: [exec]
output: ran
tests: {positive: [{run: a}], near_miss: [{run: a}]}
`

// named are programs of a name of the probe's: $B/NAME is a copy of bash, $T/NAME one of true, $P/NAME one of Python.
var named = regexp.MustCompile(`\$([BTP])/([A-Za-z0-9_.-]+)`)

// Each rule of the library fires at its own acts and not at those that are close to them, all in one session; and at no act another rule
// fires that the act does not name.
func TestDetectLocalLibrary(t *testing.T) {
	all := probes(t)
	folder, err := os.MkdirTemp("/var/lib", "trace-sec-probes") //nolint:usetesting // t.TempDir is in /tmp, where rules are about every program
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil { // acts of other users
		t.Fatal(err)
	}
	script := writeProbes(t, folder, all)
	own := filepath.Join(folder, "every.yaml")
	writeFile(t, own, everyProgram)
	code, stdout, stderr := runPlugin(t, built, "detect", "--rules", "builtin", "--rules", own, "--local", "--strict", "-o", "json", "--", "bash", script)
	if code != exit.OK {
		t.Fatalf("exit code %d, stderr:\n%s", code, stderr)
	}
	if strings.Contains(stderr, "could not be evaluated") {
		t.Errorf("%s", stderr)
	}
	fired := firedByProbe(t, stdout)
	for i, p := range all {
		t.Run(fmt.Sprintf("%s %s %d", p.rule.ID, p.kind, i), func(t *testing.T) {
			got := fired[i]
			want := map[string]bool{}
			for _, id := range p.test.Also {
				want[id] = true
			}
			if p.times > 0 {
				want[p.rule.ID] = true
			}
			ids, wanted := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))
			if !slices.Equal(ids, wanted) || got[p.rule.ID] != p.times {
				t.Errorf("%s:%d: fired %v, want %v, %d times itself\n%s", p.rule.File, p.test.Line, got, wanted, p.times, p.test.Run)
			}
		})
	}
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeProbes writes a script for each probe, and one that runs all of them.
func writeProbes(t *testing.T, folder string, all []probe) (script string) {
	t.Helper()
	python, err := exec.Command("python3", "-c", "import os, sys; print(os.path.realpath(sys.executable))").Output()
	if err != nil {
		t.Fatalf("the acts need Python: %v", err)
	}
	py := strings.TrimSpace(string(python))
	main := fmt.Sprintf("export PY=%s B=%[2]s/bash T=%[2]s/true P=%[2]s/python D; cd %[2]s\n", py, folder)
	copies := map[string]string{"B": "/bin/bash", "T": "/bin/true", "P": py}
	names := map[string]string{"B": "bash", "T": "true", "P": "python"}
	for i, p := range all {
		name := filepath.Join(folder, fmt.Sprintf("probe-%d.sh", i))
		writeFile(t, name, p.test.Run)
		main += fmt.Sprintf("D=%s/d%d; mkdir $D; timeout 30 bash %s > $D.out 2>&1\n", folder, i, name)
		for _, found := range named.FindAllStringSubmatch(p.test.Run, -1) {
			copyProgram(t, copies[found[1]], filepath.Join(folder, names[found[1]], found[2]))
		}
	}
	script = filepath.Join(folder, "all.sh")
	writeFile(t, script, main+"exit 0\n")
	return script
}

func copyProgram(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, text, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// firedByProbe is which rules fired how often at each probe.
func firedByProbe(t *testing.T, stdout string) map[int]map[string]int {
	t.Helper()
	parents, number := map[string]string{}, map[string]int{}
	var events []event.Event
	for line := range strings.Lines(stdout) {
		e := readEvent(t, line)
		p := e.Process()
		if p == nil {
			continue
		}
		events = append(events, e)
		parents[p.ExecID] = p.ParentExecID
		if parent := e.Parent(); parent != nil {
			parents[parent.ExecID] = parent.ParentExecID
		}
		var n int
		if _, script, found := strings.Cut(p.Arguments, "/probe-"); found && e.ProcessExec != nil {
			if _, err := fmt.Sscanf(script, "%d.sh", &n); err == nil {
				number[p.ExecID] = n
			}
		}
	}
	fired := map[int]map[string]int{}
	for i := range events {
		id, steps := events[i].Process().ExecID, 0
		for ; id != "" && steps < 100; steps++ {
			if _, is := number[id]; is {
				break
			}
			id = parents[id]
		}
		for _, d := range events[i].Detections {
			if d.ID == "every" {
				continue
			}
			n, known := number[id]
			if !known {
				t.Errorf("%s fired outside of the acts, at %s %s", d.ID, events[i].Process().Binary, events[i].Process().Arguments)
				continue
			}
			if fired[n] == nil {
				fired[n] = map[string]int{}
			}
			fired[n][d.ID]++
		}
	}
	return fired
}

// ownRules are about what no rule of the library is.
const ownRules = `
id: directory
title: directory made
description: d
severity: low
techniques: [T1059]
false_positives: [a]
next_steps: [a]
observe: [{mkdir: {path: {suffix: /wanted}}}]
output: "{file.path}"
tests: {positive: [{run: a}], near_miss: [{run: a}]}
---
id: signal
title: signal sent
description: d
severity: low
techniques: [T1059]
false_positives: [a]
next_steps: [a]
observe: [{kill: {signal: 10}}]
output: "{call.signal}"
tests: {positive: [{run: a}], near_miss: [{run: a}]}
---
id: accepted
title: connection accepted
description: d
severity: low
techniques: [T1059]
false_positives: [a]
next_steps: [a]
observe: [accept]
condition: net.protocol == "tcp" && call.fd > 2
output: "{net.protocol}"
tests: {positive: [{run: a}], near_miss: [{run: a}]}
`

// Rules of one's own may be about more than the library is.
func TestDetectLocalOwnRules(t *testing.T) {
	d, own := t.TempDir(), filepath.Join(t.TempDir(), "own.yaml")
	writeFile(t, own, ownRules)
	t.Setenv("D", d)
	script := python + `mkdir $D/wanted $D/unwanted; $PY -c 'import os, signal, socket
signal.signal(10, signal.SIG_IGN)
signal.signal(12, signal.SIG_IGN)
os.kill(os.getpid(), 10)
os.kill(os.getpid(), 12)
l = socket.create_server(("127.0.0.1", 0))
c = socket.create_connection(l.getsockname())
l.accept()'`
	code, stdout, stderr := runPlugin(t, built, "detect", "--rules", own, "--local", "--strict", "-o", "json", "--", "bash", "-ec", script)
	if code != exit.OK {
		t.Fatalf("exit code %d, stderr:\n%s", code, stderr)
	}
	var got []string
	for line := range strings.Lines(stdout) {
		for _, found := range readEvent(t, line).Detections {
			got = append(got, found.ID+" "+found.Output)
		}
	}
	if want := []string{"directory " + d + "/wanted", "signal 10", "accepted tcp"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What no rule of the library is about does not leave the kernel.
func TestDetectLocalLibraryVolume(t *testing.T) {
	const opens = 20_000
	script := fmt.Sprintf(`i=0; while [ $i -lt %d ]; do : < /etc/hostname; i=$((i + 1)); done; : < /etc/shadow`, opens)
	code, stdout, stderr := runPlugin(t, built, "detect", "--local", "--session-log", "-", "-o", "json", "--", "sh", "-c", script)
	if code != exit.OK {
		t.Fatalf("exit code %d, stderr:\n%s", code, stderr)
	}
	if got := strings.Count(stdout, `"id":"R01"`); got != 1 {
		t.Errorf("fired %d times", got)
	}
	if left := sum(t, stdout, `"shown":`) + sum(t, stdout, `"filtered":`); left > opens/1000 {
		t.Errorf("%d events left the kernel", left)
	}
}
