// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// tracedAs runs exec until it shows the pod's echo, and returns how that ended. With it, what the tracer pod was is looked at.
func (s *scene) tracedAs(look func(corev1.PodSpec), args ...string) result {
	s.Helper()
	r := s.start(append([]string{"exec", "busy"}, args...)...)
	r.await("event", func(e *event.Event) bool { return execOf(e, "busy", "/bin/echo") })
	pods, err := client.CoreV1().Pods(s.tracers).List(s.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) != 1 {
		s.Errorf("%d tracer pods (%v)", len(pods.Items), err)
	} else {
		look(pods.Items[0].Spec)
	}
	return r.end()
}

// Nodes get the tracer in each way, and what is left of it is nothing: newScene looks for that.
func TestWaysOfTheTracer(t *testing.T) {
	s := newScene(t)
	s.pod("busy", nil, shell(s.nodes[0], sayName))
	for name, test := range map[string]struct {
		args    []string
		image   string // that its pod has to have; empty: any other than the workload's
		command string // its beginning
		said    string // in stderr
	}{
		"carried in the image of a target": {[]string{"--tracer=carried"}, workload, "/trace-sec-", "the tracer is sent to 1 node: 3."},
		"from an image":                    {[]string{"--tracer=image"}, "", "/trace-sec-tracer", "tracing 1 pod on 1 node"},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			got := s.tracedAs(func(spec corev1.PodSpec) {
				c := spec.Containers[0]
				if test.image != "" && (c.Image != test.image || c.ImagePullPolicy != corev1.PullNever) || test.image == "" && c.Image == workload {
					t.Errorf("its image is %s, %s", c.Image, c.ImagePullPolicy)
				}
				if !strings.HasPrefix(c.Command[0], test.command) {
					t.Errorf("it runs %q", c.Command)
				}
			}, test.args...)
			if got.code != 0 || !strings.Contains(got.stderr, test.said) {
				t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
			}
		})
	}
}

// An administrator's namespace keeps nothing: the starter goes with the last session.
func TestStarterGoesWithTheLastSession(t *testing.T) {
	s := newScene(t)
	s.pod("busy", nil, shell(s.nodes[0], sayName))
	s.tracerNamespace(map[string]string{"pod-security.kubernetes.io/enforce": "privileged"})
	starters := func() int {
		found, err := client.CoreV1().ConfigMaps(s.tracers).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=kubectl-trace-sec"})
		if err != nil {
			t.Fatal(err)
		}
		return len(found.Items)
	}
	isEcho := func(e *event.Event) bool { return execOf(e, "busy", "/bin/echo") }
	first, second := s.start("exec", "busy", "--tracer=carried"), s.start("exec", "busy", "--tracer=carried")
	first.await("event", isEcho)
	second.await("event", isEcho)
	if n := starters(); n != 1 {
		t.Errorf("%d starters for two sessions", n)
	}
	if got := first.end(); got.code != 0 || starters() != 1 {
		t.Errorf("exit code %d, %d starters while the other session runs; stderr:\n%s", got.code, starters(), got.stderr)
	}
	if got := second.end(); got.code != 0 || starters() != 0 {
		t.Errorf("exit code %d, %d starters are left; stderr:\n%s", got.code, starters(), got.stderr)
	}
}

// A connection that breaks while the tracer is sent costs a pod, and no more: another one is started.
func TestTracerIsCutOffOnItsWay(t *testing.T) {
	s := newScene(t)
	s.pod("busy", nil, shell(s.nodes[0], sayName))
	proxy, config := newProxy(t)
	proxy.CutUpload(1_000_000)
	r := s.startWith([]string{"KUBECONFIG=" + config}, "exec", "busy", "--tracer=carried")
	r.await("event", func(e *event.Event) bool { return execOf(e, "busy", "/bin/echo") })
	got := r.end()
	if got.code != 0 || proxy.Uncut() != 0 || !strings.Contains(got.stderr, "the tracer did not arrive whole") {
		t.Errorf("exit code %d, connections still to cut: %d, stderr:\n%s", got.code, proxy.Uncut(), got.stderr)
	}
}

// What the user names and the node does not have is an error that says what to do.
func TestBaseImageThatIsNotThere(t *testing.T) {
	s := newScene(t)
	s.pod("busy", nil, shell(s.nodes[0], sayName))
	got := s.run("exec", "busy", "--tracer=carried", "--base-image", "localhost/no-such-image:1")
	for _, want := range []string{"localhost/no-such-image:1", s.nodes[0], "--base-image"} {
		if got.code != 1 || !strings.Contains(got.stderr, want) {
			t.Errorf("exit code %d, stderr lacks %s:\n%s", got.code, want, got.stderr)
		}
	}
}

// On a node where nothing may be executed from memory files, the tracer runs from a volume in memory, and that is said.
func TestNodeWithoutMemoryFiles(t *testing.T) {
	const sysctl = "/proc/sys/vm/memfd_noexec" // of the pid namespace, which is the node's
	s := newScene(t)
	s.pod("busy", nil, shell(s.nodes[0], sayName))
	s.pod("node", nil, onHost(shell(s.nodes[0], "sleep 1000000")))
	value := func() string { return strings.TrimSpace(s.execIn("node", "cat", sysctl)) }
	set := func(value string) { s.execIn("node", "sh", "-c", "echo "+value+" >"+sysctl) }
	before := value()
	defer func() { // while the test's context lives
		if set(before); value() != before {
			t.Errorf("%s of node %s is left at %s", sysctl, s.nodes[0], value())
		}
	}()
	set("2")
	got := s.tracedAs(func(corev1.PodSpec) {}, "--tracer=carried")
	if got.code != 0 || !strings.Contains(got.stderr, "node "+s.nodes[0]+": this node's kernel executes nothing from memory files") {
		t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
}
