// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxName is the longest name that Kubernetes gives anything; each frame and each exec_id carries one.
const maxName = 253

// TracerConfig is what a tracer is started with, as one JSON document.
type TracerConfig struct {
	Version int    `json:"v"`
	Session string `json:"session"`
	// Node is the name of the node: part of every exec_id, and the source of what happens outside of pods.
	Node    string  `json:"node"`
	Targets Targets `json:"targets"`
	// Encodings of frames that the reader understands beside plain JSON (Encodings), the best first; unknown ones are ignored.
	Encodings []string `json:"encodings,omitempty"`
	// Process says what of a process is reported on top of the usual.
	Process ProcessDetail `json:"process"`
	// Policies to attach. Whoever sends them has read them before: here only the tracer's own reading of the texts counts.
	Policies []PolicySource `json:"policies,omitempty"`
	// Enforce carries out the actions of the policies that stop a process or what it does; without it the events only say
	// what would have been done. Monitor forbids the same, whatever the policies' options say; both at once are refused.
	Enforce bool `json:"enforce,omitempty"`
	Monitor bool `json:"monitor,omitempty"`
	// Hold: Targets say who is meant, but nobody is traced, and nothing of Enforce can act, until a control message has named
	// targets. What the hooks are is told before.
	Hold bool `json:"hold,omitempty"`
	// WithoutRuntime: the policies are not about the container runtime's processes that are on their way into a container. They
	// are not told of, and Enforce does nothing to them. The tracer must run in a container itself: the runtime is what runs that.
	WithoutRuntime bool `json:"without_runtime,omitempty"`
	// Narrowed: the policies are about workloads only that have the bit policy.SessionSelection.
	Narrowed bool `json:"narrowed,omitempty"`
	// Deadline after which the tracer ends by itself; 0 is none.
	Deadline Duration `json:"deadline,omitempty"`
	// Detachable: Control.Detach is obeyed, so that the tracer outlives whoever started it, until Deadline at the latest.
	Detachable bool `json:"detachable,omitempty"`
	// Silence on standard input after which the tracer takes the plugin for dead; 0: standard input is not read.
	Silence Duration `json:"silence,omitempty"`
}

// PolicySource is a policy as it was written.
type PolicySource struct {
	// Name is the file's, for messages.
	Name string `json:"name"`
	// Text is one YAML document or several.
	Text string `json:"text"`
}

// Targets is whom to trace. The set fields add up; one at least must be set, and All excludes the others.
type Targets struct {
	Pods []Pod `json:"pods,omitempty"`
	// Cgroups are paths of cgroup directories; all below them is traced.
	Cgroups []string `json:"cgroups,omitempty"`
	// Pids are thread group ids in the tracer's own pid namespace: these and all their descendants are traced.
	Pids []uint32 `json:"pids,omitempty"`
	// All processes of the machine.
	All bool `json:"all,omitempty"`
}

// Pod is a pod to trace, with which of the selections of the session's policies (policy.NumberSelections) hold for it, a bit
// each. Processes that are not of pods have all bits.
type Pod struct {
	// UID by which its cgroup is named (join.CgroupUID).
	UID string `json:"uid"`
	// Selections that hold where nothing more is known: for processes of containers that are not in Containers.
	Selections uint64 `json:"selections,omitempty"`
	// Containers are those for which others hold, by ID: 64 hex digits.
	Containers map[string]uint64 `json:"containers,omitempty"`
}

// ProcessDetail is what is reported of a process on request, because it makes events longer.
type ProcessDetail struct {
	Capabilities bool `json:"capabilities,omitempty"`
	Namespaces   bool `json:"namespaces,omitempty"`
	Credentials  bool `json:"credentials,omitempty"`
}

// Duration is a time.Duration that JSON shows as text ("30s").
type Duration time.Duration

// MarshalJSON writes Go's text form of a duration.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads Go's text form of a duration.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return fmt.Errorf("duration: want a text like \"30s\": %w", err)
	}
	parsed, err := time.ParseDuration(text)
	*d = Duration(parsed)
	return err
}

// ParseTracerConfig reads and checks a configuration.
func ParseTracerConfig(document []byte) (TracerConfig, error) {
	var c TracerConfig
	decoder := json.NewDecoder(strings.NewReader(string(document)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return TracerConfig{}, fmt.Errorf("tracer configuration: %w", err)
	}
	if decoder.More() {
		return TracerConfig{}, errors.New("tracer configuration: more text after the document")
	}
	return c, c.Validate()
}

// Validate says everything that is wrong with the configuration.
func (c TracerConfig) Validate() error {
	var errs []error
	if c.Version != Version {
		errs = append(errs, fmt.Errorf("tracer configuration: version %d, this tracer understands %d: plugin and tracer image must be of one release", c.Version, Version))
	}
	if c.Session == "" {
		errs = append(errs, errors.New("tracer configuration: no session"))
	}
	if c.Node == "" {
		errs = append(errs, errors.New("tracer configuration: no node name"))
	}
	if len(c.Session) > maxName || len(c.Node) > maxName {
		errs = append(errs, fmt.Errorf("tracer configuration: session or node name longer than %d bytes", maxName))
	}
	if c.Deadline < 0 || c.Silence < 0 {
		errs = append(errs, errors.New("tracer configuration: negative duration"))
	}
	if c.Enforce && c.Monitor {
		errs = append(errs, errors.New("tracer configuration: enforce and monitor exclude each other"))
	}
	if c.Hold && (c.Silence == 0 || c.Targets.All || len(c.Targets.Pids) > 0) {
		errs = append(errs, errors.New("tracer configuration: only pods and cgroups can be held, by a tracer that heeds its standard input"))
	}
	if c.Detachable && (c.Deadline == 0 || c.Silence == 0) {
		errs = append(errs, errors.New("tracer configuration: only a tracer with a deadline, that heeds its standard input, can be detached"))
	}
	for i, p := range c.Policies {
		if p.Name == "" || strings.TrimSpace(p.Text) == "" {
			errs = append(errs, fmt.Errorf("tracer configuration: policy %d of %d has no name or no text", i+1, len(c.Policies)))
		}
	}
	return errors.Join(append(errs, c.Targets.validate())...)
}

// Empty says whether nothing is to be traced.
func (t Targets) Empty() bool {
	return !t.All && len(t.Pods)+len(t.Cgroups)+len(t.Pids) == 0
}

// Pod is the target with this UID; nil if there is none.
func (t Targets) Pod(uid string) *Pod {
	if i := slices.IndexFunc(t.Pods, func(p Pod) bool { return p.UID == uid }); i >= 0 {
		return &t.Pods[i]
	}
	return nil
}

func (t Targets) validate() error {
	narrow := len(t.Pods) + len(t.Cgroups) + len(t.Pids)
	switch {
	case t.All && narrow > 0:
		return errors.New("targets: all excludes pods, cgroups and pids")
	case t.Pod("") != nil || slices.Contains(t.Cgroups, "") || slices.Contains(t.Pids, 0):
		return errors.New("targets: an empty pod UID, cgroup or pid")
	}
	return nil
}
