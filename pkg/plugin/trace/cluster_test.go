// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestCheckContainers(t *testing.T) {
	pods := []*corev1.Pod{{Spec: corev1.PodSpec{
		InitContainers:      []corev1.Container{{Name: "init"}},
		Containers:          []corev1.Container{{Name: "web"}, {Name: "proxy"}},
		EphemeralContainers: []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debugger"}}},
	}}, {Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "db"}}}}}
	if err := checkContainers([]string{"init", "web", "debugger", "db"}, pods); err != nil {
		t.Error(err)
	}
	want := `no target has a container "wep", they have: db, debugger, init, proxy, web`
	if err := checkContainers([]string{"db", "wep"}, pods); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestNamesPods(t *testing.T) {
	for _, test := range []struct {
		args, pods []string
		want       bool
	}{
		{nil, nil, false},
		{[]string{"web-1"}, nil, true},
		{[]string{"web-1", "pod/web-2", "po/web-3"}, nil, true},
		{nil, []string{"web-1"}, true},
		{[]string{"deploy/web"}, nil, false},
		{[]string{"web-1", "deploy/web"}, nil, false},
		{[]string{"deploy/web"}, []string{"web-1"}, false},
	} {
		o := Plan{options: &Options{targets: targetOptions{pods: test.pods}}, work: Work{Targets: test.args}}
		if got := o.namesPods(); got != test.want {
			t.Errorf("%v %v: %v", test.args, test.pods, got)
		}
	}
}
