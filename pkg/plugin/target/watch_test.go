// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"
)

// watched runs Watch and returns its changes as "name node" and "name gone"; the watch's end is awaited.
func watched(t *testing.T, c *fake.Clientset, r Request, trouble func(error)) func(want string) {
	f := finder(t, c, r)
	changes, done := make(chan string, 64), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		done <- f.Watch(ctx, func(c Change) {
			text := c.Pod.Name + " " + c.Pod.Spec.NodeName
			if c.Gone {
				text = c.Pod.Name + " gone"
			}
			changes <- text
		}, trouble)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Watch: %v", err)
		}
		if len(changes) > 0 {
			t.Errorf("a change too many: %s", <-changes)
		}
	})
	return func(want string) {
		t.Helper()
		select {
		case got := <-changes:
			if got != want {
				t.Fatalf("change %q, want %q", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("no change, want %q", want)
		}
	}
}

func put(t *testing.T, c *fake.Clientset, p *corev1.Pod) {
	t.Helper()
	pods := c.CoreV1().Pods(p.Namespace)
	_, err := pods.Update(t.Context(), p, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		_, err = pods.Create(t.Context(), p, metav1.CreateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, c *fake.Clientset, name string) {
	t.Helper()
	if err := c.CoreV1().Pods("shop").Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestWatch(t *testing.T) {
	c := newClient(shop()...)
	expect := watched(t, c, Request{Args: []string{"sts/db"}}, nil)
	expect("db-0 node-1")
	db := func(name, node string, change ...func(*corev1.Pod)) *corev1.Pod {
		return pod("shop", name, node, append(change, label("app", "db"), owned("StatefulSet", "db"))...)
	}
	put(t, c, db("db-0", "node-1", label("x", "y"))) // updates of a live pod come through
	expect("db-0 node-1")
	put(t, c, db("db-1", "")) // not yet
	put(t, c, db("db-1", "node-2"))
	expect("db-1 node-2")
	put(t, c, db("db-1", "node-2", phase(corev1.PodFailed)))
	expect("db-1 gone")
	remove(t, c, "db-1") // once is enough
	remove(t, c, "db-0")
	expect("db-0 gone")
	again := db("db-0", "node-2")
	again.UID = "another"
	put(t, c, again)
	expect("db-0 node-2")
	put(t, c, pod("shop", "db-fake", "node-1", label("app", "db"))) // selected, not owned
	put(t, c, db("db-2", "node-1"))
	expect("db-2 node-1")
}

// A pod that two names cover is gone when neither sees it any more.
func TestWatchOverlap(t *testing.T) {
	c := newClient(shop()...)
	expect := watched(t, c, Request{Args: []string{"sts/db", "db-0"}}, nil)
	expect("db-0 node-1")
	expect("db-0 node-1")
	put(t, c, pod("shop", "db-0", "node-1", label("app", "db"))) // orphaned: only its name finds it now
	expect("db-0 node-1")
	remove(t, c, "db-0")
	expect("db-0 gone")
	again := pod("shop", "db-0", "node-2", label("app", "db"), owned("StatefulSet", "db"))
	again.UID = "another"
	put(t, c, again) // both have told of the end before this
	expect("db-0 node-2")
	expect("db-0 node-2")
}

func TestWatchSeesLaterJobsOfACronJob(t *testing.T) {
	c := newClient(shop()...)
	expect := watched(t, c, Request{Args: []string{"cronjob/tick"}}, nil)
	expect("tick-1-p node-1")
	// The job is not readable any more when its pod is seen: the name has to do.
	put(t, c, pod("shop", "tick-2-p", "node-2", label(jobName, "tick-2"), owned("Job", "tick-2")))
	expect("tick-2-p node-2")
	put(t, c, pod("shop", "tock-1-p", "node-2", label(jobName, "tock-1"), owned("Job", "tock-1")))
	remove(t, c, "tick-2-p")
	expect("tick-2-p gone")
}

// A watch that fails is told of, and goes on.
func TestWatchSurvivesAndSaysSo(t *testing.T) {
	c := newClient(shop()...)
	var failures atomic.Int32
	c.PrependReactor("list", "pods", func(k8stesting.Action) (bool, runtime.Object, error) {
		if failures.Add(1) <= 2 {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("not now"))
		}
		return false, nil, nil
	})
	troubles := make(chan error, 16)
	expect := watched(t, c, Request{Args: []string{"db-0"}}, func(err error) { troubles <- err })
	select {
	case err := <-troubles:
		if !strings.Contains(err.Error(), "watch of pod/db-0 failed, trying again") || !strings.Contains(err.Error(), "not now") {
			t.Errorf("trouble %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nothing said")
	}
	expect("db-0 node-1")
	if len(troubles) > 0 {
		t.Errorf("said again: %v", <-troubles)
	}
}

func TestWatchOfNothing(t *testing.T) {
	f := finder(t, newClient(shop()...), Request{Args: []string{"deploy/nothing"}})
	if err := f.Watch(soon(t), func(Change) {}, nil); err == nil {
		t.Error("no error")
	}
}

// A panic of what is told of changes must not end the process past whoever cleans up.
func TestWatchPanicsWhereItWasCalled(t *testing.T) {
	f := finder(t, newClient(shop()...), Request{Args: []string{"db-0"}})
	fault := make(chan any, 1)
	go func() {
		defer func() { fault <- recover() }()
		_ = f.Watch(soon(t), func(Change) { panic("a bug") }, nil)
	}()
	got, isError := (<-fault).(error)
	if !isError || !strings.Contains(got.Error(), "a bug") || !strings.Contains(got.Error(), "watch_test.go") {
		t.Errorf("recovered %v", got)
	}
}
