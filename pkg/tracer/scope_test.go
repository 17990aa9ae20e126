// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// The UIDs of pods, which no other run of these tests on this machine has.
var podA, podB = fmt.Sprintf("aaaaaaaa-0000-4000-8000-%012d", os.Getpid()), fmt.Sprintf("bbbbbbbb-0000-4000-8000-%012d", os.Getpid())

const (
	containerA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	containerB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	containerC = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
)

// hierarchyRoots are where this machine has its hierarchies of cgroups: the unified one, and one of v1 if there is any. Where v1
// has other controllers only, what a tracer tells there is not tested, so that is an error.
func hierarchyRoots(t *testing.T) map[string]string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	must(t, err)
	roots := map[string]string{}
	legacy := false
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		legacy = legacy || fields[2] == "cgroup"
		if fields[2] == "cgroup2" {
			roots["unified"] = fields[1]
		}
		if fields[2] == "cgroup" && slices.Contains(strings.Split(fields[3], ","), "pids") {
			roots["pids"] = fields[1]
		}
	}
	if roots["unified"] == "" || legacy && roots["pids"] == "" {
		t.Fatalf("cgroups: %v, want those of v2, and of v1, if there are any, the controller pids; mounts:\n%s", roots, mounts)
	}
	t.Logf("hierarchies of cgroups: %v", roots)
	return roots
}

// makeCgroup makes a cgroup below a folder of this test's own, which is removed at the end.
func makeCgroup(t *testing.T, root string, path ...string) string {
	t.Helper()
	top := filepath.Join(root, fmt.Sprintf("trace-sec-unit-%d", os.Getpid()))
	full := filepath.Join(append([]string{top}, path...)...)
	t.Cleanup(func() {
		for at := full; len(at) >= len(top); at = filepath.Dir(at) {
			_ = os.Remove(at) // not empty: another test's cleanup will
		}
	})
	must(t, os.MkdirAll(full, 0o755))
	return full
}

// runIn runs a command whose shell enters a cgroup first, as a container runtime does.
func runIn(t *testing.T, cgroup string, command ...string) {
	t.Helper()
	const notEntered = 119
	script := fmt.Sprintf(`echo $$ > "$0" || exit %d; exec "$@"`, notEntered)
	enter := exec.Command("sh", append([]string{"-c", script, filepath.Join(cgroup, "cgroup.procs")}, command...)...)
	out, err := enter.CombinedOutput()
	var exit *exec.ExitError // the command's own status is its affair
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() == notEntered) {
		t.Fatalf("%v: %v\n%s", command, err, out)
	}
}

// live is a tracer that runs while the test goes on.
type live struct {
	t       *testing.T
	control *io.PipeWriter
	frames  *lockedBuffer
	ended   chan error
}

// startLive returns when hello is written: from then on everything is traced.
func startLive(t *testing.T, targets wire.Targets) *live {
	t.Helper()
	return startLivePolicies(t, targets)
}

// startLivePolicies runs policies besides.
func startLivePolicies(t *testing.T, targets wire.Targets, policies ...string) *live {
	t.Helper()
	c := config(targets)
	for i, text := range policies {
		c.Policies = append(c.Policies, wire.PolicySource{Name: fmt.Sprintf("%d.yaml", i), Text: text})
	}
	return startLiveOptions(t, Options{Config: c})
}

// startLiveOptions runs a tracer that is controlled by what it returns.
func startLiveOptions(t *testing.T, o Options) *live {
	t.Helper()
	var frames lockedBuffer
	return startLiveTo(t, &frames, &frames, o)
}

// startLiveTo has its frames written to what ends up in a buffer.
func startLiveTo(t *testing.T, to io.Writer, frames *lockedBuffer, o Options) *live {
	t.Helper()
	needRoot(t)
	reader, writer := io.Pipe()
	l := &live{t: t, control: writer, frames: frames, ended: make(chan error, 1)}
	o.Frames, o.Control = to, reader
	go func() {
		_, err := Run(t.Context(), o)
		l.ended <- err
	}()
	l.wait("hello", func(raw []byte) bool { return bytes.Contains(raw, []byte(`"hello"`)) })
	return l
}

