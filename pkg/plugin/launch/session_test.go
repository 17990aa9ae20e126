// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
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
	_, err := c.launcher(t).Start(t.Context(), testTracerConfig("n1"))
	var refused *NodeError
	if !errors.As(err, &refused) || refused.Reason != Refused || refused.Node != "n1" || !apierrors.IsForbidden(err) {
		t.Errorf("error %v", err)
	}
}

func TestStartChecksTracerConfig(t *testing.T) {
	c := newCluster(t)
	long := testTracerConfig("n1")
	long.Targets = wire.Targets{Cgroups: []string{strings.Repeat("x", maxTracerConfig)}}
	for _, config := range []wire.TracerConfig{{Node: "n1", Targets: wire.Targets{All: true, Pids: []uint32{1}}}, long} {
		if _, err := c.launcher(t).Start(t.Context(), config); err == nil || !strings.Contains(err.Error(), "node n1") {
			t.Errorf("error %v", err)
		}
	}
}

// An answer that got lost, or a node that is traced again.
func TestStartWhenThePodIsThere(t *testing.T) {
	config := testConfig()
	there := func(change func(*corev1.Pod)) *corev1.Pod {
		pod := imagePod(config, testTracerConfig("n1"))
		pod.UID = "first"
		change(pod)
		return pod
	}
	for name, test := range map[string]struct {
		pod  *corev1.Pod
		want types.UID // empty: refused
	}{
		"running":                {there(func(*corev1.Pod) {}), "first"},
		"ended":                  {there(func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }), "uid-of-n1"},
		"ended by its container": {there(func(p *corev1.Pod) { p.Status = terminated(137, "OOMKilled", "") }), "uid-of-n1"},
		"another":                {there(func(p *corev1.Pod) { p.Labels[LabelSession] = "other" }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			tracer, err := newCluster(t, test.pod).launcher(t).Start(t.Context(), testTracerConfig("n1"))
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
