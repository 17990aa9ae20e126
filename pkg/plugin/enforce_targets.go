// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/scope"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/target"
)

// armable narrows pods to those that policies may be enforced on, and on which they can be without that they act on others.
type armable struct {
	finder
	scope *scope.Scope
	// system: pods that the cluster itself needs too. containers are those that were asked for, empty for all.
	system     bool
	containers []string
	// tracers is the namespace of the tracer pods.
	tracers string
	// say tells what later changes leave out; set before Watch.
	say func(event.Level, string)

	// armed are the pods that were found and have not gone; said are texts.
	armed map[types.UID]bool
	said  map[string]bool
	// leftOut counts the pods that Resolve left out, by why.
	leftOut map[string]int
}

func newArmable(f finder, s *scope.Scope, a *armingOptions, containers []string, tracers string) *armable {
	return &armable{finder: f, scope: s, system: a.system, containers: containers, tracers: tracers,
		armed: map[types.UID]bool{}, said: map[string]bool{}, leftOut: map[string]int{}}
}

// exemptions are why a pod is never or not without being asked for enforced on.
var exemptions = [...]struct {
	why string
	of  func(*armable, *corev1.Pod) bool
}{
	{"of the tracers' namespace, never enforced on", func(t *armable, pod *corev1.Pod) bool {
		return pod.Namespace == t.tracers || pod.Labels[launch.LabelManagedBy] == launch.ManagedBy
	}},
	{"of " + metav1.NamespaceSystem + " or critical to the cluster (--allow-system)", func(t *armable, pod *corev1.Pod) bool {
		return !t.system && (pod.Namespace == metav1.NamespaceSystem || strings.HasPrefix(pod.Spec.PriorityClassName, "system-"))
	}},
	{"not selected by a policy that enforces", func(t *armable, pod *corev1.Pod) bool {
		about, err := t.scope.Exactly(context.Background(), pod) // labels of the node were read before
		return err == nil && !about
	}},
}

// exempt says why a pod is not enforced on; empty if it is.
func (t *armable) exempt(pod *corev1.Pod) string {
	for _, x := range exemptions {
		if x.of(t, pod) {
			return x.why
		}
	}
	return ""
}

// inexact says why policies cannot be enforced on all of a pod.
func (t *armable) inexact(ctx context.Context, pod *corev1.Pod) error {
	if _, err := t.scope.Exactly(ctx, pod); err != nil {
		return err
	}
	if others := slices.DeleteFunc(scope.ContainerNames(pod), func(name string) bool { return slices.Contains(t.containers, name) }); len(t.containers) > 0 && len(others) > 0 {
		return fmt.Errorf("pod %s/%s: a tracer enforces on whole pods, and this one has container %s too: leave out --container", pod.Namespace, pod.Name, strings.Join(others, ", "))
	}
	return nil
}

// Resolve finds the pods that are there now. That there are none, or that the policies act on a part of one only, is an error.
func (t *armable) Resolve(ctx context.Context) (target.Found, error) {
	found, err := t.finder.Resolve(ctx)
	if err != nil {
		return found, err
	}
	var errs []error
	leave := func(pod *corev1.Pod) bool {
		if why := t.exempt(pod); why != "" {
			t.leftOut[why]++
			return true
		}
		errs = append(errs, t.inexact(ctx, pod))
		return false
	}
	all := len(found.Pods) + len(found.Waiting)
	found.Pods, found.Waiting = slices.DeleteFunc(found.Pods, leave), slices.DeleteFunc(found.Waiting, leave)
	if err := errors.Join(errs...); err != nil {
		return target.Found{}, err
	}
	if all > 0 && len(found.Pods)+len(found.Waiting) == 0 {
		return found, fmt.Errorf("nothing to enforce on: of the pods found (%s) %s", t.finder, t.without())
	}
	for _, pod := range found.Pods {
		t.armed[pod.UID] = true
	}
	return found, nil
}

// without says which pods Resolve left out; empty if none.
func (t *armable) without() string {
	var texts []string
	for _, why := range slices.Sorted(maps.Keys(t.leftOut)) {
		texts = append(texts, fmt.Sprintf("%d left out: %s", t.leftOut[why], why))
	}
	return strings.Join(texts, "; ")
}

// Watch is the finder's, without pods that must not be enforced on. One that was and must not any more is told to be gone.
func (t *armable) Watch(ctx context.Context, changed func(target.Change), trouble func(error)) error {
	return t.finder.Watch(ctx, func(c target.Change) { // never called twice at the same time
		if !c.Gone && t.exempt(c.Pod) == "" {
			err := t.inexact(ctx, c.Pod)
			if err == nil {
				t.armed[c.Pod.UID] = true
				changed(c)
				return
			}
			if text := "not enforced on: " + err.Error(); !t.said[text] && t.say != nil {
				t.said[text] = true
				t.say(event.LevelWarning, text)
			}
		}
		if t.armed[c.Pod.UID] {
			delete(t.armed, c.Pod.UID)
			changed(target.Change{Pod: c.Pod, Gone: true})
		}
	}, trouble)
}