func (l *live) send(c wire.Control) {
	l.t.Helper()
	line, err := json.Marshal(c)
	must(l.t, err)
	_, err = l.control.Write(append(line, '\n'))
	must(l.t, err)
}

func (l *live) wait(what string, holds func([]byte) bool) {
	l.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(l.frames.bytes()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			l.t.Fatalf("waited in vain for %s; frames:\n%s", what, l.frames.bytes())
		}
	}
}

func (l *live) stop() *recording {
	l.t.Helper()
	l.send(wire.Control{Stop: true})
	must(l.t, <-l.ended)
	return read(l.t, l.frames.bytes())
}

func TestPodsAreToldApart(t *testing.T) {
	needRoot(t)
	scenario := scenarioProgram(t)
	underscored := strings.ReplaceAll(podA, "-", "_")
	for hierarchy, root := range hierarchyRoots(t) {
		for name, path := range map[string][2]string{
			"cgroupfs": {"kubepods/burstable/pod" + podA, containerA},
			"systemd":  {"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + underscored + ".slice", "cri-containerd-" + containerA + ".scope"},
		} {
			t.Run(hierarchy+" "+name, func(t *testing.T) {
				first := makeCgroup(t, root, path[0], path[1])
				other := makeCgroup(t, root, "kubepods/pod"+podB, containerB)
				holdOpen(t, first) // the pod runs already: by it the hierarchy is found
				l := startLive(t, wire.Targets{Pods: []wire.Pod{{UID: podA}}})
				runIn(t, first, scenario, "exit", "1")
				runIn(t, other, scenario, "exit", "2")
				exec.Command(scenario, "exit", "3").Run()
				later := makeCgroup(t, root, path[0], strings.ReplaceAll(path[1], containerA, containerC))
				runIn(t, later, scenario, "exit", "4")
				r := l.stop()
				want := []string{"exec scenario exit 1", "exit scenario exit 1 = 1", "exec scenario exit 4", "exit scenario exit 4 = 4"}
				if got := lines(r); !slices.Equal(got, want) {
					t.Errorf("got\n%s", strings.Join(got, "\n"))
				}
				if r.hello.Cgroups != hierarchy {
					t.Errorf("hierarchy %s", r.hello.Cgroups)
				}
				for i, e := range r.execs() {
					p := r.procs[e.Process().ExecID]
					if p.PodUID != podA || p.ContainerID != []string{containerA, containerC}[i] {
						t.Errorf("%s is in pod %q, container %q", line(e), p.PodUID, p.ContainerID)
					}
				}
			})
		}
	}
}

// holdOpen keeps a process in a cgroup until the test ends.
func holdOpen(t *testing.T, cgroup string) *exec.Cmd {
	t.Helper()
	holder := exec.Command("cat")
	stdin, err := holder.StdinPipe()
	must(t, err)
	must(t, holder.Start())
	must(t, os.WriteFile(filepath.Join(cgroup, "cgroup.procs"), fmt.Append(nil, holder.Process.Pid), 0))
	t.Cleanup(func() { stdin.Close(); holder.Wait() })
	return holder
}

// TestPodThatComesLater: a pod that becomes a target before it has a cgroup, and one that stops being one.
func TestPodThatComesLater(t *testing.T) {
	needRoot(t)
	scenario := scenarioProgram(t)
	root := hierarchyRoots(t)["unified"]
	a := makeCgroup(t, root, "kubepods/pod"+podA, containerA)
	holdOpen(t, a)
	l := startLive(t, wire.Targets{Pods: []wire.Pod{{UID: podA}}})
	l.send(wire.Control{Targets: &wire.Targets{Pods: []wire.Pod{{UID: podB}}}})
	b := makeCgroup(t, root, "kubepods/pod"+podB, containerB)
	l.wait("pod B to be traced", func(raw []byte) bool {
		runIn(t, b, scenario, "exit", "9")
		return bytes.Contains(raw, []byte(`"exit 9"`))
	})
	runIn(t, a, scenario, "exit", "7") // by now pod A is let go
	r := l.stop()
	for _, e := range r.events {
		if e.Process().Arguments == "exit 7" {
			t.Errorf("%s: pod A is not a target any more", line(e))
		}
		if e.Process().Arguments == "exit 9" && r.procs[e.Process().ExecID].PodUID != podB {
			t.Errorf("%s is in pod %q", line(e), r.procs[e.Process().ExecID].PodUID)
		}
	}
}

// TestPodThatComesDuringAFlood: what another pod does so often that the ring is full hides no new pod.
func TestPodThatComesDuringAFlood(t *testing.T) {
	needRoot(t)
	scenario := scenarioProgram(t)
	root := hierarchyRoots(t)["unified"]
	a := makeCgroup(t, root, "kubepods/pod"+podA, containerA)
	holdOpen(t, a)
	c := config(wire.Targets{Pods: []wire.Pod{{UID: podA}, {UID: podB}}})
	c.Policies = []wire.PolicySource{{Name: "seeks.yaml", Text: seekPolicy}}
	l := startLiveOptions(t, Options{Config: c, Limits: rings["full"]})
	end := startFlood(t, a)
	l.wait("the ring to be full", func(raw []byte) bool { return bytes.Contains(raw, []byte(`"`+event.LostRing+`":`)) })
	b := makeCgroup(t, root, "kubepods/pod"+podB, containerB)
	end()
	l.wait("pod B to be traced", func(raw []byte) bool {
		runIn(t, b, scenario, "exit", "9")
		return bytes.Contains(raw, []byte(`"exit 9"`))
	})
	l.stop()
}

// TestRunningProcesses: what ran before is a known parent, and its exit is told.
func TestRunningProcesses(t *testing.T) {
	needRoot(t)
	scenario := scenarioProgram(t)
	shell := exec.Command("sh", "-s", "before")
	shell.Dir = t.TempDir()
	stdin, err := shell.StdinPipe()
	must(t, err)
	must(t, shell.Start())
	l := startLive(t, wire.Targets{Pids: []uint32{uint32(shell.Process.Pid)}})
	fmt.Fprintf(stdin, "%s exit 3; exit 5\n", scenario)
	shell.Wait()
	r := l.stop()
	want := []string{"exec scenario exit 3", "exit scenario exit 3 = 3", "exit " + filepath.Base(resolved(t, "/bin/sh")) + " -s before = 5"}
	if got := lines(r); !slices.Equal(got, want) {
		t.Fatalf("got\n%s", strings.Join(got, "\n"))
	}
	parent := r.execs()[0].Parent()
	if parent == nil || *parent.Pid != uint32(shell.Process.Pid) || parent.Cwd != resolved(t, shell.Dir) || !strings.Contains(parent.Flags, "procFS") {
		t.Errorf("the parent is %+v, want the shell that ran before", parent)
	}
}

func resolved(t *testing.T, path string) string {
	t.Helper()
	full, err := filepath.EvalSymlinks(path)
	must(t, err)
	return full
}

func TestCgroupPath(t *testing.T) {
	needRoot(t)
	scenario := scenarioProgram(t)
	for hierarchy, root := range hierarchyRoots(t) {
		t.Run(hierarchy, func(t *testing.T) {
			inside, outside := makeCgroup(t, root, "service", "part"), makeCgroup(t, root, "elsewhere")
			l := startLive(t, wire.Targets{Cgroups: []string{filepath.Dir(inside)}})
			runIn(t, outside, scenario, "exit", "1")
			runIn(t, inside, scenario, "exit", "2")
			r := l.stop()
			if got := lines(r); !slices.Equal(got, []string{"exec scenario exit 2", "exit scenario exit 2 = 2"}) {
				t.Errorf("got\n%s", strings.Join(got, "\n"))
			}
		})
	}
}

// TestAbandoned: without a sign of life, or when its input ends, a tracer ends.
func TestAbandoned(t *testing.T) {
	for name, act := range map[string]func(*io.PipeWriter){
		"silence": func(*io.PipeWriter) {},
		"end":     func(w *io.PipeWriter) { w.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			needRoot(t)
			reader, writer := io.Pipe()
			defer writer.Close()
			c := config(wire.Targets{Pods: []wire.Pod{{UID: podA}}})
			c.Silence = wire.Duration(200 * time.Millisecond)
			if name == "end" {
				c.Silence = wire.Duration(time.Hour)
			}
			act(writer)
			bye, err := Run(t.Context(), Options{Config: c, Frames: io.Discard, Control: reader})
			if err != nil || bye.Reason != event.ByeAbandoned {
				t.Errorf("%+v, %v", bye, err)
			}
		})
	}
}

