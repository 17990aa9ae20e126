// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"fmt"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// podGate lets pods of permitted namespaces become targets. A pod whose namespace the node does not tell yet waits: the kubelet makes its
// entry after the pod's cgroup, and before the runtime makes a cgroup in that one, whose record has it looked for again.
type podGate struct {
	permit *Permit
	notice func(event.Notice)
	// waiting are pods by UID.
	waiting map[string]*waitingPod
	// passed and refused are UIDs that were looked at, of which the latter were told: a pod stays in its namespace.
	passed, refused map[string]bool
}

type waitingPod struct {
	wire.Pod
	since time.Time
	told  bool
}

func newPodGate(p *Permit, notice func(event.Notice)) *podGate {
	return &podGate{permit: p, notice: notice, waiting: map[string]*waitingPod{}, passed: map[string]bool{}, refused: map[string]bool{}}
}

// open says that every pod may be traced.
func (g *podGate) open() bool { return g.permit == nil || g.permit.Namespaces == nil }

// pass are those of the pods that may be traced now.
func (g *podGate) pass(pods []wire.Pod) []wire.Pod {
	if g.open() || len(pods) == 0 {
		return pods
	}
	namespaces, err := g.permit.running()
	if err != nil {
		g.notice(event.Notice{Level: event.LevelError, Subject: "targets", Text: "the namespaces of pods cannot be read, so that no new pod is traced: " + err.Error()})
	}
	var through []wire.Pod
	for _, pod := range pods {
		namespace, known := namespaces[pod.UID]
		switch {
		case g.passed[pod.UID]:
			through = append(through, pod)
		case !known:
			g.wait(pod)
			continue
		case g.permit.permits(namespace):
			g.passed[pod.UID] = true
			through = append(through, pod)
		case !g.refused[pod.UID]:
			g.refused[pod.UID] = true
			g.notice(event.Notice{Level: event.LevelError, Subject: pod.UID, Text: fmt.Sprintf(
				"this pod is not traced: it is of namespace %s, and this tracer may trace pods of %s only", namespace, g.permit.names())})
		}
		delete(g.waiting, pod.UID)
	}
	return through
}

func (g *podGate) wait(pod wire.Pod) {
	if before := g.waiting[pod.UID]; before != nil {
		before.Pod = pod
		return
	}
	g.waiting[pod.UID] = &waitingPod{Pod: pod, since: time.Now()}
}

// again are pods that waited and may be traced now.
func (g *podGate) again() []wire.Pod {
	if len(g.waiting) == 0 {
		return nil
	}
	pods := make([]wire.Pod, 0, len(g.waiting))
	for _, w := range g.waiting {
		pods = append(pods, w.Pod)
	}
	return g.pass(pods)
}

// forget takes pods for targets no longer.
func (g *podGate) forget(uids []string) {
	for _, uid := range uids {
		delete(g.waiting, uid)
	}
}

// keep is forget for all but these.
func (g *podGate) keep(named map[string]bool) {
	for uid := range g.waiting {
		if !named[uid] {
			delete(g.waiting, uid)
		}
	}
}

// remind says which pods wait for longer than a start takes.
func (g *podGate) remind() {
	for uid, w := range g.waiting {
		if w.told || time.Since(w.since) < remindAfter {
			continue
		}
		w.told = true
		g.notice(event.Notice{Level: event.LevelWarning, Subject: uid, Text: "this pod is not traced yet: the node's " + PodLogDirectory +
			" does not tell its namespace, so it is not running yet, or the kubelet keeps logs elsewhere"})
	}
}
