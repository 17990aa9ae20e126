// SPDX-License-Identifier: Apache-2.0

package event

// ProcessThrottle is Tetragon's message that events of a cgroup are missing from now on, or are told again: a tracer sends it of a pod
// that fills the kernel's ring faster than it is read (Throttled is beside it then). Documents also say with it that events of a
// node were lost, see Loss.
type ProcessThrottle struct {
	// Type is one of the Throttle… names.
	Type string `json:"type,omitempty"`
	// Cgroup is the last part of the cgroup's path, ThrottleAll for all of a node.
	Cgroup string `json:"cgroup,omitempty"`
}

// Values of ProcessThrottle.
const (
	ThrottleStart = "THROTTLE_START"
	ThrottleStop  = "THROTTLE_STOP"
	ThrottleAll   = "/"
)

// ThrottledSource is whose events a ProcessThrottle is about: namespace and name of the pod, else the cgroup.
func (e *Event) ThrottledSource() string {
	if t := e.Throttled; t != nil && t.Pod != nil && t.Pod.Name != "" {
		return t.Pod.Namespace + "/" + t.Pod.Name
	}
	return e.ProcessThrottle.Cgroup
}

// Throttled is what ProcessThrottle does not say of a throttled cgroup.
type Throttled struct {
	// Pod that the cgroup is of; nil outside of pods.
	Pod *Pod `json:"pod,omitempty"`
	// Count of events that were left out between start and stop; 0 at the start. Total of the cgroup since tracing began.
	Count uint64 `json:"count"`
	Total uint64 `json:"total"`
}
