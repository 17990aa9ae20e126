// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// killsShells kills whoever makes a system call that shells begin with, for $PPID.
const killsShells = `
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: shells}
spec:
  kprobes:
  - {call: sys_getppid, syscall: true, selectors: [{matchActions: [{action: Sigkill}]}]}
`

// startArmed is startLive of a tracer that enforces, with its targets held.
func startArmed(t *testing.T, silence time.Duration, targets wire.Targets, policy string, with ...func(*wire.TracerConfig)) *live {
	t.Helper()
	needRoot(t)
	c := config(targets)
	c.Enforce, c.Hold, c.Silence = true, true, wire.Duration(silence)
	c.Policies = []wire.PolicySource{{Name: "policy.yaml", Text: policy}}
	for _, change := range with {
		change(&c)
	}
	reader, writer := io.Pipe()
	l := &live{t: t, control: writer, frames: &lockedBuffer{}, ended: make(chan error, 1)}
	go func() {
		_, err := Run(t.Context(), Options{Config: c, Frames: l.frames, Control: reader})
		l.ended <- err
	}()
	l.wait("hello", func(raw []byte) bool { return bytes.Contains(raw, []byte(`"hello"`)) })
	return l
}

func (l *live) armed() {
	l.t.Helper()
	l.wait("armed", func(raw []byte) bool { return bytes.Contains(raw, []byte("armed: ")) })
}

// shellIn says whether a shell that runs in a cgroup is killed.
func shellIn(t *testing.T, cgroup string) (killed bool) {
	t.Helper()
	const own = 5
	script := fmt.Sprintf(`echo $$ > "$0" && exec sh -c "exit %d"`, own)
	err := exec.Command("sh", "-c", script, filepath.Join(cgroup, "cgroup.procs")).Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("the shell: %v", err)
	}
	status := exit.Sys().(interface {
		Signal() unix.Signal
		Signaled() bool
	})
	if !status.Signaled() && exit.ExitCode() != own {
		t.Fatalf("the shell ended with %d", exit.ExitCode())
	}
	return status.Signaled() && status.Signal() == unix.SIGKILL
}

// TestHeldUntilTargetsAreNamed: armed programs act on nobody before a control message names targets, then on these alone, and
// no longer on those that later messages leave out.
func TestHeldUntilTargetsAreNamed(t *testing.T) {
	needRoot(t)
	root := hierarchyRoots(t)["unified"]
	a, b := makeCgroup(t, root, "kubepods/pod"+podA, containerA), makeCgroup(t, root, "kubepods/pod"+podB, containerB)
	holdOpen(t, a)
	holdOpen(t, b)
	l := startArmed(t, time.Hour, wire.Targets{Pods: []wire.Pod{{UID: podA}}}, killsShells)
	if shellIn(t, a) || shellIn(t, b) {
		t.Error("killed although nobody is a target yet")
	}
	l.send(wire.Control{})
	if shellIn(t, a) {
		t.Error("killed because of a sign of life")
	}
	l.send(wire.Control{Targets: &wire.Targets{Pods: []wire.Pod{{UID: podA}}}})
	l.armed()
	if !shellIn(t, a) {
		t.Error("not killed in the target")
	}
	if shellIn(t, b) {
		t.Error("killed in a pod that is no target")
	}
	l.send(wire.Control{Targets: &wire.Targets{Pods: []wire.Pod{{UID: podB}}}})
	for deadline := time.Now().Add(10 * time.Second); shellIn(t, a); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("killed in a pod that is no target any more")
		}
	}
	if !shellIn(t, b) {
		t.Error("not killed in the new target")
	}
	r := l.stop()
	if shellIn(t, b) {
		t.Error("killed after the end")
	}
	for _, e := range r.of(event.KindKprobe) {
		if e.ProcessKprobe.Action != event.ActionSigkill {
			t.Errorf("action %s", e.ProcessKprobe.Action)
		}
	}
	if n := len(r.of(event.KindKprobe)); n < 2 {
		t.Errorf("%d killings were told, want at least 2", n)
	}
}

