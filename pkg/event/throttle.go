// SPDX-License-Identifier: Apache-2.0

package event

// ProcessThrottle is Tetragon's message that events of a cgroup are missing. Tracers do not send it: documents say with it that
// events were lost, see Loss.
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
