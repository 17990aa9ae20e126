// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
)

// Annotations of a tracer pod that say what session it is of. Whoever may make pods here may write anything into them: they are told, not
// trusted.
const (
	// AnnotationCommand is the command line.
	AnnotationCommand = "trace-sec/command"
	// AnnotationUser is whom the API server took the command's user for.
	AnnotationUser = "trace-sec/user"
	// AnnotationTargetNamespaces are the namespaces of the targets of the beginning, with commas between.
	AnnotationTargetNamespaces = "trace-sec/target-namespaces"
	// AnnotationEnforces is "true" for a session that enforces.
	AnnotationEnforces = "trace-sec/enforces"
	// AnnotationEnds is a time (RFC 3339): that of the end of a session that traces on by itself.
	AnnotationEnds = "trace-sec/ends-at"
)

// KeptAfterEnd is how long the pods of a session that traced by itself are kept after its end, so that its events can be read.
const KeptAfterEnd = time.Hour

// About is what a session's pods say of it.
type About struct {
	Command, User string
	Enforces      bool
	// Ends is when a session that traces on by itself does; zero for others.
	Ends time.Time
	// Namespaces of the targets, asked for when a pod is made; nil: not said.
	Namespaces func() []string
}

func (a About) annotate(annotations map[string]string) {
	set := func(key, value string) {
		if value != "" {
			annotations[key] = value
		}
	}
	set(AnnotationCommand, a.Command)
	set(AnnotationUser, a.User)
	if a.Enforces {
		set(AnnotationEnforces, "true")
	}
	if !a.Ends.IsZero() {
		set(AnnotationEnds, a.Ends.UTC().Format(time.RFC3339))
	}
	if a.Namespaces != nil {
		set(AnnotationTargetNamespaces, strings.Join(a.Namespaces(), ","))
	}
}

// Session is a session as its pods show it.
type Session struct {
	ID, Command, User string
	Enforces          bool
	// TargetNamespaces are those of the targets of its beginning.
	TargetNamespaces []string
	// Began is when its first pod was made. Ends is when a session that traces by itself does, zero for others: these end with their
	// command.
	Began, Ends time.Time
	// Pods in the order of their nodes' names; of a node with several the last.
	Pods []corev1.Pod
}

// Sessions are the sessions whose pods are in a namespace, the oldest first. The error is the API server's.
func Sessions(ctx context.Context, client kubernetes.Interface, namespace string) ([]Session, error) {
	list, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: managedSelector})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for sessions in namespace %s: %w", namespace, access.Explain(err))
	}
	slices.SortStableFunc(list.Items, func(a, b corev1.Pod) int {
		return cmp.Or(cmp.Compare(a.Labels[LabelSession], b.Labels[LabelSession]), cmp.Compare(a.Spec.NodeName, b.Spec.NodeName),
			a.CreationTimestamp.Compare(b.CreationTimestamp.Time))
	})
	var found []Session
	for _, pod := range list.Items {
		id := pod.Labels[LabelSession]
		if id == "" {
			continue
		}
		if len(found) == 0 || found[len(found)-1].ID != id {
			found = append(found, newSession(id, &pod))
		}
		found[len(found)-1].add(pod)
	}
	slices.SortStableFunc(found, func(a, b Session) int { return a.Began.Compare(b.Began) })
	return found, nil
}

func newSession(id string, pod *corev1.Pod) Session {
	s := Session{ID: id, Command: pod.Annotations[AnnotationCommand], User: pod.Annotations[AnnotationUser],
		Enforces: pod.Annotations[AnnotationEnforces] == "true", Began: pod.CreationTimestamp.Time}
	s.Ends, _ = time.Parse(time.RFC3339, pod.Annotations[AnnotationEnds])
	return s
}

func (s *Session) add(pod corev1.Pod) {
	for namespace := range strings.SplitSeq(pod.Annotations[AnnotationTargetNamespaces], ",") {
		if namespace != "" && !slices.Contains(s.TargetNamespaces, namespace) {
			s.TargetNamespaces = append(s.TargetNamespaces, namespace)
		}
	}
	if began := pod.CreationTimestamp.Time; began.Before(s.Began) {
		s.Began = began
	}
	if last := len(s.Pods) - 1; last >= 0 && s.Pods[last].Spec.NodeName == pod.Spec.NodeName {
		s.Pods[last] = pod
		return
	}
	s.Pods = append(s.Pods, pod)
}

// Detached says whether the session was started to trace by itself.
func (s *Session) Detached() bool { return !s.Ends.IsZero() }

// Tracing is on how many nodes a tracer runs.
func (s *Session) Tracing(now time.Time) (count int) {
	for i := range s.Pods {
		if tracing(&s.Pods[i], now) {
			count++
		}
	}
	return count
}

// readable says whether the pod of a session that traced by itself is kept after its end: one whose command was lost before it
// could leave it to itself has nobody who wants it.
func readable(pod *corev1.Pod) bool {
	return pod.Annotations[AnnotationEnds] != "" && !abandoned(pod)
}

// Join makes a Tracer of a pod of this session that another command made: its log can be read, and it can be deleted. There is no control
// stream to it.
func (l *Launcher) Join(pod *corev1.Pod) (*Tracer, error) {
	if err := l.beginStart(); err != nil {
		return nil, err
	}
	defer l.endStart()
	l.watch()
	t := &Tracer{launcher: l, node: pod.Spec.NodeName, name: pod.Name, uid: pod.UID, pod: pod, changed: make(chan struct{})}
	t.control = newControlStream(t, nil)
	t.control.cancel = func() {}
	l.adopt(t)
	return t, nil
}
