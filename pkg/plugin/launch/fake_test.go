// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"cmp"
	"context"
	"errors"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// The fake API server is for faults that a real one cannot be made to show on demand; test/e2e has the real one.

var podResource = schema.GroupResource{Resource: "pods"}

// cluster is a fake API server that allows everything, judges dry runs by refuse and gives pods UIDs.
type cluster struct {
	*fake.Clientset
	denied map[string]bool // "verb resource"
	refuse func(dryRun bool) error
	uid    string        // of the next pods; else by node
	more   chan struct{} // lets a served log go on
	hold   func()        // before a served Create
}

func newCluster(t *testing.T, objects ...runtime.Object) *cluster {
	c := &cluster{Clientset: fake.NewClientset(objects...), denied: map[string]bool{}, refuse: func(bool) error { return nil }, more: make(chan struct{}), hold: func() {}}
	c.PrependReactor("create", "selfsubjectaccessreviews", func(a k8stesting.Action) (bool, runtime.Object, error) {
		review := a.(k8stesting.CreateAction).GetObject().(*authorizationv1.SelfSubjectAccessReview).DeepCopy()
		r := review.Spec.ResourceAttributes
		name := r.Verb + " " + r.Resource
		if r.Subresource != "" {
			name += "/" + r.Subresource
		}
		review.Status.Allowed = !c.denied[name]
		return true, review, nil
	})
	c.PrependReactor("create", "pods", func(a k8stesting.Action) (bool, runtime.Object, error) {
		create := a.(k8stesting.CreateActionImpl)
		dryRun := len(create.CreateOptions.DryRun) > 0
		if err := c.refuse(dryRun); err != nil || dryRun {
			return true, create.GetObject(), err
		}
		pod := create.GetObject().(*corev1.Pod)
		pod.CreationTimestamp = metav1.Now()
		pod.UID = types.UID(cmp.Or(c.uid, "uid-of-"+pod.Spec.NodeName))
		return false, nil, nil
	})
	c.PrependReactor("create", "namespaces", func(a k8stesting.Action) (bool, runtime.Object, error) {
		a.(k8stesting.CreateAction).GetObject().(*corev1.Namespace).UID = "made"
		return false, nil, nil
	})
	return c
}

func (c *cluster) launcher(t *testing.T, change ...func(*Config)) *Launcher {
	config := testConfig()
	for _, f := range change {
		f(&config)
	}
	l := New(c, nil, config)
	t.Cleanup(l.stop)
	return l
}

// setStatus is the kubelet's part.
func (c *cluster) setStatus(t *testing.T, name string, status corev1.PodStatus) {
	t.Helper()
	pod, err := c.CoreV1().Pods("trace-sec").Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pod = pod.DeepCopy()
	pod.Status = status
	if _, err := c.CoreV1().Pods("trace-sec").UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// observe is setStatus that returns when the tracer has seen it: what its watch had still to tell comes before that. The fake
// API server forgets what happens between a list and its watch, so it is said until it is heard.
func (c *cluster) observe(t *testing.T, tracer *Tracer, status corev1.PodStatus) {
	t.Helper()
	deadline := soon(t)
	for seen := errNotSeen; seen != nil; {
		if deadline.Err() != nil {
			t.Fatal(seen)
		}
		c.setStatus(t, tracer.Name(), status)
		ctx, cancel := context.WithTimeout(deadline, 100*time.Millisecond)
		seen = tracer.await(ctx, func(p *corev1.Pod) bool { return equality.Semantic.DeepEqual(p.Status, status) })
		cancel()
	}
}

var errNotSeen = errors.New("the tracer has not seen its pod's status")

func containerStatus(state corev1.ContainerState) corev1.PodStatus {
	return corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{Name: ContainerName, State: state}}}
}

func running() corev1.PodStatus {
	return containerStatus(corev1.ContainerState{Running: &corev1.ContainerStateRunning{}})
}

func waiting(reason, message string) corev1.PodStatus {
	return containerStatus(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}})
}

func terminated(code int32, reason, message string) corev1.PodStatus {
	return containerStatus(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message}})
}

func testTracerConfig(node string) wire.TracerConfig {
	return completed(testConfig(), wire.TracerConfig{Node: node, Targets: wire.Targets{All: true}})
}

// completed is a configuration as the plugin makes it.
func completed(c Config, config wire.TracerConfig) wire.TracerConfig {
	config.Version, config.Session, config.Encodings = wire.Version, c.Session, wire.Encodings()
	config.Deadline, config.Silence = wire.Duration(c.deadline()), wire.Duration(Silence)
	if c.Armed {
		config.Silence = wire.Duration(ArmedSilence)
	}
	return config
}

func start(t *testing.T, l *Launcher, node string) *Tracer {
	t.Helper()
	tracer, err := l.Start(t.Context(), testTracerConfig(node))
	if err != nil {
		t.Fatal(err)
	}
	return tracer
}

func forbidden(text string) error {
	return apierrors.NewForbidden(podResource, "trace-sec-x", errors.New(text))
}

// namespaceGoes is the refusal of what is to be made in a namespace that is being deleted.
func namespaceGoes() error {
	err := apierrors.NewForbidden(podResource, "trace-sec-x", errors.New("unable to create new content in namespace trace-sec because it is being terminated"))
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	return err
}

func boundedBy(t *testing.T, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), limit)
}

// soon is a context that fails the test's wait rather than hang it.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func receive[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(10 * time.Second):
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}
