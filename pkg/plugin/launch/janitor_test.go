// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	k8stesting "k8s.io/client-go/testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// podOf is a pod of another session.
func podOf(name, session string, change ...func(*corev1.Pod)) *corev1.Pod {
	p := imagePod(testConfig(), testTracerConfig("node-of-"+name))
	p.Name, p.UID, p.Labels[LabelSession] = name, types.UID(name), session
	p.CreationTimestamp = metav1.NewTime(time.Now().Add(-time.Hour))
	p.Annotations[AnnotationExpires] = time.Now().Add(time.Hour).Format(time.RFC3339)
	for _, f := range change {
		f(p)
	}
	return p
}

func isRunning(p *corev1.Pod) { p.Status = running() }

func endedFor(ago time.Duration, reason string) func(*corev1.Pod) {
	message, _ := json.Marshal(event.Bye{Reason: reason})
	return func(p *corev1.Pod) {
		p.Status = terminated(0, "Completed", string(message))
		p.Status.Phase = corev1.PodSucceeded
		p.Status.ContainerStatuses[0].State.Terminated.FinishedAt = metav1.NewTime(time.Now().Add(-ago))
	}
}

func deletedSince(ago time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.DeletionTimestamp = &metav1.Time{Time: time.Now().Add(-ago)}
		p.Finalizers = []string{"fake/keep"}
	}
}

func nodeNotReady(p *corev1.Pod) {
	p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "NodeNotReady"})
}

func expiredPod(p *corev1.Pod) {
	p.Annotations[AnnotationExpires] = time.Now().Add(-time.Second).Format(time.RFC3339)
}

// detachedPod is of a session that was to trace by itself until some time ago.
func detachedPod(p *corev1.Pod) {
	p.Annotations[AnnotationEnds] = time.Now().Add(-2 * time.Minute).Format(time.RFC3339)
}

func TestLeftOvers(t *testing.T) {
	long := endedFor(2*time.Minute, event.ByeStopped)
	for name, test := range map[string]struct {
		pods     []*corev1.Pod
		explicit bool
		want     string // names of the left-overs
	}{
		"runs":                              {[]*corev1.Pod{podOf("a", "s", isRunning)}, false, ""},
		"unreadable time":                   {[]*corev1.Pod{podOf("a", "s", isRunning, func(p *corev1.Pod) { p.Annotations[AnnotationExpires] = "soon" })}, false, ""},
		"its time is over":                  {[]*corev1.Pod{podOf("a", "s", isRunning, expiredPod)}, false, "a"},
		"ended, its log is still read":      {[]*corev1.Pod{podOf("a", "s", endedFor(30*time.Second, event.ByeStopped))}, false, ""},
		"ended long ago":                    {[]*corev1.Pod{podOf("a", "s", long)}, false, "a"},
		"ended, the session lives":          {[]*corev1.Pod{podOf("a", "s", long), podOf("b", "s", isRunning)}, false, ""},
		"ended, another session lives":      {[]*corev1.Pod{podOf("a", "s", long), podOf("b", "u", isRunning)}, false, "a"},
		"ended, the other's time is over":   {[]*corev1.Pod{podOf("a", "s", long), podOf("b", "s", isRunning, expiredPod)}, false, "a b"},
		"ended, the other's node is gone":   {[]*corev1.Pod{podOf("a", "s", long), podOf("b", "s", isRunning, nodeNotReady)}, false, "a"},
		"detached, ended":                   {[]*corev1.Pod{podOf("a", "s", long, detachedPod)}, false, ""},
		"detached, ended, asked for":        {[]*corev1.Pod{podOf("a", "s", long, detachedPod)}, true, ""},
		"detached, its events expired":      {[]*corev1.Pod{podOf("a", "s", long, detachedPod, expiredPod)}, false, "a"},
		"lost before it was detached":       {[]*corev1.Pod{podOf("a", "s", endedFor(2*time.Minute, event.ByeAbandoned), detachedPod)}, false, "a"},
		"abandoned":                         {[]*corev1.Pod{podOf("a", "s", endedFor(time.Second, event.ByeAbandoned))}, false, ""},
		"abandoned, asked for":              {[]*corev1.Pod{podOf("a", "s", endedFor(time.Second, event.ByeAbandoned))}, true, "a"},
		"ended just now, asked for":         {[]*corev1.Pod{podOf("a", "s", endedFor(time.Second, event.ByeStopped))}, true, ""},
		"being deleted":                     {[]*corev1.Pod{podOf("a", "s", isRunning, deletedSince(10*time.Second))}, false, ""},
		"deleted, no kubelet":               {[]*corev1.Pod{podOf("a", "s", isRunning, deletedSince(time.Minute))}, false, "a"},
		"never started":                     {[]*corev1.Pod{podOf("a", "s")}, false, "a"},
		"starts":                            {[]*corev1.Pod{podOf("a", "s", func(p *corev1.Pod) { p.CreationTimestamp = metav1.Now() })}, false, ""},
		"evicted":                           {[]*corev1.Pod{podOf("a", "s", func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed })}, false, "a"},
		"of this session, whatever it does": {[]*corev1.Pod{podOf("a", testConfig().Session, long, expiredPod)}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var pods []corev1.Pod
			for _, p := range test.pods {
				pods = append(pods, *p)
			}
			var got []string
			for _, p := range newCluster(t).launcher(t).janitor.leftOvers(pods, time.Now(), test.explicit) {
				got = append(got, p.Name)
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("left-overs %q, want %q", got, test.want)
			}
		})
	}
}

