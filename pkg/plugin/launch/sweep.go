// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// sweepTimeout is for a Sweep whose context has no deadline.
const sweepTimeout = 60 * time.Second

// Swept is what a Sweep did.
type Swept struct {
	Pods []RemovedPod
	// NamespaceRemoved: the namespace was a session's, nothing was left in it, and it is gone.
	NamespaceRemoved bool
	// Fresh are pods that ended within readTime, which a session may still read, and Living those of sessions that run; neither
	// was touched. Kept are those of sessions that traced by themselves and ended less than KeptAfterEnd ago.
	Fresh, Living, Kept int
}

// Sweep removes what dead sessions left in the tracer namespace, with allSessions every tracer pod there, and then the namespace if
// a session made it and it is empty; it returns when all that is gone, or at the end of ctx or of sweepTimeout. progress says
// what it waits for. The error is a *Remains, or why it could not look.
func (l *Launcher) Sweep(ctx context.Context, allSessions bool, progress func(string)) (Swept, error) {
	ctx, cancel := bounded(ctx, sweepTimeout)
	defer cancel()
	j := l.janitor
	var done Swept
	reported := ""
	removed, err := j.removePods(ctx, removal{
		selector: managedSelector,
		choose: func(pods []corev1.Pod) []corev1.Pod {
			if allSessions {
				return pods
			}
			found := j.leftOvers(pods, time.Now(), true)
			done.count(pods, found)
			return found
		},
		waiting: func(pods []corev1.Pod) {
			if text := waitingText(pods); text != reported {
				reported = text
				progress(text)
			}
		},
	})
	done.Pods = removed
	var remains *Remains
	if err != nil && errors.As(err, &remains) && len(remains.Pods) == 0 {
		return done, fmt.Errorf("look for left-over tracers in namespace %s: %w", j.namespace, remains.Err)
	}
	if err != nil {
		return done, err
	}
	made, err := j.removeNamespace(ctx, anySession)
	if err == nil && !made {
		err = j.removeStarters(ctx)
	}
	if err != nil {
		return done, err
	}
	if made || allSessions { // with allSessions, one that another command is deleting is waited for, too
		err = j.awaitNamespaceGone(ctx, progress)
	}
	done.NamespaceRemoved = made && err == nil
	return done, err
}

// count counts the pods that are none of the chosen.
func (s *Swept) count(pods, chosen []corev1.Pod) {
	s.Fresh, s.Living, s.Kept = 0, 0, 0
	for i := range pods {
		switch {
		case slices.ContainsFunc(chosen, func(p corev1.Pod) bool { return p.UID == pods[i].UID }):
		case !ended(&pods[i]):
			s.Living++
		case readable(&pods[i]):
			s.Kept++
		default:
			s.Fresh++
		}
	}
}

func waitingText(pods []corev1.Pod) string {
	var names []string
	for _, p := range pods[:min(len(pods), 3)] {
		names = append(names, fmt.Sprintf("%s on node %s", p.Name, p.Spec.NodeName))
	}
	if more := len(pods) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("waiting for %d tracer %s to end: %s", len(pods), plural(len(pods), "pod", "pods"), strings.Join(names, ", "))
}
