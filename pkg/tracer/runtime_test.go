// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"errors"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// killsMovers kills whoever changes its directory.
const killsMovers = `
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: movers}
spec:
  kprobes:
  - {call: sys_chdir, syscall: true, selectors: [{matchActions: [{action: Sigkill}]}]}
`

// entrant is a shell that comes into a pod's cgroup; $0 is the pod's cgroup.procs and $1 that of another cgroup. It ends with 5
// unless it is killed.
type entrant struct {
	name, script string
	killed       bool
}

var entrants = []entrant{
	{"the runtime", `echo $$ > "$0"; cd /; exit 5`, false},
	{"what the runtime executes on its way", `echo $$ > "$0"; exec sh -c 'cd /; exit 5'`, false},
	{"what it forks there", `echo $$ > "$0"; (cd /) && exit 5; kill -9 $$`, false},
	{"a container's process", `echo $$ > "$0"; exec unshare -m sh -c 'cd /; exit 5'`, true},
	{"what that forks", `echo $$ > "$0"; exec unshare -m sh -c '(cd /) && exit 5; kill -9 $$'`, true},
	{"a container's process in the node's namespace", `echo $$ > "$0"; exec unshare -m sh -c 'exec nsenter -t $PPID -m sh -c "cd /; exit 5"'`, true},
	{"a container's process that was elsewhere", `echo $$ > "$0"; exec unshare -m sh -c 'echo $$ > "$1"; exec sh -c "echo \$\$ > \"\$0\"; cd /; exit 5" "$0"' "$0" "$1"`, true},
}

// TestOnlyTheRuntimeIsLeftOut: who comes into a container's cgroup from outside is left alone until it executes a program in the
// container, and nobody else is: not who leaves and comes back, nor who finds no room where processes are noted.
func TestOnlyTheRuntimeIsLeftOut(t *testing.T) {
	needRoot(t)
	root := hierarchyRoots(t)["unified"]
	pod, elsewhere := makeCgroup(t, root, "kubepods/pod"+podA, containerA), makeCgroup(t, root, "elsewhere")
	holdOpen(t, pod)
	procs, others := filepath.Join(pod, "cgroup.procs"), filepath.Join(elsewhere, "cgroup.procs")
	for limit, processes := range map[string]uint32{"room": 0, "none": 1} {
		c := config(wire.Targets{Pods: []wire.Pod{{UID: podA}}})
		c.Enforce, c.Hold, c.Silence, c.WithoutRuntime = true, true, wire.Duration(time.Hour), true
		c.Policies = []wire.PolicySource{{Name: "movers.yaml", Text: killsMovers}}
		l := startLiveOptions(t, Options{Config: c, Limits: Limits{Processes: processes}})
		l.send(wire.Control{Targets: &c.Targets})
		l.armed()
		for _, e := range entrants {
			err := exec.Command("sh", "-c", e.script, procs, others).Run()
			var exit *exec.ExitError
			killed := errors.As(err, &exit) && exit.ExitCode() == -1
			if !killed && (exit == nil || exit.ExitCode() != 5) {
				t.Errorf("%s: %v", e.name, err)
			}
			// Without room the runtime may be taken for a container, but not the other way round.
			if killed != e.killed && (limit == "room" || e.killed) {
				t.Errorf("%s, %s for processes: killed %t", e.name, limit, killed)
			}
		}
		if full := l.stop().bye.Totals.StatesFull; (full > 0) != (limit == "none") {
			t.Errorf("%s: %d processes found no room", limit, full)
		}
	}
}
