// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/carry"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Users who have just the rights of a role do their work, and a tracer heeds the arguments that its pod was let in with.
func TestTracersUnderAdmission(t *testing.T) {
	g := newGuarded(t)
	labels := map[string]string{"app": "traced"}
	g.pod("busy", labels, shell(g.nodes[0], sayName))
	t.Run("observe", func(t *testing.T) { g.in(t).observe(labels) })
	t.Run("enforce", func(t *testing.T) { g.in(t).enforce() })
	other := newScene(t)
	foreign := other.pod("busy", nil, shell(g.nodes[0], sayName))
	honest := g.printedPod(observer, "exec", "busy")
	for name, test := range map[string]struct {
		change  func(*wire.TracerConfig)
		control string
		says    string
	}{
		"a configuration that enforces":       {func(c *wire.TracerConfig) { c.Enforce = true }, "", "its arguments lack --enforce"},
		"a configuration for the whole node":  {func(c *wire.TracerConfig) { c.Targets = wire.Targets{All: true} }, "", "may trace pods of namespace " + g.namespace + " only"},
		"a configuration for others' pods":    {func(c *wire.TracerConfig) { c.Targets.Pods[0].UID = string(foreign.UID) }, "", "this pod is not traced: it is of namespace " + other.namespace},
		"a control message for the node":      {func(*wire.TracerConfig) {}, `{"targets":{"all":true}}`, "the new targets are not all traced"},
		"a control message for others' pods":  {func(*wire.TracerConfig) {}, `{"add":[{"uid":"` + string(foreign.UID) + `"}]}`, "this pod is not traced: it is of namespace " + other.namespace},
		"a control message for a cgroup":      {func(*wire.TracerConfig) {}, `{"targets":{"cgroups":["/sys/fs/cgroup"]}}`, "the new targets are not all traced"},
		"a control message for another's uid": {func(*wire.TracerConfig) {}, `{"add":[{"uid":"no-such-pod"}],"remove":[]}` + "\n" + `{"targets":{"pids":[1]}}`, "the new targets are not all traced"},
	} {
		t.Run(name, func(t *testing.T) { g.in(t).dishonest(honest, test.change, test.control, test.says) })
	}
}

// observe traces a pod, and one that comes later from its first program on.
func (g *guarded) observe(labels map[string]string) {
	r := g.start("exec", "-l", "app=traced", "--as="+observer)
	hello := r.awaitHello(g.nodes[0])
	for _, name := range hello.Capabilities {
		if name != "BPF" && name != "PERFMON" {
			g.Errorf("the tracer keeps %q", hello.Capabilities)
		}
	}
	r.await("event", func(e *event.Event) bool { return execOf(e, "busy", "/bin/echo") })
	g.pod("late", labels, shell(g.nodes[0], sayName))
	r.await("the first program of a pod that came later", func(e *event.Event) bool { return execOf(e, "late", "/bin/sh") })
	if got := r.end(); got.code != 0 {
		g.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
}

// enforce ends a program, by somebody who may.
func (g *guarded) enforce() {
	r := g.start("enforce", "busy", "--deny-exec", "/bin/echo", "--kill", "--yes", "--as="+enforcer)
	r.await("enforcement", func(e *event.Event) bool { return len(e.Enforced()) > 0 })
	if got := r.end(); got.code != 0 {
		g.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
	if got := g.run("enforce", "busy", "--deny-exec", "/bin/echo", "--kill", "--yes", "--as="+observer); got.code != 1 || !strings.Contains(got.stderr, "you may not enforce") {
		g.Errorf("an observer: exit code %d, stderr:\n%s", got.code, got.stderr)
	}
}

// dishonest starts a tracer that was let in with a configuration, and a control message, that ask for more; and wants its log to say that
// it does not do that.
func (g *guarded) dishonest(honest *corev1.Pod, change func(*wire.TracerConfig), control, says string) {
	pod := honest.DeepCopy()
	args := pod.Spec.Containers[0].Args
	config, err := wire.ParseTracerConfig([]byte(args[len(args)-1]))
	if err != nil {
		g.Fatal(err)
	}
	config.Encodings = nil
	change(&config)
	document, err := json.Marshal(config)
	if err != nil {
		g.Fatal(err)
	}
	args[len(args)-1] = string(document)
	if _, err := g.as(observer).CoreV1().Pods(g.tracers).Create(g.Context(), pod, metav1.CreateOptions{}); err != nil {
		g.Fatal(err)
	}
	defer g.removed(pod.Name)
	g.eventually("the starter", func(ctx context.Context) bool {
		now, err := client.CoreV1().Pods(g.tracers).Get(ctx, pod.Name, metav1.GetOptions{})
		return err == nil && now.Status.Phase == corev1.PodRunning
	})
	stdin, feed := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- g.attach(observer, pod.Name, stdin) }()
	if _, err := feed.Write(g.payload(pod)); err != nil {
		g.Fatal(err)
	}
	if _, err := io.WriteString(feed, control+"\n"); err != nil {
		g.Fatal(err)
	}
	g.eventually("that the tracer says: "+says, func(ctx context.Context) bool {
		log, err := client.CoreV1().Pods(g.tracers).GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(ctx)
		return err == nil && strings.Contains(string(log), says)
	})
	feed.Close()
	<-ended // with whatever: the pod is removed
}

// attach is what kubectl does.
func (g *guarded) attach(user, pod string, stdin io.Reader) error {
	config := rest.CopyConfig(g.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	request := client.CoreV1().RESTClient().Post().Resource("pods").Namespace(g.tracers).Name(pod).SubResource("attach").
		VersionedParams(&corev1.PodAttachOptions{Container: "tracer", Stdin: true}, scheme.ParameterCodec)
	executor, err := remotecommand.NewSPDYExecutor(config, http.MethodPost, request.URL())
	if err != nil {
		return err
	}
	return executor.StreamWithContext(g.Context(), remotecommand.StreamOptions{Stdin: stdin})
}

// payload is the carried tracer that a pod was made for.
func (g *guarded) payload(pod *corev1.Pod) []byte {
	g.Helper()
	tracers, err := carry.Load()
	if err != nil {
		g.Fatal(err)
	}
	for _, tracer := range tracers {
		if tracer.Digest == pod.Spec.Containers[0].Command[1] {
			return tracer.Payload
		}
	}
	g.Fatal("the plugin was built with other tracers than this test: make build")
	return nil
}

// removed removes a pod.
func (g *guarded) removed(pod string) {
	g.Helper()
	if err := client.CoreV1().Pods(g.tracers).Delete(context.Background(), pod, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}); err != nil {
		g.Error(err)
	}
	g.eventually("the end of pod "+pod, func(ctx context.Context) bool {
		_, err := client.CoreV1().Pods(g.tracers).Get(ctx, pod, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}
