// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// killsEntrants kills whoever executes PROGRAM, as --deny-exec with --kill does.
const killsEntrants = `
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: entrants}
spec:
  kprobes:
  - call: security_bprm_check
    syscall: false
    args: [{index: 0, type: linux_binprm}, {index: 0, type: string, resolve: filename}]
    selectors:
    - {matchArgs: [{index: 0, operator: Equal, values: [PROGRAM]}], matchActions: [{action: Sigkill}]}
    - {matchArgs: [{args: [1], operator: Equal, values: [PROGRAM]}], matchActions: [{action: Sigkill}]}
`

// TestKilledEntrantIsTold: of a program that a container runtime executes in a container, of which no event told before, the pod is told;
// and the program, where it was set up when it was killed.
func TestKilledEntrantIsTold(t *testing.T) {
	root := hierarchyRoots(t)["unified"]
	pod := makeCgroup(t, root, "kubepods/pod"+podA, containerA)
	holdOpen(t, pod)
	program := filepath.Join(t.TempDir(), "program")
	content, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, content, 0o755); err != nil {
		t.Fatal(err)
	}
	targets := wire.Targets{Pods: []wire.Pod{{UID: podA}}}
	l := startArmed(t, time.Hour, targets, strings.ReplaceAll(killsEntrants, "PROGRAM", program), func(c *wire.TracerConfig) { c.WithoutRuntime = true })
	l.send(wire.Control{Targets: &targets})
	l.armed()
	if err := exec.Command("sh", "-c", `echo $$ > "$0"; exec unshare -m "$1"`, filepath.Join(pod, "cgroup.procs"), program).Run(); err == nil {
		t.Error("the program was not stopped")
	}
	r := l.stop()
	told := r.of(event.KindKprobe)
	if len(told) != 1 {
		t.Errorf("told %d times, want once; frames:\n%s", len(told), r.raw)
	}
	for _, e := range told {
		p := e.Process()
		if uid := r.procs[p.ExecID].PodUID; uid != podA {
			t.Errorf("told of pod %q", uid)
		}
		if e.Hooked().Via != "" && (p.Binary != program || strings.Contains(p.Flags, event.FlagUnknown.String())) {
			t.Errorf("told of %q, flags %q", p.Binary, p.Flags)
		}
	}
}
