// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Every mistake is one clear error that says what to do, exit code 1, and nothing on the cluster.
func TestErrors(t *testing.T) {
	s := newScene(t)
	s.pod("web-7d9f", nil, shell(s.nodes[0], sayName))
	for _, test := range []struct {
		name string
		args []string
		want []string // in stderr
	}{
		{"unknown flag", []string{"exec", "--contianer", "x"}, []string{"--contianer", "did you mean --container"}},
		{"unreachable", []string{"exec", "web-7d9f", "--server", "https://127.0.0.1:1"}, []string{"cannot reach the cluster", "127.0.0.1:1"}},
		{"wrong context", []string{"exec", "web-7d9f", "--context", "nope"}, []string{"nope"}},
		{"no such pod", []string{"exec", "web-7d9e"}, []string{"web-7d9e", "not found", "web-7d9f"}},
		{"no such workload", []string{"exec", "deploy/web"}, []string{"web", "not found"}},
		{"no such type", []string{"exec", "widget/web"}, []string{"widget"}},
		{"no such node", []string{"exec", "--node", "nowhere"}, []string{"nowhere"}},
		{"nothing matches", []string{"exec", "-l", "app=nothing"}, []string{"app=nothing", s.namespace}},
		{"bad selector", []string{"exec", "-l", "a=b=c"}, []string{"a=b=c"}},
		{"no such container", []string{"exec", "web-7d9f", "-c", "sidecar"}, []string{`"sidecar"`, "they have: main"}},
		{"no permission", []string{"exec", "web-7d9f", "--as", "e2e-nobody"}, []string{"e2e-nobody", "pods"}},
		{"no such image", []string{"exec", "web-7d9f", "--image", "localhost/no-such-image:1", "--image-pull-policy", "Never"}, []string{"localhost/no-such-image:1", s.nodes[0]}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := s.in(t)
			got := s.run(test.args...)
			// What fails on a node is said in the stream as well.
			if got.code != 1 || strings.Contains(got.stdout, "🚀") {
				t.Errorf("exit code %d, stdout %q", got.code, got.stdout)
			}
			for _, want := range test.want {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("stderr lacks %q:\n%s", want, got.stderr)
				}
			}
			t.Logf("%s", got.stderr)
		})
	}
}

func TestNoKubeconfig(t *testing.T) {
	s := newScene(t)
	cmd := s.command("exec", "web")
	cmd.Env = append(os.Environ(), "KUBECONFIG=/nonexistent", "HOME=/nonexistent")
	out, err := cmd.CombinedOutput()
	if exitCode(err) != 1 || !strings.Contains(string(out), "KUBECONFIG") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestPodSecurityRefusal(t *testing.T) {
	s := newScene(t)
	s.pod("web", nil, shell(s.nodes[0], sayName))
	s.tracerNamespace(map[string]string{"pod-security.kubernetes.io/enforce": "baseline"})
	got := s.run("exec", "web")
	if got.code != 1 || !strings.Contains(got.stderr, "pod-security.kubernetes.io/enforce=privileged") || !strings.Contains(got.stderr, s.tracers) {
		t.Errorf("exit code %d, stderr lacks the remedy:\n%s", got.code, got.stderr)
	}
}

// A node that is not ready is named, and the others are traced.
func TestNodeNotReady(t *testing.T) {
	s := newScene(t)
	ghost := s.namespace + "-ghost"
	if _, err := client.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: ghost}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.CoreV1().Nodes().Delete(context.Background(), ghost, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	labels := map[string]string{"app": "web"}
	s.pod("real", labels, shell(s.nodes[0], sayName))
	spec := shell(ghost, sayName)
	spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	if _, err := client.CoreV1().Pods(s.namespace).Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "lost", Labels: labels}, Spec: spec}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	// It ran when the node was lost.
	patch := []byte(`{"status":{"phase":"Running"}}`)
	if _, err := client.CoreV1().Pods(s.namespace).Patch(t.Context(), "lost", types.MergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	r := s.start("exec", "-l", "app=web", "--strict")
	r.await("event of the other node", func(e *event.Event) bool { return execOf(e, "real", "/bin/echo") })
	got := r.end()
	if got.code != 3 || !strings.Contains(got.stderr, ghost) {
		t.Errorf("exit code %d, want 3; stderr:\n%s", got.code, got.stderr)
	}
}