// startTracer builds and starts the tracer's own program, and returns once it traces.
func startTracer(t *testing.T, policies ...wire.PolicySource) (run *exec.Cmd, frames *wire.Decoder) {
	t.Helper()
	needRoot(t)
	given := config(wire.Targets{All: true})
	given.Policies = policies
	return startTracerProgram(t, given)
}

// startTracerProgram runs the tracer as a process of its own, which the end of the test kills.
func startTracerProgram(t *testing.T, given wire.TracerConfig) (run *exec.Cmd, frames *wire.Decoder) {
	t.Helper()
	document, err := json.Marshal(given)
	must(t, err)
	run = exec.Command(tracerProgram(t), fmt.Sprintf("--enforce=%t", given.Enforce), "--config", string(document))
	output, err := run.StdoutPipe()
	must(t, err)
	must(t, run.Start())
	t.Cleanup(func() { run.Process.Kill(); run.Wait() })
	frames = wire.NewDecoder(output)
	if frame, err := frames.Next(); err != nil || frame.Hello == nil {
		t.Fatalf("%+v, %v", frame, err)
	}
	return run, frames
}

// TestTerminated: asked to end, a tracer drains and says bye.
func TestTerminated(t *testing.T) {
	run, frames := startTracer(t)
	must(t, run.Process.Signal(syscall.SIGTERM))
	var last *wire.Frame
	for {
		frame, err := frames.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		last = frame
	}
	if err := run.Wait(); err != nil || last == nil || last.Bye == nil || last.Bye.Reason != event.ByeStopped {
		t.Errorf("%v, last frame %+v", err, last)
	}
}

// TestNothingIsLeftInTheKernel: a tracer that is killed takes its programs along, those of its policies' hooks as well.
func TestNothingIsLeftInTheKernel(t *testing.T) {
	without := killedTracersPrograms(t)
	with := killedTracersPrograms(t, wire.PolicySource{Name: "own.yaml", Text: ownCalls}, wire.PolicySource{Name: "shells.yaml", Text: killsShells})
	if without < 4 || with <= without {
		t.Errorf("%d programs while tracing and %d with policies, want four at least, and more", without, with)
	}
}

// killedTracersPrograms kills a tracer, waits until the kernel has none of its programs any more, and returns how many it had.
func killedTracersPrograms(t *testing.T, policies ...wire.PolicySource) int {
	t.Helper()
	run, _ := startTracer(t, policies...)
	loaded := programsOf(t, run.Process.Pid)
	must(t, run.Process.Signal(syscall.SIGKILL))
	_ = run.Wait()
	count := len(loaded)
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		loaded = slices.DeleteFunc(loaded, func(id ebpf.ProgramID) bool { return !inKernel(t, id) })
		if len(loaded) == 0 {
			return count
		}
		if time.Now().After(deadline) {
			t.Fatalf("programs %v are left", loaded)
		}
	}
}
