// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/sessionlog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/tetragonapi"
)

// result is what a run of the plugin came to.
type result struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

// command is the plugin with the scene's namespaces.
func (s *scene) command(args ...string) *exec.Cmd {
	common := []string{args[0], "-n", s.namespace, "--tracer-namespace", s.tracers}
	if !slices.ContainsFunc(args, saysHow) && !slices.Contains(startNothing, args[0]) {
		common = append(common, "--tracer", way)
	}
	cmd := exec.Command(plugin, append(common, args[1:]...)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "LANG=C.UTF-8")
	return cmd
}

// startNothing are commands that start no tracer.
var startNothing = []string{"cleanup", "sessions", "attach", "stop", "tracers"}

// saysHow tells flags that say how nodes get the tracer.
func saysHow(arg string) bool {
	return strings.HasPrefix(arg, "--image") || strings.HasPrefix(arg, "--tracer=") || arg == "--dry-run"
}

// run runs the plugin to its end.
func (s *scene) run(args ...string) result {
	s.Helper()
	var out, errOut bytes.Buffer
	cmd := s.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	began := time.Now()
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	watchdog := time.AfterFunc(2*patience, func() { s.Errorf("still running after %s", 2*patience); _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	code := exitCode(cmd.Wait())
	return result{code, out.String(), errOut.String(), time.Since(began)}
}

func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// running is a plugin whose JSON output is read as it comes; what the session log has is among its events.
type running struct {
	*scene
	cmd    *exec.Cmd
	began  time.Time
	stderr lockedBuffer
	read   chan struct{} // closed at the end of stdout

	mu     sync.Mutex
	events []event.Event
	bad    []string
	more   chan struct{} // has an element when there are new events
}

// start starts the plugin with -o json, and with the session log among the events.
func (s *scene) start(args ...string) *running {
	s.Helper()
	return s.startWith(nil, args...)
}

// startWith is start with more in the environment.
func (s *scene) startWith(env []string, args ...string) *running {
	s.Helper()
	r := &running{scene: s, cmd: s.command(append(args, "-o", "json", "--session-log", "-")...), read: make(chan struct{}), more: make(chan struct{}, 1)}
	r.cmd.Env = append(r.cmd.Env, env...)
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	r.cmd.Stderr = &r.stderr
	r.began = time.Now()
	if err := r.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	go r.collect(out)
	s.Cleanup(func() { // before the scene's own: a test that failed half-way has not ended it
		if r.cmd.ProcessState == nil {
			r.end()
		}
	})
	return r
}

func (r *running) collect(out io.Reader) {
	defer close(r.read)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		e, own, err := sessionlog.ReadEvent(lines.Bytes())
		if !own && err == nil {
			err = tetragonapi.Check(lines.Bytes())
		}
		r.mu.Lock()
		switch {
		case err != nil:
			r.bad = append(r.bad, fmt.Sprintf("%v: %s", err, lines.Text()))
		case !own || e.Loss == nil: // which is among the events, too
			r.events = append(r.events, e)
		}
		r.mu.Unlock()
		select {
		case r.more <- struct{}{}:
		default:
		}
	}
}

// await returns the first event that is wanted, which may have come before.
func (r *running) await(what string, wanted func(*event.Event) bool) *event.Event {
	r.Helper()
	deadline := time.After(patience)
	for seen := 0; ; {
		r.mu.Lock()
		events := r.events
		r.mu.Unlock()
		for ; seen < len(events); seen++ {
			if wanted(&events[seen]) {
				return &events[seen]
			}
		}
		select {
		case <-r.more:
		case <-r.read:
			r.Fatalf("the plugin ended before %s; stderr:\n%s", what, r.stderr.String())
		case <-deadline:
			_ = r.cmd.Process.Signal(syscall.SIGINT)
			_ = r.cmd.Wait()
			r.Fatalf("no %s within %s; stderr:\n%s", what, patience, r.stderr.String())
		}
	}
}

// count is how many of the events so far are wanted.
func (r *running) count(wanted func(*event.Event) bool) (count int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.events {
		if wanted(&r.events[i]) {
			count++
		}
	}
	return count
}

// awaitHello waits until a node is traced, and returns what its tracer says of it.
func (r *running) awaitHello(node string) *event.Hello {
	r.Helper()
	return r.await("hello of "+node, func(e *event.Event) bool { return e.Hello != nil && e.NodeName == node }).Hello
}

// end interrupts the plugin as Ctrl-C does.
func (r *running) end() result {
	r.Helper()
	_ = r.cmd.Process.Signal(os.Interrupt)
	return r.wait()
}

// wait waits for the plugin's end.
func (r *running) wait() result {
	r.Helper()
	watchdog := time.AfterFunc(2*patience, func() { r.Errorf("still running after %s", 2*patience); _ = r.cmd.Process.Kill() })
	defer watchdog.Stop()
	<-r.read
	code := exitCode(r.cmd.Wait())
	if len(r.bad) > 0 {
		r.Errorf("%d lines on stdout are not for Tetragon's tools, the first: %s", len(r.bad), r.bad[0])
	}
	return result{code: code, stderr: r.stderr.String(), took: time.Since(r.began)}
}

// execOf says whether e is the start of a program in a pod.
func execOf(e *event.Event, pod, binary string) bool {
	return e.ProcessExec != nil && e.ProcessExec.Process.Binary == binary &&
		e.ProcessExec.Process.Pod != nil && e.ProcessExec.Process.Pod.Name == pod
}
