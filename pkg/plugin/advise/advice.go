// SPDX-License-Identifier: Apache-2.0

package advise

import "github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"

// Advice is what was learnt; as JSON and YAML too.
type Advice struct {
	// Began is when the first node was watched, Ended when the last thing was heard; nil when no node was.
	Began *event.Timestamp `json:"began,omitempty"`
	Ended *event.Timestamp `json:"ended,omitempty"`
	// Complete: every node was watched to the end, and nothing was lost.
	Complete  bool       `json:"complete"`
	Nodes     []Node     `json:"nodes"`
	Workloads []Workload `json:"workloads"`
	// Unnamed counts checks of containers whose names nobody told.
	Unnamed uint64 `json:"unnamed,omitempty"`
}

// Node is how well a node was watched.
type Node struct {
	Name string `json:"name"`
	// Problem says why it was not watched, or not to the end; empty otherwise.
	Problem string `json:"problem,omitempty"`
	// Lost events by cause.
	Lost map[string]uint64 `json:"lost,omitempty"`
}

// Workload is what containers are changed in.
type Workload struct {
	// Kind, Namespace and Name; empty for what runs on this machine outside of pods.
	Kind       string      `json:"kind,omitempty"`
	Namespace  string      `json:"namespace,omitempty"`
	Name       string      `json:"name,omitempty"`
	Pods       []string    `json:"pods,omitempty"`
	Containers []Container `json:"containers"`
	// Patch for the workload; nil when there is nothing to say.
	Patch Patch `json:"patch,omitempty"`
	// Note says why the patch can't be applied as it is; empty if it can.
	Note string `json:"note,omitempty"`
}

// ContainerType is which of a pod's lists of containers one is in.
type ContainerType string

// The types.
const (
	Ordinary  ContainerType = "container"
	Init      ContainerType = "init"
	Ephemeral ContainerType = "ephemeral"
)

// field of a pod's spec; empty for what is not in a template.
func (t ContainerType) field() string {
	switch t {
	case Ordinary:
		return "containers"
	case Init:
		return "initContainers"
	}
	return ""
}

// Container is what is known of the containers of one name in a workload.
type Container struct {
	Name string        `json:"name"`
	Type ContainerType `json:"type,omitempty"`
	// FromStart: each was watched from its start; what an earlier one did then was not seen.
	FromStart bool `json:"from_start"`
	// Privileged as it is now: capabilities change nothing then.
	Privileged bool `json:"privileged,omitempty"`
	// Used was needed and granted, Denied was not granted.
	Used   []Use `json:"used"`
	Denied []Use `json:"denied"`
	// Outside was denied because it is asked on the machine, and the container has a user namespace of its own.
	Outside []Use `json:"denied_outside,omitempty"`
	// Unused can be had now and was not needed; UnusedUnknown: what the runtime gives is not known.
	Unused        []string `json:"unused"`
	UnusedUnknown bool     `json:"unused_unknown,omitempty"`
	// Cut: there was more than is kept of one container.
	Cut bool `json:"cut,omitempty"`
	// SecurityContext is the advice; nil when there is none: it was not watched.
	SecurityContext *SecurityContext `json:"security_context,omitempty"`
}

// Use is a capability and who asked for it.
type Use struct {
	Capability string `json:"capability"`
	// Programs that asked and their effective user ids; MorePrograms: there were others of either.
	Programs     []string `json:"programs"`
	Users        []uint32 `json:"users"`
	MorePrograms bool     `json:"more_programs,omitempty"`
	// OnlyInjected: only processes that do not descend from the container's first asked (kubectl exec, probes).
	OnlyInjected bool `json:"only_injected,omitempty"`
}

// SecurityContext is what of a security context is advised. In a patch an empty list of what to add takes away what is there.
type SecurityContext struct {
	Capabilities Capabilities `json:"capabilities"`
}

// Capabilities to add after all were dropped.
type Capabilities struct {
	Add  []string `json:"add"`
	Drop []string `json:"drop"`
}
