// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// A line that is too long costs itself, not the session: what comes after it is read.
func TestControlLineTooLong(t *testing.T) {
	long := `{"add":[{"uid":"` + strings.Repeat("x", 3*wire.MaxControlLine) + `"}]}`
	lines := bufio.NewReaderSize(strings.NewReader("{}\n"+long+"\n"+`{"stop":true}`+"\n"), wire.MaxControlLine)
	signs := 0
	for i, want := range []struct {
		line string
		err  error
	}{{"{}\n", nil}, {"", errControlTooLong}, {`{"stop":true}` + "\n", nil}, {"", io.EOF}} {
		line, err := readControlLine(lines, func() { signs++ })
		if string(line) != want.line || !errors.Is(err, want.err) {
			t.Errorf("line %d: %q, %v; want %q, %v", i, line, err, want.line, want.err)
		}
	}
	if signs < 3+2 { // while it is long under way, too
		t.Errorf("%d signs of life", signs)
	}
}

// A message of many lines takes effect at its end, and one that a broken connection cut is said again.
func TestControlMessageOfManyLines(t *testing.T) {
	var all []wire.Pod
	for range 20_000 {
		all = append(all, wire.Pod{UID: podA})
	}
	lines, err := wire.Control{Targets: &wire.Targets{Pods: all}}.Lines()
	must(t, err)
	if len(lines) < 2 {
		t.Fatalf("%d lines", len(lines))
	}
	var m controlMessage
	for _, cut := range []int{1, len(lines)} {
		for i, line := range lines[:cut] {
			whole, err := m.add(line)
			must(t, err)
			if last := i == len(lines)-1; (whole.Targets != nil) != last || last && len(whole.Targets.Pods)+len(whole.Add) != len(all) {
				t.Fatalf("line %d of %d: targets %t, %d added", i+1, len(lines), whole.Targets != nil, len(whole.Add))
			}
		}
	}
	for text, want := range map[string]string{"\n": "", " \n": "", //nolint:gocritic // a blank is a sign of life too
		"{\n": "can't be read", `{"add":[1]}`: "can't be read"} {
		if _, err := m.add([]byte(text)); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	endless, err := json.Marshal(wire.Control{Add: all[:1000], More: true})
	must(t, err)
	for range 1 + maxControl/len(endless) {
		if _, err = m.add(endless); err != nil {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "longer than") || m.size != 0 {
		t.Errorf("a message without end: %v, %d bytes kept", err, m.size)
	}
}

// Changes add and remove single pods and leave the others alone.
func TestTargetsChange(t *testing.T) {
	needRoot(t)
	scenario := scenarioProgram(t)
	root := hierarchyRoots(t)["unified"]
	a := makeCgroup(t, root, "kubepods/pod"+podA, containerA)
	b := makeCgroup(t, root, "kubepods/pod"+podB, containerB)
	holdOpen(t, a)
	holdOpen(t, b)
	l := startLive(t, wire.Targets{Pods: []wire.Pod{{UID: podA}}})
	runUntil := func(cgroup, code string) {
		l.wait("exit "+code, func(raw []byte) bool {
			runIn(t, cgroup, scenario, "exit", code)
			return bytes.Contains(raw, []byte(`"exit `+code+`"`))
		})
	}
	runUntil(a, "5")
	l.send(wire.Control{Add: []wire.Pod{{UID: podB}}})
	runUntil(b, "9")
	runIn(t, a, scenario, "exit", "6") // still a target
	l.send(wire.Control{Remove: []string{podA, "unknown"}})
	l.send(wire.Control{Add: []wire.Pod{{UID: podB, Selections: 1}}}) // obeyed after the removal
	runUntil(b, "8")
	runIn(t, a, scenario, "exit", "7")
	later := makeCgroup(t, root, "kubepods/pod"+podA, containerD)
	runUntil(b, "4") // the tracer has read of the new cgroup
	runIn(t, later, scenario, "exit", "7")
	r := l.stop()
	seen := map[string]bool{}
	for _, e := range r.events {
		seen[e.Process().Arguments] = true
	}
	if !seen["exit 6"] || seen["exit 7"] {
		t.Errorf("pod A, a target: seen %t; no target any more: seen %t", seen["exit 6"], seen["exit 7"])
	}
}
