// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/tetragonapi"
)

// sayName runs a program again and again whose argument is the pod's own name, as the kubelet tells it: what an event says
// of its pod can be checked against that.
const sayName = `while sleep 0.3; do /bin/echo "$HOSTNAME" >/dev/null; done`

func TestDeploymentOnTwoNodes(t *testing.T) {
	s := newScene(t)
	pods := s.deployment("web", 3, sayName)
	r := s.start("exec", "deploy/web")
	for _, pod := range pods {
		e := r.await("event of "+pod.Name, func(e *event.Event) bool { return execOf(e, pod.Name, "/bin/echo") })
		p := e.ProcessExec.Process
		if p.Arguments != pod.Name {
			t.Errorf("an event of %q passes for one of %s", p.Arguments, pod.Name)
		}
		if e.NodeName != pod.Spec.NodeName {
			t.Errorf("%s: node %q, want %q", pod.Name, e.NodeName, pod.Spec.NodeName)
		}
		if p.Pod.Namespace != s.namespace || p.Pod.UID != string(pod.UID) || p.Pod.Workload != "web" || p.Pod.WorkloadKind != "Deployment" {
			t.Errorf("%s: pod %+v", pod.Name, p.Pod)
		}
		if c := p.Pod.Container; c == nil || c.Name != "main" || c.ID != pod.Status.ContainerStatuses[0].ContainerID {
			t.Errorf("%s: container %+v, want %s", pod.Name, c, pod.Status.ContainerStatuses[0].ContainerID)
		}
	}
	got := r.end()
	if got.code != 0 {
		t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	byes := 0
	for _, e := range r.events {
		if e.Bye != nil {
			byes++
		}
		if p := e.Process(); p != nil && p.Binary == "/bin/echo" && (p.Pod == nil || p.Arguments != p.Pod.Name) {
			t.Errorf("event of another pod: %+v", p)
		}
	}
	if byes != 2 {
		t.Errorf("%d nodes said bye, want 2; stderr:\n%s", byes, got.stderr)
	}
}

func TestRestartedContainerIsFollowed(t *testing.T) {
	s := newScene(t)
	pod := s.pod("again", nil, shell(s.nodes[0], "/bin/echo begin; sleep 6"))
	first := pod.Status.ContainerStatuses[0].ContainerID
	r := s.start("exec", "again")
	r.awaitHello(s.nodes[0])
	entry := r.await("first exec of the restarted container", func(e *event.Event) bool {
		return e.ProcessExec != nil && e.ProcessExec.Process.Pod != nil && e.ProcessExec.Process.Pod.Container != nil &&
			e.ProcessExec.Process.Pod.Container.ID != "" && e.ProcessExec.Process.Pod.Container.ID != first
	})
	if b := entry.ProcessExec.Process.Binary; b != "/bin/sh" && b != "/bin/busybox" {
		t.Errorf("the first program seen in the restarted container is %s", b)
	}
	if got := r.end(); got.code != 0 {
		t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
}

func TestPodsThatComeLater(t *testing.T) {
	s := newScene(t)
	labels := map[string]string{"app": "later"}
	s.pod("first", labels, shell(s.nodes[0], sayName))
	r := s.start("exec", "-l", "app=later")
	r.awaitHello(s.nodes[0])
	s.pod("same-node", labels, shell(s.nodes[0], sayName))
	s.pod("other-node", labels, shell(s.nodes[1], sayName))
	s.pod("not-asked-for", map[string]string{"app": "other"}, shell(s.nodes[0], sayName))
	for _, name := range []string{"same-node", "other-node", "first"} {
		r.await("event of "+name, func(e *event.Event) bool { return execOf(e, name, "/bin/echo") })
	}
	if got := r.end(); got.code != 0 {
		t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
	for _, e := range r.events {
		if p := e.Process(); p != nil && p.Arguments == "not-asked-for" {
			t.Errorf("a pod that was not asked for: %+v", p.Pod)
		}
	}
}

func TestNamedPodIsDeleted(t *testing.T) {
	s := newScene(t)
	s.pod("short", nil, shell(s.nodes[0], sayName))
	r := s.start("exec", "--pod", "short")
	r.await("event", func(e *event.Event) bool { return execOf(e, "short", "/bin/echo") })
	if err := client.CoreV1().Pods(s.namespace).Delete(t.Context(), "short", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := r.wait(); got.code != 0 || !strings.Contains(got.stderr, "gone") {
		t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
}

func TestEnds(t *testing.T) {
	s := newScene(t)
	s.tracerNamespace(map[string]string{"pod-security.kubernetes.io/enforce": "privileged"})
	s.pod("busy", nil, shell(s.nodes[0], sayName))
	s.pod("quiet", nil, shell(s.nodes[0], "sleep 1000000"))
	t.Run("max-events is exact", func(t *testing.T) {
		s := s.in(t)
		got := s.run("exec", "busy", "--max-events", "5", "-o", "json", "--strict")
		if got.code != 0 || strings.Count(got.stdout, "\n") != 5 {
			t.Errorf("exit code %d, stdout:\n%s\nstderr:\n%s", got.code, got.stdout, got.stderr)
		}
		for line := range strings.Lines(got.stdout) {
			if err := tetragonapi.Check([]byte(strings.TrimSuffix(line, "\n"))); err != nil {
				t.Errorf("%v: %s", err, line)
			}
		}
	})
	t.Run("duration", func(t *testing.T) {
		s := s.in(t)
		got := s.run("exec", "busy", "--duration", "2s", "-o", "compact", "--strict")
		if got.code != 0 || !strings.Contains(got.stdout, "/bin/echo busy") || got.took < 2*time.Second {
			t.Errorf("exit code %d after %s, stdout:\n%s\nstderr:\n%s", got.code, got.took, got.stdout, got.stderr)
		}
	})
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		t.Run(signal.String(), func(t *testing.T) {
			s := s.in(t)
			r := s.start("exec", "busy", "--strict")
			r.await("event", func(e *event.Event) bool { return execOf(e, "busy", "/bin/echo") })
			_ = r.cmd.Process.Signal(signal)
			if got := r.wait(); got.code != 0 {
				t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
			}
		})
	}
	t.Run("twice while starting", func(t *testing.T) {
		s := s.in(t)
		r := s.start("exec", "busy")
		s.eventually("a tracer pod", func(ctx context.Context) bool { return len(s.tracerPods(ctx)) > 0 })
		_ = r.cmd.Process.Signal(syscall.SIGINT)
		_ = r.cmd.Process.Signal(syscall.SIGINT)
		if got := r.wait(); got.code != 0 {
			t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
		}
	})
	t.Run("output closed", func(t *testing.T) {
		s := s.in(t)
		cmd := s.command("exec", "quiet", "-o", "json", "--session-log", "-") // says hello, then has nothing to write
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var errOut strings.Builder
		cmd.Stderr = &errOut
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(io.LimitReader(out, 100)).ReadByte(); err != nil {
			t.Error(err)
		}
		out.Close()
		code := exitCode(cmd.Wait())
		for line := range strings.Lines(errOut.String()) {
			if !strings.Contains(line, "tracing 1 pod on 1 node") && !strings.Contains(line, "the tracer is sent to 1 node") {
				t.Errorf("it says %q", line)
			}
		}
		if code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
}

func (s *scene) tracerPods(ctx context.Context) []corev1.Pod {
	list, err := client.CoreV1().Pods(s.tracers).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil
	}
	return list.Items
}

// A killed plugin can't clean up: its tracer ends by itself, and cleanup removes the rest.
func TestKilledPlugin(t *testing.T) {
	s := newScene(t)
	s.tracerNamespace(map[string]string{"pod-security.kubernetes.io/enforce": "privileged"})
	s.pod("busy", nil, shell(s.nodes[0], sayName))
	r := s.start("exec", "busy")
	r.awaitHello(s.nodes[0])
	_ = r.cmd.Process.Kill()
	r.wait()
	s.eventually("end of the tracer", func(ctx context.Context) bool {
		pods := s.tracerPods(ctx)
		return len(pods) == 1 && (pods[0].Status.Phase == corev1.PodSucceeded || pods[0].Status.Phase == corev1.PodFailed)
	})
	got := s.cleanup()
	if got.code != 0 || !strings.Contains(got.stdout, "deleted") {
		t.Errorf("cleanup: exit code %d, stdout %q, stderr %q", got.code, got.stdout, got.stderr)
	}
	if got := s.cleanup(); got.code != 0 || got.stdout != "" {
		t.Errorf("second cleanup: exit code %d, stdout %q, stderr %q", got.code, got.stdout, got.stderr)
	}
}

func (s *scene) cleanup() result {
	s.Helper()
	return s.run("cleanup")
}

func TestDryRun(t *testing.T) {
	s := newScene(t)
	s.tracerNamespace(map[string]string{"pod-security.kubernetes.io/enforce": "privileged"})
	s.deployment("web", 2, sayName)
	for _, mode := range []string{"client", "server"} {
		got := s.run("exec", "deploy/web", "--dry-run", mode, "-o", "json")
		nodes := map[string]bool{}
		for decoder := json.NewDecoder(strings.NewReader(got.stdout)); decoder.More(); {
			var pod corev1.Pod
			if err := decoder.Decode(&pod); err != nil {
				t.Fatal(err)
			}
			nodes[pod.Spec.NodeName] = pod.Kind == "Pod" && pod.Namespace == s.tracers
		}
		if got.code != 0 || !nodes[s.nodes[0]] || !nodes[s.nodes[1]] {
			t.Errorf("%s: exit code %d, pods on %v, stderr:\n%s", mode, got.code, nodes, got.stderr)
		}
		if pods := s.tracerPods(t.Context()); len(pods) > 0 {
			t.Errorf("%s: a dry run made %d pods", mode, len(pods))
		}
	}
}
