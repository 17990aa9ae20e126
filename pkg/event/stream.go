// SPDX-License-Identifier: Apache-2.0

package event

// Hello is the first thing that a tracer says.
type Hello struct {
	// Protocol is the version of the wire format, Build the tracer's version and commit.
	Protocol int    `json:"protocol"`
	Build    string `json:"build"`
	Session  string `json:"session"`
	// Kernel is uname -r, Arch Go's name of the architecture.
	Kernel string `json:"kernel"`
	Arch   string `json:"arch"`
	BootID string `json:"boot_id"`
	// Encoding of the frames that hold events (wire.Encodings); empty for plain JSON.
	Encoding string `json:"encoding,omitempty"`
	// Tiers that this kernel accepts: trampoline, kprobe, tracepoint.
	Tiers []string `json:"tiers"`
	// Cgroups is the hierarchy by which targets are told apart: "unified", or the name of a v1 controller.
	Cgroups string `json:"cgroups"`
	// Capabilities that the tracer has left when all is attached; none in a tracer pod that could give up all.
	Capabilities []string `json:"capabilities,omitempty"`
	// Hooks that were asked for, attached or not.
	Hooks []Hook `json:"hooks"`
}

// Hook is what became of one hook.
type Hook struct {
	// Policy that asked for it; empty for the hooks that processes are followed with.
	Policy string `json:"policy,omitempty"`
	// Name of the hook as asked for, Backend that serves it (tp_btf, fentry, …), Tier that this is of.
	Name    string `json:"name"`
	Backend string `json:"backend,omitempty"`
	Tier    string `json:"tier,omitempty"`
	// Via is the hook that stands in for the one that was asked for ("tracepoint sys_exit"); empty when it is that one itself.
	Via string `json:"via,omitempty"`
	// Prevents says that what is forbidden does not happen: it is denied, and not only punished after the fact.
	Prevents bool `json:"prevents,omitempty"`
	// Notes say what is degraded, a sentence each.
	Notes []string `json:"notes,omitempty"`
	// Programs is how many kernel programs serve the hook.
	Programs int `json:"programs,omitempty"`
	// Refused says why the hook is not attached; empty when it is.
	Refused string `json:"refused,omitempty"`
}

// Loss says that events are missing.
type Loss struct {
	// Cause is one of the Lost… names.
	Cause string `json:"cause"`
	// Count of events that were lost since the last such message, Total since the start.
	Count uint64 `json:"count"`
	Total uint64 `json:"total"`
}

// Level says how bad a notice is.
type Level string

// The levels of a notice.
const (
	LevelInfo    Level = "info"
	LevelWarning Level = "warning"
	LevelError   Level = "error"
)

// SubjectDetached is what a notice is about by which a tracer says that it runs on without whoever started it.
const SubjectDetached = "detached"

// Notice is something that the reader of the stream has to know: a pod that could not be resolved, a clause that this
// kernel can't do.
type Notice struct {
	Level Level `json:"level"`
	// Subject is what it is about (a pod UID, a hook, SubjectDetached); may be empty.
	Subject string `json:"subject,omitempty"`
	Text    string `json:"text"`
}

// Cost is what tracing cost on one node since the tracer's start.
type Cost struct {
	// CPUNanoseconds is user and system time of the tracer process.
	CPUNanoseconds uint64 `json:"cpu_ns,string"`
	// ResidentBytes is the tracer's resident memory now, PeakResidentBytes the most it ever was.
	ResidentBytes     uint64 `json:"resident_bytes,string"`
	PeakResidentBytes uint64 `json:"peak_resident_bytes,string"`
	// BPFNanoseconds is the run time of the kernel programs, BPFRuns how often they ran. Of the programs of hooks one run of 13 is
	// timed and stands for all.
	BPFNanoseconds uint64 `json:"bpf_ns,string"`
	BPFRuns        uint64 `json:"bpf_runs,string"`
}

// Partial counts what is not lost, but not told as a whole.
type Partial struct {
	// RateLimited are events that the rate limit of a policy left out.
	RateLimited uint64 `json:"rate_limited,omitempty"`
	// Throttled are events that were left out because their pod filled the kernel's ring faster than it was read.
	Throttled uint64 `json:"throttled,omitempty"`
	// ReturnsLost are events that lack what the call returned.
	ReturnsLost uint64 `json:"returns_lost,omitempty"`
	// FactsLost are records of forks and new cgroups that the kernel's ring had no room for, or that a pod made too many of. They are no events themselves: of others
	// the parent or the pod may not be known.
	FactsLost uint64 `json:"facts_lost,omitempty"`
	// StatesFull are processes of which could not be noted what policies ask, as the table was full: filters on their programs do not
	// match, and those of the container runtime are taken for a container's.
	StatesFull uint64 `json:"process_states_full,omitempty"`
}

// Plus adds up what two tracers count.
func (p Partial) Plus(o Partial) Partial {
	return Partial{RateLimited: p.RateLimited + o.RateLimited, Throttled: p.Throttled + o.Throttled, ReturnsLost: p.ReturnsLost + o.ReturnsLost, FactsLost: p.FactsLost + o.FactsLost,
		StatesFull: p.StatesFull + o.StatesFull}
}

// Totals count since the tracer's start. What was emitted is Events + RateLimited + Throttled + Lost, but for what container runtimes
// do on their way into a container, which is not told.
type Totals struct {
	// Seen by class of kernel event: exec, fork, exit, hook.
	Seen map[string]uint64 `json:"seen,omitempty"`
	// Events that were written to the stream.
	Events uint64 `json:"events"`
	// Lost events by cause.
	Lost map[string]uint64 `json:"lost,omitempty"`
	Partial
	Cost Cost `json:"cost"`
}

// Bye is the last thing that a tracer says: after it the stream is complete.
type Bye struct {
	// Reason is one of the Bye… names.
	Reason string `json:"reason"`
	// Error is set when the tracer ends because something failed.
	Error string `json:"error,omitempty"`
	// ExitCode of the command that local mode ran; nil when there was none.
	ExitCode *int   `json:"exit_code,omitempty"`
	Totals   Totals `json:"totals"`
}
