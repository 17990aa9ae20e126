// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	k8stesting "k8s.io/client-go/testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

func namespaceThere(t *testing.T, c *cluster) bool {
	t.Helper()
	_, err := c.CoreV1().Namespaces().Get(t.Context(), "trace-sec", metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	return err == nil
}

// addNamespace adds the tracer namespace, made by a session or, with an empty one, by an administrator.
func addNamespace(t *testing.T, c *cluster, madeBy string) {
	t.Helper()
	namespace := tracerNamespace(Config{Namespace: "trace-sec", Session: madeBy})
	namespace.UID = "ns"
	if err := c.Tracker().Add(namespace); err != nil {
		t.Fatal(err)
	}
}

func podsLeft(t *testing.T, c *cluster) int {
	t.Helper()
	pods, err := c.CoreV1().Pods("trace-sec").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return len(pods.Items)
}

func TestCleanupAndNamespace(t *testing.T) {
	for name, test := range map[string]struct {
		madeBy string
		left   bool
	}{
		"made by this session":    {testConfig().Session, false},
		"made by another session": {"other", false}, // that has ended
		"of an administrator":     {"", true},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			l := c.launcher(t)
			addNamespace(t, c, test.madeBy)
			start(t, l, "n1")
			start(t, l, "n2")
			if err := l.Cleanup(soon(t)); err != nil {
				t.Fatal(err)
			}
			if left, there := podsLeft(t, c), namespaceThere(t, c); left > 0 || there != test.left {
				t.Errorf("%d pods left, namespace there: %t", left, there)
			}
			if _, err := l.Start(t.Context(), testTracerConfig("n3")); !errors.Is(err, ErrClosed) {
				t.Errorf("Start after Cleanup: %v", err)
			}
		})
	}
}

// Sessions that overlap: the one that made the namespace leaves it to the other, and the last one out removes it.
func TestCleanupOfOverlappingSessions(t *testing.T) {
	c := newCluster(t)
	first, second := c.launcher(t), c.launcher(t, func(c *Config) { c.Session, c.Expires = "fedcba987654", time.Time{} })
	addNamespace(t, c, first.config.Session)
	start(t, first, "n1")
	start(t, second, "n1")
	if err := first.Cleanup(soon(t)); err != nil {
		t.Fatal(err)
	}
	if left, there := podsLeft(t, c), namespaceThere(t, c); left != 1 || !there {
		t.Fatalf("%d pods left, namespace there: %t", left, there)
	}
	if err := second.Cleanup(soon(t)); err != nil {
		t.Fatal(err)
	}
	if left, there := podsLeft(t, c), namespaceThere(t, c); left != 0 || there {
		t.Errorf("%d pods left, namespace there: %t", left, there)
	}
}

// stuck keeps pods from going, as a kubelet that does not answer does, unless they are deleted by force.
func stuck(c *cluster, node string) *atomic.Int32 {
	var forced atomic.Int32
	c.PrependReactor("delete", "pods", func(a k8stesting.Action) (bool, runtime.Object, error) {
		d := a.(k8stesting.DeleteActionImpl)
		if d.Name != podName(testConfig().Session, node) {
			return false, nil, nil
		}
		if *d.DeleteOptions.GracePeriodSeconds == 0 {
			forced.Add(1)
			return false, nil, nil
		}
		return true, nil, nil
	})
	return &forced
}

// Within its deadline Cleanup deletes by force what does not go.
func TestCleanupForces(t *testing.T) {
	c := newCluster(t)
	l := c.launcher(t)
	forced := stuck(c, "n1")
	start(t, l, "n1")
	start(t, l, "n2")
	ctx, cancel := boundedBy(t, 2*time.Second)
	defer cancel()
	if err := l.Cleanup(ctx); err != nil || forced.Load() != 1 {
		t.Errorf("%v, deleted by force %d times", err, forced.Load())
	}
	if left := podsLeft(t, c); left > 0 {
		t.Errorf("%d pods left", left)
	}
}

// One pod that cannot be deleted does not keep the others, and is named with what to do.
func TestCleanupSaysWhatIsLeft(t *testing.T) {
	c := newCluster(t)
	l := c.launcher(t)
	bad := podName(testConfig().Session, "n1")
	c.PrependReactor("delete", "pods", func(a k8stesting.Action) (bool, runtime.Object, error) {
		return a.(k8stesting.DeleteAction).GetName() == bad, nil, forbidden("not by you")
	})
	for _, node := range []string{"n1", "n2", "n3"} {
		start(t, l, node)
	}
	err := l.Cleanup(soon(t))
	var remains *Remains
	if !errors.As(err, &remains) || len(remains.Pods) != 1 || remains.Pods[0].Node != "n1" {
		t.Fatalf("error %v", err)
	}
	if remains.Err != nil {
		t.Errorf("it went on trying what was refused: %v", remains.Err)
	}
	for _, part := range []string{bad, "node n1", "not by you", "kubectl --namespace=trace-sec delete pods --selector=" + LabelSession} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error without %q: %v", part, err)
		}
	}
	if left := podsLeft(t, c); left != 1 {
		t.Errorf("%d pods left", left)
	}
}

// A cluster that does not answer costs no more than the deadline.
func TestCleanupKeepsItsDeadline(t *testing.T) {
	c := newCluster(t)
	var gone atomic.Bool
	c.PrependReactor("*", "*", func(k8stesting.Action) (bool, runtime.Object, error) {
		return gone.Load(), nil, apierrors.NewInternalError(errors.New("etcd is gone"))
	})
	l := c.launcher(t)
	start(t, l, "n1")
	gone.Store(true)
	ctx, cancel := boundedBy(t, 500*time.Millisecond)
	defer cancel()
	err := l.Cleanup(ctx)
	var remains *Remains
	if !errors.As(err, &remains) || !strings.Contains(err.Error(), "etcd is gone") || !strings.Contains(err.Error(), "may be left") {
		t.Errorf("error %v", err)
	}
}

// A panic while something is removed is the guard's, and the rest is removed.
func TestCleanupAfterPanic(t *testing.T) {
	c := newCluster(t)
	var panics atomic.Int32
	l := New(c, nil, testConfig(), WithGuard(func(f func()) {
		defer func() {
			if recover() != nil {
				panics.Add(1)
			}
		}()
		f()
	}))
	t.Cleanup(l.stop)
	start(t, l, "n1")
	start(t, l, "n2")
	var once atomic.Bool
	c.PrependReactor("delete", "pods", func(k8stesting.Action) (bool, runtime.Object, error) {
		if once.CompareAndSwap(false, true) {
			panic("a bug")
		}
		return false, nil, nil
	})
	if err := l.Cleanup(soon(t)); err != nil || panics.Load() != 1 {
		t.Errorf("%v, %d panics", err, panics.Load())
	}
	if left := podsLeft(t, c); left > 0 {
		t.Errorf("%d pods left", left)
	}
}

// What a dead session left keeps neither the next one's namespace nor itself.
func TestCleanupTakesLeftOvers(t *testing.T) {
	c := newCluster(t, podOf("left", "other", endedFor(2*time.Minute, event.ByeAbandoned)))
	addNamespace(t, c, "other")
	l := c.launcher(t)
	start(t, l, "n1")
	if err := l.Cleanup(soon(t)); err != nil {
		t.Fatal(err)
	}
	if left, there := podsLeft(t, c), namespaceThere(t, c); left > 0 || there {
		t.Errorf("%d pods left, namespace there: %t", left, there)
	}
}
