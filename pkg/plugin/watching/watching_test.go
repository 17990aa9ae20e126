// SPDX-License-Identifier: Apache-2.0

package watching

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

func TestHandler(t *testing.T) {
	a := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "a"}}
	b := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "b"}}
	name := func(p *corev1.Pod) string {
		if p == nil {
			return "-"
		}
		return p.Name
	}
	guarded := 0
	var calls []string
	h := Handler(func(f func()) { guarded++; f() }, func(old, now *corev1.Pod) { calls = append(calls, name(old)+name(now)) })
	h.OnAdd(a, false)
	h.OnUpdate(a, b)
	h.OnDelete(b)
	h.OnDelete(cache.DeletedFinalStateUnknown{Key: "x/a", Obj: a})
	h.OnDelete(cache.DeletedFinalStateUnknown{Key: "x/a"})
	h.OnAdd(&corev1.Service{}, false)
	if want := []string{"-a", "ab", "b-", "a-"}; !slices.Equal(calls, want) || guarded != len(want) {
		t.Errorf("%q, %d guarded; want %q", calls, guarded, want)
	}
}

func TestHandlerOfAnyObject(t *testing.T) {
	pod := &corev1.Pod{}
	var calls []string
	h := Handler(func(f func()) { f() }, func(old, now any) { calls = append(calls, fmt.Sprintf("%T %T", old, now)) })
	h.OnAdd(pod, false)
	h.OnDelete(cache.DeletedFinalStateUnknown{Obj: pod})
	if want := []string{"<nil> *v1.Pod", "*v1.Pod <nil>"}; !slices.Equal(calls, want) {
		t.Errorf("%q, want %q", calls, want)
	}
}

func TestStrip(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: "a", ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}},
		Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: "{}", "mine": "1"},
	}}
	before := pod.DeepCopy()
	stripped, err := Strip(pod)
	if err != nil {
		t.Fatal(err)
	}
	got := stripped.(*corev1.Pod)
	if len(got.ManagedFields) > 0 || !maps.Equal(got.Annotations, map[string]string{"mine": "1"}) || got.Name != "a" {
		t.Errorf("%+v", got.ObjectMeta)
	}
	if !reflect.DeepEqual(pod, before) {
		t.Errorf("the pod itself was changed: %+v", pod.ObjectMeta)
	}
	tombstone := cache.DeletedFinalStateUnknown{Key: "x"}
	if got, err := Strip(tombstone); err != nil || got != tombstone {
		t.Errorf("%v, %v", got, err)
	}
}
