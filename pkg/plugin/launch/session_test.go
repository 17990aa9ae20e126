// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	k8stesting "k8s.io/client-go/testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// deletions records what is deleted: "name uid grace".
type deletion struct {
	name  string
	uid   types.UID
	grace int64
}

func recordDeletions(c *cluster) func() []deletion {
	var mu sync.Mutex
	var list []deletion
	c.PrependReactor("delete", "pods", func(a k8stesting.Action) (bool, runtime.Object, error) {
		d := a.(k8stesting.DeleteActionImpl)
		mu.Lock()
		defer mu.Unlock()
		record := deletion{name: d.Name, grace: -1}
		if d.DeleteOptions.Preconditions != nil && d.DeleteOptions.Preconditions.UID != nil {
			record.uid = *d.DeleteOptions.Preconditions.UID
		}
		if d.DeleteOptions.GracePeriodSeconds != nil {
			record.grace = *d.DeleteOptions.GracePeriodSeconds
		}
		list = append(list, record)
		return false, nil, nil
	})
	return func() []deletion {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(list)
	}
}

func TestStartRefused(t *testing.T) {
	c := newCluster(t)
	c.refuse = func(bool) error { return forbidden("exceeded quota: q, requested: pods=1") }
	_, err := c.launcher(t).Start(t.Context(), testOrders("n1"))
	var refused *NodeError
	if !errors.As(err, &refused) || refused.Reason != Refused || refused.Node != "n1" || !apierrors.IsForbidden(err) {
		t.Errorf("error %v", err)
	}
}

func TestStartChecksOrders(t *testing.T) {
	c := newCluster(t)
	long := testOrders("n1")
	long.Targets = wire.Targets{Cgroups: []string{strings.Repeat("x", maxOrders)}}
	for _, orders := range []wire.Orders{{Node: "n1", Targets: wire.Targets{All: true, Pids: []uint32{1}}}, long} {
		if _, err := c.launcher(t).Start(t.Context(), orders); err == nil || !strings.Contains(err.Error(), "node n1") {
			t.Errorf("error %v", err)
		}
	}
}

// An answer that got lost, or a node that is traced again.
func TestStartWhenThePodIsThere(t *testing.T) {
	config := testConfig()
	there := func(change func(*corev1.Pod)) *corev1.Pod {
		pod := TracerPod(config, testOrders("n1"))
		pod.UID = "first"
		change(pod)
		return pod
	}
	for name, test := range map[string]struct {
		pod  *corev1.Pod
		want types.UID // empty: refused
	}{
		"running": {there(func(*corev1.Pod) {}), "first"},
		"ended":   {there(func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }), "uid-of-n1"},
		"another": {there(func(p *corev1.Pod) { p.Labels[LabelSession] = "other" }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			tracer, err := newCluster(t, test.pod).launcher(t).Start(t.Context(), testOrders("n1"))
			if (err == nil) != (test.want != "") {
				t.Fatal(err)
			}
			if err == nil && tracer.UID() != test.want {
				t.Errorf("UID %s, want %s", tracer.UID(), test.want)
			}
		})
	}
}

func TestDeleteGrace(t *testing.T) {
	for name, test := range map[string]struct {
		afterBye bool
		status   corev1.PodStatus
		grace    int64
	}{
		"running":   {false, running(), gracePeriod},
		"said bye":  {true, running(), 0},
		"has ended": {false, terminated(1, "Error", ""), 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			deleted := recordDeletions(c)
			tracer := start(t, c.launcher(t), "n1")
			c.observe(t, tracer, test.status)
			if err := tracer.Delete(soon(t), test.afterBye); err != nil {
				t.Fatal(err)
			}
			want := []deletion{{tracer.Name(), tracer.UID(), test.grace}}
			if got := deleted(); !slices.Equal(got, want) {
				t.Errorf("deleted %v, want %v", got, want)
			}
			if err := tracer.Delete(soon(t), true); err != nil {
				t.Errorf("deleted twice: %v", err)
			}
		})
	}
}

func TestDeleteTriesAgain(t *testing.T) {
	c := newCluster(t)
	failures := 2
	c.PrependReactor("delete", "pods", func(k8stesting.Action) (bool, runtime.Object, error) {
		if failures--; failures >= 0 {
			return true, nil, apierrors.NewInternalError(errors.New("etcd"))
		}
		return false, nil, nil
	})
	tracer := start(t, c.launcher(t), "n1")
	if err := tracer.Delete(soon(t), true); err != nil || failures != -1 {
		t.Errorf("%v after %d failures left", err, failures)
	}
}

func TestDeleteForbiddenSaysHow(t *testing.T) {
	c := newCluster(t)
	c.PrependReactor("delete", "pods", func(k8stesting.Action) (bool, runtime.Object, error) { return true, nil, forbidden("no") })
	tracer := start(t, c.launcher(t), "n1")
	err := tracer.Delete(soon(t), true)
	if err == nil || !strings.Contains(err.Error(), "kubectl --namespace=trace-sec delete pod "+tracer.Name()) {
		t.Errorf("error %v", err)
	}
}

