// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	k8stesting "k8s.io/client-go/testing"
)

func TestClassifyStart(t *testing.T) {
	for _, test := range []struct {
		name    string
		status  corev1.PodStatus
		gone    bool
		started bool
		failed  Reason // none: it has not failed
		says    string
	}{
		{"nothing known", corev1.PodStatus{Phase: corev1.PodPending}, false, false, "", ""},
		{"creating", waiting("ContainerCreating", ""), false, false, "", ""},
		{"running", running(), false, true, "", ""},
		{"ended well", terminated(0, "Completed", ""), false, true, "", ""},
		{"crashed", terminated(1, "Error", "no BPF\x1b[2J"), false, false, ContainerFailed, `exit code 1: "no BPF\x1b[2J"`},
		{"killed", terminated(137, "OOMKilled", ""), false, false, ContainerFailed, "OOMKilled, exit code 137"},
		{"cannot exec", terminated(128, "StartError", "exec format error"), false, false, ContainerFailed, "exec format error"},
		{"first pull failed", waiting("ErrImagePull", "not found"), false, false, "", "ErrImagePull: not found"},
		{"registry away", waiting("ImagePullBackOff", "connection refused"), false, false, "", "connection refused"},
		{"no such image", waiting("ImagePullBackOff", "x: not found"), false, false, ImagePull, "not found"},
		{"login", waiting("ImagePullBackOff", "401 unauthorized"), false, false, ImagePull, "unauthorized"},
		{"bad name", waiting("InvalidImageName", "x"), false, false, ImagePull, "InvalidImageName"},
		{"never pull", waiting("ErrImageNeverPull", "x"), false, false, ImagePull, "ErrImageNeverPull"},
		{"config", waiting("CreateContainerConfigError", "secret"), false, false, "", "secret"},
		{"new reason", waiting("SomethingNew", "text"), false, false, "", "SomethingNew: text"},
		{"rejected", corev1.PodStatus{Phase: corev1.PodFailed, Reason: "OutOfcpu", Message: "Node didn't have enough cpu"}, false, false, Rejected, "OutOfcpu: Node didn't"},
		{"deleted", corev1.PodStatus{}, true, false, Deleted, "deleted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := classifyStart(&corev1.Pod{Status: test.status}, test.gone)
			if v.started != test.started || v.failed != (test.failed != "") || v.failed && v.reason != test.failed || !strings.Contains(v.waitingFor, test.says) {
				t.Errorf("%+v, want %+v", v, test)
			}
		})
	}
}

func TestWaitSaysWhatItWaitsFor(t *testing.T) {
	c := newCluster(t)
	l := c.launcher(t)
	tracer := start(t, l, "n1")
	said, result := make(chan string, 16), make(chan error, 1)
	go func() { result <- tracer.Wait(t.Context(), func(node, what string) { said <- node + " " + what }) }()
	for range 2 { // said once
		c.setStatus(t, tracer.Name(), waiting("ErrImagePull", "connection refused"))
	}
	if text := receive(t, said, "progress"); text != "n1 ErrImagePull: connection refused" {
		t.Errorf("progress %q", text)
	}
	c.setStatus(t, tracer.Name(), running())
	if err := receive(t, result, "Wait"); err != nil {
		t.Fatal(err)
	}
	if len(said) > 0 {
		t.Errorf("said more: %q", <-said)
	}
}

func TestWaitTimesOutWithTheLastReason(t *testing.T) {
	for _, test := range []struct {
		name   string
		node   *corev1.Node
		status corev1.PodStatus
		want   Reason
		says   string
	}{
		{"image", readyNode("n1"), waiting("ErrImagePull", "connection refused"), ImagePull, "connection refused: check the name with --image"},
		{"nothing", readyNode("n1"), corev1.PodStatus{}, StartupTimeout, "the kubelet has not said anything"},
		{"node died", readyNode("n1", func(n *corev1.Node) { n.Status.Conditions[0].Status = corev1.ConditionUnknown }), corev1.PodStatus{}, NodeNotReady, "not ready"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCluster(t, test.node)
			tracer := start(t, c.launcher(t, func(c *Config) { c.StartupTimeout = 300 * time.Millisecond }), "n1")
			c.setStatus(t, tracer.Name(), test.status)
			err := tracer.Wait(soon(t), nil)
			var failure *NodeError
			if !errors.As(err, &failure) || failure.Reason != test.want || failure.Node != "n1" || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v, want %s with %q", err, test.want, test.says)
			}
			if _, err := tracer.Open(soon(t), time.Time{}, true); !errors.As(err, &failure) {
				t.Errorf("Open after Wait gave up: %v", err)
			}
		})
	}
}

// The kubelet tells some reasons only in events: they are looked at when a start is slow.
func TestWaitShowsEvents(t *testing.T) {
	c := newCluster(t)
	events := watch.NewFake()
	c.PrependWatchReactor("events", func(k8stesting.Action) (bool, watch.Interface, error) { return true, events, nil })
	tracer := start(t, c.launcher(t), "n1")
	said := make(chan string, 16)
	ctx := soon(t)
	go func() { _ = tracer.Wait(ctx, func(_, what string) { said <- what }) }()
	events.Add(&corev1.Event{Type: "Normal", Reason: "Pulling", Message: "no trouble"})
	events.Add(&corev1.Event{Type: "Warning", Reason: "Failed", Message: "in the status too"})
	events.Add(&corev1.Event{Type: "Warning", Reason: "FailedCreatePodSandBox", Message: "cni"})
	if text := receive(t, said, "progress"); text != "FailedCreatePodSandBox: cni" {
		t.Errorf("progress %q", text)
	}
}

func TestOpenWaitsForTheStart(t *testing.T) {
	c := newCluster(t)
	tracer := start(t, c.launcher(t), "n1")
	opened := make(chan error, 1)
	go func() {
		log, err := tracer.Open(t.Context(), time.Time{}, true)
		if err == nil {
			_, err = io.ReadAll(log)
		}
		opened <- err
	}()
	select {
	case err := <-opened:
		t.Fatalf("opened before the start: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	c.setStatus(t, tracer.Name(), running())
	if err := receive(t, opened, "Open"); err != nil {
		t.Fatal(err)
	}
}

func TestEnded(t *testing.T) {
	for message, reason := range map[string]string{
		"no memory":            `Error, exit code 3: "no memory"`,
		`{"reason":"stopped"}`: "Error, exit code 3", // totals: not for people
	} {
		t.Run(message, func(t *testing.T) {
			c := newCluster(t)
			tracer := start(t, c.launcher(t), "n1")
			if ending, err := tracer.Ended(t.Context()); ending != nil || err != nil {
				t.Fatalf("ending %v, %v", ending, err)
			}
			c.setStatus(t, tracer.Name(), terminated(3, "Error", message))
			ending, err := tracer.Ended(t.Context())
			if ending == nil || ending.Reason != reason || ending.Message != message || err != nil {
				t.Errorf("ending %+v, %v", ending, err)
			}
		})
	}
}

// Another pod of the same name is not the tracer.
func TestEndedWhenReplaced(t *testing.T) {
	c := newCluster(t)
	tracer := start(t, c.launcher(t), "n1")
	c.PrependReactor("get", "pods", func(k8stesting.Action) (bool, runtime.Object, error) {
		return true, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: tracer.Name(), UID: "other"}}, nil
	})
	if ending, err := tracer.Ended(t.Context()); ending == nil || ending.Reason != "its pod was deleted" || err != nil {
		t.Errorf("ending %+v, %v", ending, err)
	}
}
