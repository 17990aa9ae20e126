// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
)

// slowStart is when a start is slow enough to look for the reason in the pod's events.
const slowStart = time.Second

// Wait returns when the tracer's container runs, and has begun to speak if it is carried: then the log has to be read at the same time. What it waits for in the meantime goes to progress, each once. The error
// is a *NodeError, or the context's; it does not delete the pod. Nothing is polled: states come by the session's watch.
func (t *Tracer) Wait(ctx context.Context, progress Progress) error {
	err := t.wait(ctx, progress)
	if failure, ok := errors.AsType[*NodeError](err); ok {
		t.launcher.learn(t.node, t.program, failure)
		t.mu.Lock()
		t.failure = failure
		t.mu.Unlock()
	}
	return err
}

func (t *Tracer) wait(ctx context.Context, progress Progress) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	timeout := time.NewTimer(t.launcher.config.startupTimeout())
	defer timeout.Stop()
	slow := time.NewTimer(slowStart)
	defer slow.Stop()
	var warnings <-chan watch.Event
	say := onceEach(func(text string) {
		if progress != nil {
			progress(t.node, text)
		}
	})
	last := startState{}
	for {
		pod, gone, changed := t.state()
		now := classifyStart(pod, gone)
		if now.started && t.carrying != nil {
			return t.awaitCarried(ctx, say)
		}
		if now.started || now.failed {
			return now.error(t)
		}
		if now.waitingFor != "" {
			last = now
			say(now.waitingFor)
		}
		select {
		case <-changed:
		case <-slow.C:
			warnings = t.warnings(ctx)
		case e, ok := <-warnings:
			if !ok {
				warnings = nil
			} else if text := warning(e); text != "" {
				last.waitingFor = text
				say(text)
			}
		case <-timeout.C:
			return t.timedOut(ctx, last)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// onceEach passes on texts that it has not passed on before.
func onceEach(say func(string)) func(string) {
	reported := map[string]bool{}
	return func(text string) {
		if !reported[text] {
			reported[text] = true
			say(text)
		}
	}
}

// warnings watches the events of the pod: the kubelet's reasons that are not in a pod's status (FailedMount,
// FailedCreatePodSandBox). Without permission there are none.
func (t *Tracer) warnings(ctx context.Context) <-chan watch.Event {
	w, err := t.launcher.client().CoreV1().Events(t.launcher.config.Namespace).Watch(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("involvedObject.uid", string(t.uid)).String()})
	if err != nil {
		return nil
	}
	context.AfterFunc(ctx, w.Stop)
	return w.ResultChan()
}

// inStatus are reasons of events that only repeat what the pod's status says in more detail.
var inStatus = map[string]bool{"Failed": true, "BackOff": true}

func warning(e watch.Event) string {
	event, ok := e.Object.(*corev1.Event)
	if !ok || event.Type != corev1.EventTypeWarning || inStatus[event.Reason] {
		return ""
	}
	return event.Reason + ": " + event.Message
}

// timedOut says why nothing started in time: what was last seen, or that the node itself is not well.
func (t *Tracer) timedOut(ctx context.Context, last startState) error {
	if problem := t.launcher.checkNode(ctx, t.node); problem != nil {
		return problem
	}
	reason, remedy := last.reason, last.remedy
	if reason == "" {
		reason, remedy = StartupTimeout, fmt.Sprintf("see kubectl --namespace=%s describe pod %s", t.launcher.config.Namespace, t.name)
	}
	what := last.waitingFor
	if what == "" {
		what = "the kubelet has not said anything about it"
	}
	return &NodeError{Node: t.node, Reason: reason, Remedy: remedy,
		Message: fmt.Sprintf("the tracer did not start within %s: %s", t.launcher.config.startupTimeout(), what)}
}