func namespaceThere(t *testing.T, c *cluster) bool {
	t.Helper()
	_, err := c.CoreV1().Namespaces().Get(t.Context(), "trace-sec", metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	return err == nil
}

func TestCleanupAndNamespace(t *testing.T) {
	other := TracerPod(testConfig(), testOrders("n9"))
	other.Labels[LabelSession], other.UID = "other", "other"
	for name, test := range map[string]struct {
		made, others, left bool
	}{
		"made by this session":       {true, false, false},
		"of an administrator":        {false, false, true},
		"another session traces too": {true, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			l := c.launcher(t)
			namespace := tracerNamespace(l.config)
			namespace.UID = "ns"
			if err := c.Tracker().Add(namespace); err != nil {
				t.Fatal(err)
			}
			if test.made {
				l.madeUID = "ns"
			}
			if test.others {
				if err := c.Tracker().Add(other.DeepCopy()); err != nil {
					t.Fatal(err)
				}
			}
			start(t, l, "n1")
			start(t, l, "n2")
			if err := l.Cleanup(soon(t)); err != nil {
				t.Fatal(err)
			}
			pods, err := c.CoreV1().Pods("trace-sec").List(t.Context(), metav1.ListOptions{})
			if err != nil || len(pods.Items) > 0 != test.others {
				t.Errorf("%d pods left, %v", len(pods.Items), err)
			}
			if there := namespaceThere(t, c); there != test.left {
				t.Errorf("namespace there: %v", there)
			}
			if _, err := l.Start(t.Context(), testOrders("n3")); !errors.Is(err, ErrClosed) {
				t.Errorf("Start after Cleanup: %v", err)
			}
		})
	}
}

// Ctrl-C during Create: the pod that comes into being afterwards must not be left. Over HTTP, since the fake client has no
// requests under way.
func TestCleanupWaitsForCreate(t *testing.T) {
	creating, proceed := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	pods := corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var answer any
		switch {
		case r.Method == http.MethodPost:
			var pod corev1.Pod
			if err := json.NewDecoder(r.Body).Decode(&pod); err != nil {
				t.Error(err)
			}
			close(creating)
			<-proceed
			pod.UID = "u"
			mu.Lock()
			pods.Items = append(pods.Items, pod)
			mu.Unlock()
			answer = pod
		case r.Method == http.MethodDelete:
			mu.Lock()
			pods.Items = nil
			mu.Unlock()
			answer = metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusSuccess}
		case r.URL.Query().Get("watch") != "":
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		default:
			mu.Lock()
			defer mu.Unlock()
			answer = pods
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	restConfig := &rest.Config{Host: server.URL}
	restConfig.ContentType = "application/json"
	client, err := kubernetes.NewForConfig(restConfig)
	if err != nil {
		t.Fatal(err)
	}
	l := New(client, restConfig, testConfig())
	ctx, interrupt := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		_, err := l.Start(ctx, testOrders("n1"))
		result <- err
	}()
	receive(t, creating, "Create")
	interrupt()
	if err := receive(t, result, "Start"); !errors.Is(err, context.Canceled) {
		t.Errorf("Start: %v", err)
	}
	cleaned := make(chan error, 1)
	go func() { cleaned <- l.Cleanup(soon(t)) }()
	select {
	case err := <-cleaned:
		t.Errorf("Cleanup did not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	close(proceed)
	if err := receive(t, cleaned, "Cleanup"); err != nil {
		t.Fatal(err)
	}
	if len(pods.Items) > 0 {
		t.Errorf("%d pods left", len(pods.Items))
	}
}

func TestReap(t *testing.T) {
	pod := func(node, session string, change func(*corev1.Pod)) *corev1.Pod {
		p := TracerPod(testConfig(), testOrders(node))
		p.Name, p.UID, p.Labels[LabelSession] = node, types.UID(node), session
		p.Annotations[AnnotationExpires] = time.Now().Add(time.Hour).Format(time.RFC3339)
		change(p)
		return p
	}
	objects := func() []runtime.Object {
		return []runtime.Object{
			pod("alive", "other", func(*corev1.Pod) {}),
			pod("unreadable", "other", func(p *corev1.Pod) { p.Annotations[AnnotationExpires] = "soon" }),
			pod("expired", "other", func(p *corev1.Pod) {
				p.Annotations[AnnotationExpires] = time.Now().Add(-time.Second).Format(time.RFC3339)
			}),
			pod("ended", "other", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }),
			pod("own", testConfig().Session, func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }),
			pod("foreign", "other", func(p *corev1.Pod) { p.Labels[LabelManagedBy], p.Status.Phase = "helm", corev1.PodSucceeded }),
			tracerNamespace(testConfig()),
		}
	}
	for name, test := range map[string]struct {
		all  bool
		want []deletion
	}{
		"left-overs": {false, []deletion{{"ended", "ended", 0}, {"expired", "expired", gracePeriod}}},
		"all": {true, []deletion{{"alive", "alive", gracePeriod}, {"ended", "ended", 0}, {"expired", "expired", gracePeriod},
			{"own", "own", 0}, {"unreadable", "unreadable", gracePeriod}}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, objects()...)
			deleted := recordDeletions(c)
			names, err := c.launcher(t).Reap(soon(t), test.all)
			if err != nil {
				t.Fatal(err)
			}
			if got := deleted(); !slices.Equal(got, test.want) || len(names) != len(got) {
				t.Errorf("deleted %v, want %v; told %v", got, test.want, names)
			}
			if !namespaceThere(t, c) { // a pod of somebody else is in it
				t.Error("the namespace is gone")
			}
		})
	}
}

func TestReapAllTakesASessionsEmptyNamespace(t *testing.T) {
	for name, test := range map[string]struct {
		madeBy string
		left   bool
	}{"of a session": {"other", false}, "of an administrator": {"", true}} {
		t.Run(name, func(t *testing.T) {
			namespace := tracerNamespace(testConfig())
			namespace.Annotations[AnnotationMadeBy] = test.madeBy
			c := newCluster(t, namespace)
			if _, err := c.launcher(t).Reap(soon(t), true); err != nil {
				t.Fatal(err)
			}
			if there := namespaceThere(t, c); there != test.left {
				t.Errorf("namespace there: %v", there)
			}
		})
	}
}