func TestReap(t *testing.T) {
	long := endedFor(2*time.Minute, event.ByeStopped)
	c := newCluster(t,
		podOf("alive", "other", isRunning), podOf("read", "third", endedFor(time.Second, event.ByeStopped)),
		podOf("expired", "other", isRunning, expiredPod), podOf("ended", "fourth", long), podOf("own", testConfig().Session, long),
		podOf("foreign", "fourth", long, func(p *corev1.Pod) { p.Labels[LabelManagedBy] = "helm" }), tracerNamespace(testConfig()))
	deleted := recordDeletions(c)
	names, err := c.launcher(t).Reap(soon(t))
	if err != nil || !slices.Equal(names, []string{"ended", "expired"}) {
		t.Errorf("told %q, %v", names, err)
	}
	got := deleted()
	slices.SortFunc(got, func(a, b deletion) int { return strings.Compare(a.name, b.name) })
	if want := []deletion{{"ended", "ended", 0}, {"expired", "expired", gracePeriod}}; !slices.Equal(got, want) {
		t.Errorf("deleted %v, want %v", got, want)
	}
	if !namespaceThere(t, c) {
		t.Error("the namespace is gone")
	}
}

func TestSweep(t *testing.T) {
	pods := func() []runtime.Object {
		return []runtime.Object{podOf("alive", "other", isRunning), podOf("fresh", "third", endedFor(time.Second, event.ByeStopped)),
			podOf("abandoned", "fourth", endedFor(time.Second, event.ByeAbandoned))}
	}
	foreign := podOf("foreign", "x", isRunning, func(p *corev1.Pod) { p.Labels[LabelManagedBy] = "helm" })
	for name, test := range map[string]struct {
		objects   []runtime.Object
		all       bool
		madeBy    string
		want      string
		fresh     int
		living    int
		namespace bool // it is left
	}{
		"left-overs":                {pods(), false, "other", "abandoned", 1, 1, true},
		"all":                       {pods(), true, "other", "abandoned alive fresh", 0, 0, false},
		"all, an administrator's":   {pods(), true, "", "abandoned alive fresh", 0, 0, true},
		"all, and a foreign pod":    {append(pods(), foreign), true, "other", "abandoned alive fresh", 0, 0, true},
		"an empty namespace":        {nil, false, "other", "", 0, 0, false},
		"of an administrator":       {nil, false, "", "", 0, 0, true},
		"only what has just ended":  {pods()[1:2], false, "other", "", 1, 0, true},
		"the last one of a session": {pods()[2:], false, "other", "abandoned", 0, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, test.objects...)
			addNamespace(t, c, test.madeBy)
			done, err := c.launcher(t).Sweep(soon(t), test.all, func(string) {})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, p := range done.Pods {
				names = append(names, p.Name)
				if p.Forced || p.Node != "node-of-"+p.Name {
					t.Errorf("%+v", p)
				}
			}
			if strings.Join(names, " ") != test.want || done.Fresh != test.fresh || done.Living != test.living {
				t.Errorf("%+v, want %+v", done, test)
			}
			if there := namespaceThere(t, c); there != test.namespace || done.NamespaceRemoved == test.namespace {
				t.Errorf("namespace there: %t, told that it was removed: %t", there, done.NamespaceRemoved)
			}
		})
	}
}

// A namespace that does not go away is said to, with what holds it, and not waited for without end.
func TestSweepNamespaceThatStays(t *testing.T) {
	c := newCluster(t)
	addNamespace(t, c, "other")
	c.PrependReactor("delete", "namespaces", func(k8stesting.Action) (bool, runtime.Object, error) {
		object, err := c.Tracker().Get(namespaces, "", "trace-sec")
		if err != nil {
			return true, nil, err
		}
		n := object.(*corev1.Namespace).DeepCopy()
		n.DeletionTimestamp, n.Finalizers = &metav1.Time{Time: time.Now()}, []string{"x"}
		n.Status.Conditions = []corev1.NamespaceCondition{{Type: corev1.NamespaceFinalizersRemaining, Status: corev1.ConditionTrue, Message: "held by x"}}
		return true, nil, c.Tracker().Update(namespaces, n, "")
	})
	ctx, cancel := boundedBy(t, time.Second)
	defer cancel()
	var told []string
	done, err := c.launcher(t).Sweep(ctx, false, func(text string) { told = append(told, text) })
	if err == nil || !strings.Contains(err.Error(), "held by x") || done.NamespaceRemoved {
		t.Errorf("%+v, %v", done, err)
	}
	if len(told) != 1 || !strings.Contains(told[0], "namespace trace-sec") {
		t.Errorf("told %q", told)
	}
}

// A pod of a node that does not answer is waited for aloud, then deleted by force, and that is said.
func TestSweepForces(t *testing.T) {
	pod := podOf(podName(testConfig().Session, "n1"), "other", isRunning, expiredPod)
	c := newCluster(t, pod)
	forced := stuck(c, "n1")
	ctx, cancel := boundedBy(t, 3500*time.Millisecond)
	defer cancel()
	var told []string
	done, err := c.launcher(t).Sweep(ctx, false, func(text string) { told = append(told, text) })
	if err != nil || forced.Load() != 1 || len(done.Pods) != 1 || !done.Pods[0].Forced {
		t.Errorf("%+v, %v", done, err)
	}
	if len(told) != 1 || !strings.Contains(told[0], pod.Name) || !strings.Contains(told[0], pod.Spec.NodeName) {
		t.Errorf("told %q", told)
	}
}

// Who may not list pods is told, without a word about left-overs.
func TestSweepForbidden(t *testing.T) {
	c := newCluster(t)
	c.PrependReactor("list", "pods", func(k8stesting.Action) (bool, runtime.Object, error) { return true, nil, forbidden("no") })
	_, err := c.launcher(t).Sweep(soon(t), false, func(string) {})
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "look for left-over tracers") {
		t.Errorf("error %v", err)
	}
}
