// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// TestWhoLeavesIsTold: a process that is moved out of its pod's cgroup is told, once, and that nothing is enforced on it. Not told are
// those that are moved within the pod, and what was never traced.
func TestWhoLeavesIsTold(t *testing.T) {
	root := hierarchyRoots(t)["unified"]
	pod := makeCgroup(t, root, "kubepods/pod"+podA, containerA)
	other, elsewhere := makeCgroup(t, root, "kubepods/pod"+podA, containerC), makeCgroup(t, root, "elsewhere")
	holdOpen(t, pod)
	targets := wire.Targets{Pods: []wire.Pod{{UID: podA}}}
	l := startArmed(t, time.Hour, targets, killsMovers, func(c *wire.TracerConfig) { c.WithoutRuntime = true })
	l.send(wire.Control{Targets: &targets})
	l.armed()
	const left = "was moved out of what is traced"
	// moves is a shell that enters cgroups, one after the other: what it executes in the first is the container's.
	moves := func(first string, then ...string) {
		t.Helper()
		args := []string{"-c", `echo $$ > "$0"; exec unshare -m sh -c 'for to; do echo $$ > "$to"; done' sh "$@"`}
		for _, cgroup := range append([]string{first}, then...) {
			args = append(args, filepath.Join(cgroup, "cgroup.procs"))
		}
		if out, err := exec.Command("sh", args...).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
	moves(elsewhere, elsewhere)
	moves(pod, other, pod)
	moves(pod, elsewhere, pod, elsewhere)
	l.wait("the notice", func(raw []byte) bool { return bytes.Contains(raw, []byte(left)) })
	raw := l.stop().raw
	if got := bytes.Count(raw, []byte(left)); got != 1 {
		t.Errorf("told %d times, want once", got)
	}
	for _, want := range []string{"nothing is enforced on it", fmt.Sprintf(`"subject":"%s"`, podA), "/elsewhere"} {
		if !bytes.Contains(raw, []byte(want)) {
			t.Errorf("the notice lacks %q", want)
		}
	}
}