// TestFrozenTracerIsDisarmed: a tracer that does not run enforces nothing 3 s later, does again when it runs, and says so.
func TestFrozenTracerIsDisarmed(t *testing.T) {
	needRoot(t)
	a := makeCgroup(t, hierarchyRoots(t)["unified"], "kubepods/pod"+podA, containerA)
	holdOpen(t, a)
	c := config(wire.Targets{Pods: []wire.Pod{{UID: podA}}})
	c.Enforce, c.Policies = true, []wire.PolicySource{{Name: "shells.yaml", Text: killsShells}}
	run, frames := startTracerProgram(t, c)
	notices := make(chan string, 16)
	go func() {
		defer close(notices)
		for {
			frame, err := frames.Next()
			if err != nil {
				return
			}
			if frame.Notice != nil {
				notices <- frame.Notice.Text
			}
		}
	}()
	await := func(what string, killed bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); shellIn(t, a) != killed; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: killed is not %t", what, killed)
			}
		}
	}
	await("armed", true)
	began := time.Now()
	must(t, run.Process.Signal(unix.SIGSTOP))
	if !shellIn(t, a) {
		t.Error("not killed just after the tracer was frozen")
	}
	await("frozen", false)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it stayed armed for %s", took)
	}
	must(t, run.Process.Signal(unix.SIGCONT))
	await("awake", true)
	must(t, run.Process.Signal(unix.SIGTERM))
	told := false
	for text := range notices {
		told = told || strings.Contains(text, "nothing was enforced for ")
	}
	if !told {
		t.Error("the gap was not told")
	}
}

// TestDisarmedWhenThePluginIsGone: soon after the last sign of life, or at once when the input ends.
func TestDisarmedWhenThePluginIsGone(t *testing.T) {
	for name, test := range map[string]struct {
		silence, within time.Duration
		gone            func(*live)
	}{
		"silence":          {time.Second, 2 * time.Second, func(*live) {}},
		"end of the input": {time.Hour, time.Second, func(l *live) { l.control.Close() }},
	} {
		t.Run(name, func(t *testing.T) {
			needRoot(t)
			root := hierarchyRoots(t)["unified"]
			a := makeCgroup(t, root, "kubepods/pod"+podA, containerA)
			holdOpen(t, a)
			l := startArmed(t, test.silence, wire.Targets{Pods: []wire.Pod{{UID: podA}}}, killsShells)
			l.send(wire.Control{Targets: &wire.Targets{Pods: []wire.Pod{{UID: podA}}}})
			last := time.Now()
			l.armed()
			if !shellIn(t, a) {
				t.Fatal("not armed")
			}
			test.gone(l)
			for shellIn(t, a) {
				if time.Since(last) > test.within {
					t.Fatalf("still armed %s after the last word", time.Since(last))
				}
			}
			must(t, <-l.ended)
			if r := read(t, l.frames.bytes()); r.bye.Reason != event.ByeAbandoned {
				t.Errorf("bye %+v", r.bye)
			}
		})
	}
}

// killsWanderers kills shells that change their directory.
const killsWanderers = `
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: wanderers}
spec:
  kprobes:
  - call: sys_chdir
    syscall: true
    selectors:
    - matchBinaries: [{operator: Postfix, values: [/sh, /dash, /bash]}]
      matchActions: [{action: Sigkill}]
`

// TestExecutedBeforeItWasATarget: what filters ask of a process that executed its program after the programs were loaded and
// before it came into the scope is known when it is in there.
func TestExecutedBeforeItWasATarget(t *testing.T) {
	needRoot(t)
	a := makeCgroup(t, hierarchyRoots(t)["unified"], "kubepods/pod"+podA, containerA)
	holdOpen(t, a)
	l := startArmed(t, time.Hour, wire.Targets{Pods: []wire.Pod{{UID: podA}}}, killsWanderers)
	shell := exec.Command("sh", "-c", `echo $$ > "$0" && exec sh -c 'echo ready; read line; cd /; exit 5'`, filepath.Join(a, "cgroup.procs"))
	to, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	from, err := shell.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	if ready, err := bufio.NewReader(from).ReadString('\n'); err != nil || ready != "ready\n" {
		t.Fatalf("%q, %v", ready, err)
	}
	l.send(wire.Control{Targets: &wire.Targets{Pods: []wire.Pod{{UID: podA}}}})
	l.armed()
	if _, err := io.WriteString(to, "go\n"); err != nil {
		t.Fatal(err)
	}
	if err := shell.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the shell: %v, want it killed", err)
	}
	l.stop()
}
