// SPDX-License-Identifier: Apache-2.0

package recorder

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/recording"
)

// Pods are the lines of the pods that a session is about. Safe for concurrent use; a nil one has none.
type Pods struct {
	// env keeps the values of environment variables, which are secrets' most usual place. redact takes out what nobody may see.
	env    bool
	redact func(string) string

	mu     sync.Mutex
	latest map[types.UID]podLine
	// waiting are lines that are not written yet.
	waiting [][]byte
}

// podLine is a pod's line, and what tells whether another has to follow it.
type podLine struct {
	pod  *corev1.Pod
	line []byte
}

// NewPods has none. redact is for all texts of a pod.
func NewPods(env bool, redact func(string) string) *Pods {
	return &Pods{env: env, redact: redact, latest: map[types.UID]podLine{}}
}

// Update notes a pod, if there is something new of it: a container, a restart, its deletion.
func (p *Pods) Update(pod *corev1.Pod) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last, known := p.latest[pod.UID]; known && sameContainers(last.pod, pod) {
		return
	}
	line, err := p.encode(pod)
	if err != nil || len(line) >= recording.MaxLine {
		return // a pod that is no JSON, or longer than etcd takes, there is none
	}
	p.latest[pod.UID] = podLine{pod, line}
	p.waiting = append(p.waiting, line)
}

// sameContainers says whether a pod has the same containers as before, and still runs or has ended as it did.
func sameContainers(a, b *corev1.Pod) bool {
	if (a.DeletionTimestamp == nil) != (b.DeletionTimestamp == nil) || a.Status.Phase != b.Status.Phase {
		return false
	}
	states := func(pod *corev1.Pod) map[string]int32 {
		all := map[string]int32{}
		for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses) {
			all[s.Name+" "+s.ContainerID] = s.RestartCount
		}
		return all
	}
	return maps.Equal(states(a), states(b))
}

const redacted = "*****"

// lastApplied is kubectl's copy of the whole object.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

func (p *Pods) encode(pod *corev1.Pod) ([]byte, error) {
	pod = pod.DeepCopy()
	pod.ManagedFields = nil
	delete(pod.Annotations, lastApplied)
	if !p.env {
		hide := func(env []corev1.EnvVar) {
			for i := range env {
				if env[i].Value != "" {
					env[i].Value = redacted
				}
			}
		}
		for i := range pod.Spec.InitContainers {
			hide(pod.Spec.InitContainers[i].Env)
		}
		for i := range pod.Spec.Containers {
			hide(pod.Spec.Containers[i].Env)
		}
		for i := range pod.Spec.EphemeralContainers {
			hide(pod.Spec.EphemeralContainers[i].Env)
		}
	}
	text, err := json.Marshal(pod)
	if err != nil {
		return nil, err
	}
	var data any
	if err := json.Unmarshal(text, &data); err != nil {
		return nil, err
	}
	return recording.EncodeLine(recording.KindPod, redactTexts(data, p.redact))
}

// redactTexts takes out of all texts in decoded JSON what nobody may see.
func redactTexts(data any, redact func(string) string) any {
	switch x := data.(type) {
	case string:
		return redact(x)
	case []any:
		for i := range x {
			x[i] = redactTexts(x[i], redact)
		}
	case map[string]any:
		for _, key := range slices.Collect(maps.Keys(x)) {
			value := x[key]
			delete(x, key)
			x[redact(key)] = redactTexts(value, redact)
		}
	}
	return data
}

// all are the lines of all pods, for a file that begins; none of them waits any more.
func (p *Pods) all() (lines [][]byte) {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = nil
	for _, uid := range slices.Sorted(maps.Keys(p.latest)) {
		lines = append(lines, p.latest[uid].line)
	}
	return lines
}

// changed are the lines that wait.
func (p *Pods) changed() (lines [][]byte) {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	lines, p.waiting = p.waiting, nil
	return lines
}
