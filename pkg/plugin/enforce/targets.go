// SPDX-License-Identifier: Apache-2.0

package enforce

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/scope"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/target"
)

// Targets are those pods of a Finder that policies may be enforced on.
type Targets struct {
	scope.Finder
	scope *scope.Scope
	// system: pods that the cluster itself needs too.
	system bool
	// tracers is the namespace of the tracer pods.
	tracers string
	// armed are the pods that were found and have not gone.
	armed map[types.UID]bool
	// leftOut counts the pods that Resolve left out, by why.
	leftOut map[string]int
}

// NewTargets narrows what f finds; tracers is the namespace of the tracer pods.
func NewTargets(f scope.Finder, s *scope.Scope, o *Options, tracers string) *Targets {
	return &Targets{Finder: f, scope: s, system: o.System, tracers: tracers, armed: map[types.UID]bool{}, leftOut: map[string]int{}}
}

// exemptions are why a pod is never or not without being asked for enforced on.
var exemptions = [...]struct {
	why string
	of  func(*Targets, *corev1.Pod) bool
}{
	{"of the tracers' namespace, never enforced on", func(t *Targets, pod *corev1.Pod) bool {
		return pod.Namespace == t.tracers || pod.Labels[launch.LabelManagedBy] == launch.ManagedBy
	}},
	{"of " + metav1.NamespaceSystem + " or critical to the cluster (--allow-system)", func(t *Targets, pod *corev1.Pod) bool {
		return !t.system && (pod.Namespace == metav1.NamespaceSystem || strings.HasPrefix(pod.Spec.PriorityClassName, "system-"))
	}},
	{"without a container of --container", func(t *Targets, pod *corev1.Pod) bool { return !t.scope.HasNamed(pod) }},
	{"not selected by a policy that enforces", func(t *Targets, pod *corev1.Pod) bool { return !t.scope.Enforced(pod) }},
}

// exempt says why a pod is not enforced on; empty if it is.
func (t *Targets) exempt(pod *corev1.Pod) string {
	for _, x := range exemptions {
		if x.of(t, pod) {
			return x.why
		}
	}
	return ""
}

// Resolve finds the pods that are there now. That there are none is an error.
func (t *Targets) Resolve(ctx context.Context) (target.Found, error) {
	found, err := t.Finder.Resolve(ctx)
	if err != nil {
		return found, err
	}
	leave := func(pod *corev1.Pod) bool {
		why := t.exempt(pod)
		if why != "" {
			t.leftOut[why]++
		}
		return why != ""
	}
	all := len(found.Pods) + len(found.Waiting)
	found.Pods, found.Waiting = slices.DeleteFunc(found.Pods, leave), slices.DeleteFunc(found.Waiting, leave)
	if all > 0 && len(found.Pods)+len(found.Waiting) == 0 {
		return found, fmt.Errorf("nothing to enforce on: of the pods found (%s) %s", t.Finder, t.LeftOut())
	}
	for _, pod := range found.Pods {
		t.armed[pod.UID] = true
	}
	return found, nil
}

// LeftOut says which pods Resolve left out; empty if none.
func (t *Targets) LeftOut() string {
	var texts []string
	for _, why := range slices.Sorted(maps.Keys(t.leftOut)) {
		texts = append(texts, fmt.Sprintf("%d left out: %s", t.leftOut[why], why))
	}
	return strings.Join(texts, "; ")
}

// Watch is the finder's, without pods that must not be enforced on. One that was and must not any more is told to be gone.
func (t *Targets) Watch(ctx context.Context, changed func(target.Change), trouble func(error)) error {
	return t.Finder.Watch(ctx, func(c target.Change) { // never called twice at the same time
		if !c.Gone && t.exempt(c.Pod) == "" {
			t.armed[c.Pod.UID] = true
			changed(c)
			return
		}
		if t.armed[c.Pod.UID] {
			delete(t.armed, c.Pod.UID)
			changed(target.Change{Pod: c.Pod, Gone: true})
		}
	}, trouble)
}
