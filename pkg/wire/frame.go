// SPDX-License-Identifier: Apache-2.0

package wire

import "github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"

// Version of the wire format; a reader refuses frames of another.
const Version = 1

// MaxFrame is the most bytes that a frame takes, line feed included: container runtimes cut a log entry at 16 KiB, and
// the log endpoint adds a timestamp to it.
const MaxFrame = 12 * 1024

// Frame is one line of a tracer's output.
type Frame struct {
	Version int    `json:"v"`
	Session string `json:"s"`
	// Number of the frame; the first is 1 and the next is one more.
	Number uint64 `json:"n"`
	// First is the number of the first event in Events, or of the next event where Events is empty, so that any frame says how
	// many events went before it; the tracer's first event is 1. Count is len(Events).
	First uint64 `json:"e"`
	Count int    `json:"k,omitempty"`
	// Enforced is how many of Events stopped something (event.Event.Enforced), so that whoever passes frames on can let these go
	// first without reading the events.
	Enforced int `json:"a,omitempty"`
	// Lost events by cause, as totals since the tracer's start.
	Lost map[string]uint64 `json:"lost,omitempty"`
	// Processes that the events name, by exec_id.
	Processes map[string]*Process `json:"procs,omitempty"`
	Events    []Event             `json:"ev,omitempty"`

	// Hello is set in the first frame, Bye in the last, Heartbeat in one each second.
	Hello     *event.Hello  `json:"hello,omitempty"`
	Heartbeat *event.Totals `json:"hb,omitempty"`
	Bye       *event.Bye    `json:"bye,omitempty"`
	// Notice is set in a frame of its own.
	Notice *event.Notice `json:"notice,omitempty"`
	// Throttle is set in a frame of its own.
	Throttle *Throttle `json:"throttle,omitempty"`
}

// Throttle says that events of a cgroup are left out from now on, or no longer. It is none of the events that are counted.
type Throttle struct {
	// Type and Cgroup are those of event.ProcessThrottle, Count and Total those of event.Throttled.
	Type   string `json:"type"`
	Cgroup string `json:"cgroup,omitempty"`
	// PodUID from the name of the cgroup; empty outside of pods.
	PodUID string           `json:"pod_uid,omitempty"`
	Count  uint64           `json:"count,omitempty"`
	Total  uint64           `json:"total,omitempty"`
	Time   *event.Timestamp `json:"time,omitempty"`
}

// Event is the event that tells of it; pod is the one of PodUID, or nil.
func (t *Throttle) Event(pod *event.Pod) *event.Event {
	return &event.Event{
		ProcessThrottle: &event.ProcessThrottle{Type: t.Type, Cgroup: t.Cgroup},
		Throttled:       &event.Throttled{Pod: pod, Count: t.Count, Total: t.Total},
		Time:            t.Time,
	}
}

// Process is what the tracer knows of a process: everything but the pod's names, which only the plugin can look up.
type Process struct {
	event.Process
	// PodUID and ContainerID (hex, without a runtime's prefix) from the name of its cgroup; empty outside of pods.
	PodUID      string `json:"pod_uid,omitempty"`
	ContainerID string `json:"container_id,omitempty"`
	// NamespacePid is the pid in the process's own pid namespace.
	NamespacePid uint32 `json:"ns_pid,omitempty"`
}

// Event is an event whose processes are named by exec_id, its own process fields being nil.
type Event struct {
	ProcessID   string   `json:"p,omitempty"`
	ParentID    string   `json:"pp,omitempty"`
	AncestorIDs []string `json:"anc,omitempty"`
	// Tid is the acting thread, which becomes the process's; 0 for the one that the process has (its leader).
	Tid uint32 `json:"t,omitempty"`
	event.Event
}

// Event returns the i-th event with its processes filled in. Each process passes through complete, which adds what the
// reader knows (its pod) to a copy of its own; a process that the frame does not hold is shown by its exec_id alone, with
// the flag "unknown".
func (f *Frame) Event(i int, complete func(*Process) *event.Process) *event.Event {
	joined := f.Events[i].Event.Clone() // the frame stays as it was read
	f.join(&f.Events[i], joined, complete)
	return joined
}

// Take is Event without a copy: the event is the frame's own, and who keeps it keeps all events of the frame (Clone does
// not). For a reader that wants each event once.
func (f *Frame) Take(i int, complete func(*Process) *event.Process) *event.Event {
	e := &f.Events[i]
	f.join(e, &e.Event, complete)
	return &e.Event
}

// join fills in the processes that e names.
func (f *Frame) join(e *Event, joined *event.Event, complete func(*Process) *event.Process) {
	find := func(id string) *event.Process {
		if p := f.Processes[id]; p != nil {
			return complete(p)
		}
		return &event.Process{ExecID: id, Flags: event.FlagUnknown.String()}
	}
	subjects, ok := joined.Subjects()
	if !ok {
		return
	}
	if e.ProcessID != "" {
		*subjects.Process = ofThread(find(e.ProcessID), e.Tid)
	}
	if e.ParentID != "" {
		*subjects.Parent = find(e.ParentID)
	}
	if subjects.Ancestors != nil {
		*subjects.Ancestors = nil
		for _, id := range e.AncestorIDs {
			*subjects.Ancestors = append(*subjects.Ancestors, find(id))
		}
	}
}

// ofThread is the process as its thread tid acts; 0 leaves it as it is.
func ofThread(p *event.Process, tid uint32) *event.Process {
	if tid == 0 {
		return p
	}
	acting := *p // others may have been given the same
	acting.Tid = &tid
	return &acting
}
