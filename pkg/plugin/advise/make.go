// SPDX-License-Identifier: Apache-2.0

package advise

import (
	"cmp"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// advice puts together what was seen.
func (w *Watch) advice() *Advice {
	a := &Advice{Nodes: []Node{}, Workloads: w.inPods(), Unnamed: w.unnamed}
	for at := range w.containers {
		if at.pod != "" && w.pods[at.pod] == nil {
			a.Unnamed++
		}
	}
	if w.Machine != "" {
		a.Workloads = []Workload{w.onMachine()}
	}
	for _, name := range slices.Sorted(maps.Keys(w.nodes)) {
		n := w.nodes[name]
		a.Nodes = append(a.Nodes, n.summary(name))
		if !n.began.IsZero() && (a.Began == nil || n.began.Before(a.Began.Time)) {
			a.Began = &event.Timestamp{Time: n.began}
		}
	}
	if a.Began != nil {
		a.Ended = &event.Timestamp{Time: w.latest}
	}
	a.Complete = a.Began != nil && a.Unnamed == 0
	for _, n := range a.Nodes {
		a.Complete = a.Complete && n.Problem == "" && len(n.Lost) == 0
	}
	return a
}

func (n *nodeState) summary(name string) Node {
	out := Node{Name: name}
	for cause, count := range n.lost {
		if count > 0 {
			if out.Lost == nil {
				out.Lost = map[string]uint64{}
			}
			out.Lost[cause] = count
		}
	}
	switch {
	case n.began.IsZero():
		out.Problem = "it was not watched"
	case n.refused != "":
		out.Problem = "it was not watched: " + n.refused
	case n.failed != "":
		out.Problem = "its tracer failed: " + n.failed
	case !n.ended:
		out.Problem = "its tracer's end was not heard: the last events may be missing"
	}
	return out
}

func (n *nodeState) watched() bool { return n != nil && !n.began.IsZero() && n.refused == "" }

// workloadName identifies a workload.
type workloadName struct{ namespace, kind, name string }

// inPods is the advice for pods that were told of.
func (w *Watch) inPods() []Workload {
	workloads := map[workloadName]*Workload{}
	for _, uid := range slices.SortedFunc(maps.Keys(w.pods), w.byName) {
		pod := w.pods[uid]
		known := w.index.Resolve(&wire.Process{PodUID: uid}).Pod
		name := workloadName{pod.Namespace, known.WorkloadKind, known.Workload}
		if workloads[name] == nil {
			workloads[name] = &Workload{Kind: name.kind, Namespace: name.namespace, Name: name.name}
		}
		w.addPod(workloads[name], pod)
	}
	all := []Workload{}
	for _, name := range slices.SortedFunc(maps.Keys(workloads), func(a, b workloadName) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
	}) {
		work := workloads[name]
		for i := range work.Containers {
			work.Containers[i].conclude()
		}
		if len(work.Containers) == 0 {
			continue
		}
		if work.Patch = patchOf(work); work.Patch != nil {
			work.Note = kindOf(work.Kind).fixed
		}
		all = append(all, *work)
	}
	return all
}

func (w *Watch) byName(a, b string) int {
	x, y := w.pods[a], w.pods[b]
	return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name), cmp.Compare(a, b))
}

// podContainer is a container of a pod as its spec and its status have it.
type podContainer struct {
	name    string
	kind    ContainerType
	context *corev1.SecurityContext
	status  *corev1.ContainerStatus
}

func containersOf(pod *corev1.Pod) (all []podContainer) {
	add := func(kind ContainerType, name string, context *corev1.SecurityContext, statuses []corev1.ContainerStatus) {
		c := podContainer{name: name, kind: kind, context: context}
		for i := range statuses {
			if statuses[i].Name == name {
				c.status = &statuses[i]
			}
		}
		all = append(all, c)
	}
	for _, c := range pod.Spec.InitContainers {
		add(Init, c.Name, c.SecurityContext, pod.Status.InitContainerStatuses)
	}
	for _, c := range pod.Spec.Containers {
		add(Ordinary, c.Name, c.SecurityContext, pod.Status.ContainerStatuses)
	}
	for _, c := range pod.Spec.EphemeralContainers {
		add(Ephemeral, c.Name, c.SecurityContext, pod.Status.EphemeralContainerStatuses)
	}
	return all
}

