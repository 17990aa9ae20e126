// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// What pods say of their session is what was said when they were made; pods of others are none.
func TestSessions(t *testing.T) {
	ends := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	about := testConfig()
	about.About = About{Command: "exec --detach", User: "eve", Enforces: true, Ends: ends, Namespaces: func() []string { return []string{"a", "b"} }}
	detached := imagePod(about, testTracerConfig("n1"))
	detached.CreationTimestamp = metav1.Now()
	detached.Status = running()
	second := podOf("x", "old", isRunning)
	second.Name, second.Spec.NodeName = "y", "another"
	c := newCluster(t, detached, podOf("x", "old", endedFor(time.Minute, event.ByeStopped)), second,
		podOf("foreign", "old", isRunning, func(p *corev1.Pod) { p.Labels[LabelManagedBy] = "helm" }),
		podOf("nameless", "", isRunning))
	found, err := Sessions(t.Context(), c, testConfig().Namespace)
	if err != nil || len(found) != 2 {
		t.Fatalf("%v, %v", found, err)
	}
	old, s := found[0], found[1]
	if old.ID != "old" || old.Detached() || len(old.Pods) != 2 || old.Tracing(time.Now()) != 1 {
		t.Errorf("%+v", old)
	}
	if s.ID != testConfig().Session || s.Command != "exec --detach" || s.User != "eve" || !s.Enforces || !s.Ends.Equal(ends) || fmt.Sprint(s.TargetNamespaces) != "[a b]" {
		t.Errorf("%+v", s)
	}
}
