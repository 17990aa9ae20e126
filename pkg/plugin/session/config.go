// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pods"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/stream"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/target"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Tracer is one tracer under way: a pod, or the tracer in this process.
type Tracer interface {
	stream.Source
	// Wait returns when the tracer runs, or with the reason why it doesn't.
	Wait(ctx context.Context, progress launch.Progress) error
	// Send never blocks.
	Send(wire.Control) error
	// Detached is closed when nothing can be sent any more, DetachErr says why.
	Detached() <-chan struct{}
	DetachErr() error
	// Delete removes the tracer; afterBye: it has ended by itself. Deleting again is no error.
	Delete(ctx context.Context, afterBye bool) error
}

// Launcher starts tracers.
type Launcher interface {
	// Preflight says which nodes can't be traced; err: none can.
	Preflight(ctx context.Context, nodes []string, progress launch.Progress) (refused []*launch.NodeError, err error)
	// Start starts a tracer; again for a node whose tracer has ended.
	Start(ctx context.Context, config wire.TracerConfig) (Tracer, error)
	// Cleanup removes whatever is left of the session, or says what it could not remove.
	Cleanup(ctx context.Context) error
}

// Targets are the pods to trace.
type Targets interface {
	Watch(ctx context.Context, changed func(target.Change), trouble func(error)) error
	String() string
}

// Status is what people see on stderr; render.Status is one. Its methods never wait for a terminal.
type Status interface {
	Waiting(node, waitingFor string)
	// Prepared says that what Waiting named is waited for no more, Ready that a node's tracer runs.
	Prepared(what string)
	Ready(node string)
	Tracing(pods, nodes int)
	Failed(node string, err error)
	// Hooks are what tracers said of their hooks, by node: once of all that began together, then of each that comes later.
	Hooks(hellos map[string]*event.Hello)
	Say(l event.Level, text string)
	Close()
}

// Machine is this machine as a session's only node.
type Machine struct {
	Node    string
	Targets wire.Targets
}

// BareTarget is a pod of which a tracer is told nothing but the UID.
func BareTarget(pod *corev1.Pod) wire.Pod { return wire.Pod{UID: pods.CgroupUID(pod)} }

// Config is a session. Either Pods, Targets and Refused are set (a cluster), or Machine is (this one).
type Config struct {
	Launcher Launcher
	// Supervisor sees panics in what the session and its caller start; nil: one for the session alone.
	Supervisor *Supervisor
	// Session identifies the frames of the session's tracers.
	Session string
	// TracerConfig makes what the tracer of a node is started with.
	TracerConfig func(ctx context.Context, node string, targets wire.Targets) (wire.TracerConfig, error)
	// Pods to trace from the beginning; Targets says which come and go.
	Pods    []*corev1.Pod
	Targets Targets
	// Target is what a tracer is told of a pod, asked at each change of it; nil: nothing but its UID. It is called by several
	// goroutines.
	Target func(*corev1.Pod) wire.Pod
	// Named says that single pods were asked for by name: when they are gone for good, the session ends.
	Named bool
	// Refused are nodes that can't be traced, as a Preflight before the session found.
	Refused []*launch.NodeError
	// Machine is traced without a cluster when its Node is set.
	Machine Machine
	// Running are nodes whose tracers run already: Launcher.Start hands them over, as they are. What they wrote before may be gone from
	// their logs, the hello too, and none is started anew.
	Running []string
	// Stay: the tracers are left alone when the session ends, and with them all that Launcher made.
	Stay bool
	// DetachUntil, when set, ends the session with ErrDetached as soon as every tracer has started, and been armed where that is to be:
	// they are left to trace by themselves until then.
	DetachUntil time.Time

	// Began is since when the tracers have run, for what they cost of that time; zero: since Run was called.
	Began time.Time
	// Duration from when every tracer has started, MaxEvents shown; 0: no such end.
	Duration  time.Duration
	MaxEvents uint64
	// Stages complete events about processes and say which the command is about, each in the order of its node; Filters say which of
	// them the user wants to see, and About again which the command is about, of those. What was enforced is shown whatever they say.
	// They are called by a goroutine for each node.
	Stages, Filters, About pipeline.Chain
	// Redact takes out what nobody may see, before anything is shown or kept, RedactText from texts beside the events; nil: nothing
	// is.
	Redact     pipeline.Stage
	RedactText func(string) string
	// Approve, when set, is asked before the tracers act on anybody: they begin with their targets held.
	Approve Approve

	// Sink shows the events.
	Sink pipeline.Sink
	// Recorder, when set, takes all events, also those that are not shown, redacted and in their order; nothing waits for Sink then. When
	// it fails, RecordFailed is told, once, and the session goes on.
	Recorder     pipeline.Sink
	RecordFailed func(error)
	Status       Status
	// SharedTerminal says that events and status are seen side by side.
	SharedTerminal bool
	Index          *pods.Index
}

// Result is what a session has to say at its end.
type Result struct {
	Summary Summary
	// Started says that a tracer said hello: without, there is nothing to sum up.
	Started bool
	// Armed says that Approve was asked and agreed.
	Armed bool
	// Detached are the nodes that are traced on.
	Detached []string
	// Reason why it ended, one of the Err… values or an error.
	Reason error
	// ExitCode of the command that local mode ran.
	ExitCode *int
}