// addPod adds what was seen of a pod's containers to their workload's.
func (w *Watch) addPod(work *Workload, pod *corev1.Pod) {
	node, named := w.nodes[pod.Spec.NodeName], false
	for _, c := range containersOf(pod) {
		if !w.wanted(c.name) {
			continue
		}
		u := w.containers[container{pod: string(pod.UID), name: c.name}]
		if u == nil {
			if c.status == nil || c.status.State.Running == nil { // it did not run
				continue
			}
			u = newUsage()
		}
		if !named {
			work.Pods, named = append(work.Pods, pod.Name), true
		}
		work.container(c.name, c.kind).addUsage(u, &c, node)
	}
}

// container is the workload's of that name, a new one if there is none.
func (work *Workload) container(name string, kind ContainerType) *Container {
	for i := range work.Containers {
		if work.Containers[i].Name == name {
			return &work.Containers[i]
		}
	}
	work.Containers = append(work.Containers, newContainer(name, kind))
	return &work.Containers[len(work.Containers)-1]
}

func newContainer(name string, kind ContainerType) Container {
	return Container{Name: name, Type: kind, FromStart: true, Used: []Use{}, Denied: []Use{}, Unused: []string{}}
}

// addUsage adds what was seen of one container.
func (c *Container) addUsage(u *usage, of *podContainer, node *nodeState) {
	id, restarts := "", int32(0)
	if of.status != nil {
		id, restarts = of.status.ContainerID, of.status.RestartCount
	}
	c.FromStart = c.FromStart && restarts == 0 && startedAfter(of.status, node)
	c.Privileged = c.Privileged || isPrivileged(of.context)
	can, ok := given(of.context, id)
	c.UnusedUnknown = c.UnusedUnknown || !ok
	c.Unused = inOrder(append(c.Unused, can...))
	c.sum(u)
	if node.watched() {
		c.SecurityContext = &SecurityContext{}
	}
}

func (c *Container) sum(u *usage) {
	c.Used = addUses(c.Used, u.uses(ofContainer, true)...)
	c.Denied = addUses(c.Denied, u.uses(ofContainer, false)...)
	c.Outside = addUses(c.Outside, u.uses(outside, false)...)
	c.Cut = c.Cut || u.cut
}

// startedAfter says whether a container started while its node was watched. Its start is known to the second.
func startedAfter(status *corev1.ContainerStatus, node *nodeState) bool {
	if status == nil || !node.watched() {
		return false
	}
	var start time.Time
	switch {
	case status.State.Running != nil:
		start = status.State.Running.StartedAt.Time
	case status.State.Terminated != nil:
		start = status.State.Terminated.StartedAt.Time
	}
	return start.After(node.began)
}

// conclude says what the container should have, when all was added.
func (c *Container) conclude() {
	c.Unused = slices.DeleteFunc(c.Unused, func(name string) bool {
		return slices.ContainsFunc(c.Used, func(use Use) bool { return use.Capability == name })
	})
	if c.SecurityContext == nil {
		return
	}
	c.SecurityContext.Capabilities = Capabilities{Add: []string{}, Drop: []string{all}}
	for _, use := range c.Used {
		c.SecurityContext.Capabilities.Add = append(c.SecurityContext.Capabilities.Add, use.Capability)
	}
}

// onMachine is what was seen of the processes of this machine, by container.
func (w *Watch) onMachine() Workload {
	if len(w.containers) == 0 {
		w.containers[container{}] = newUsage()
	}
	work := Workload{Name: w.Machine, Containers: []Container{}}
	for _, at := range slices.SortedFunc(maps.Keys(w.containers), func(a, b container) int { return cmp.Compare(a.id, b.id) }) {
		c := newContainer(at.id, "")
		c.FromStart, c.UnusedUnknown = false, true
		if w.nodes[w.Machine].watched() {
			c.SecurityContext = &SecurityContext{}
		}
		c.sum(w.containers[at])
		for _, uses := range [][]Use{c.Used, c.Denied, c.Outside} {
			for i := range uses {
				uses[i].OnlyInjected = false // there is no container's own process
			}
		}
		c.conclude()
		work.Containers = append(work.Containers, c)
	}
	return work
}
