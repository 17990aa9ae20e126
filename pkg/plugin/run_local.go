// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/explain"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// machineTracer is the way to package tracer, which exists on Linux only.
type machineTracer interface {
	// Check says why this machine can't be traced as asked: rights, a cgroup or a process that does not exist.
	Check(targets wire.Targets, command []string) error
	// Trace writes frames until ctx ends, or until the command and its descendants have ended, and drains then. The command
	// has the standard streams of this process.
	Trace(ctx context.Context, orders wire.Orders, command []string, frames io.Writer) error
	// Explain says for each hook of policies how it would be served; nothing is traced.
	Explain(ctx context.Context, policies []wire.PolicySource, enforce bool) ([]explain.Served, error)
}

// togetherTime is how close two Ctrl-C have to be to mean the tracer and not only the command.
const togetherTime = 2 * time.Second

// runLocal traces this machine, or one command on it.
func (o *traceOptions) runLocal(ctx context.Context) error {
	v, err := o.view()
	if err != nil {
		return err
	}
	tracer := newMachineTracer(o.build.version())
	targets := o.localTargets()
	if err := tracer.Check(targets, o.local.command); err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	if o.arming.arms() {
		if err := o.approveLocal(ctx, v, tracer, host); err != nil {
			return err
		}
	}
	stop := session.NewStop(ctx)
	defer session.HandleSignals(stop, o.localSignal(v))()
	c := o.config(v)
	c.Orders.Session = launch.NewSession()
	c.Orders.Deadline = wire.Duration(o.session.duration)
	c.Machine = wire.Orders{Node: host, Targets: targets}
	c.Launcher = &localLauncher{tracer: tracer, command: o.local.command}
	if o.completing != nil {
		c.Complete = o.completing(stop.Asked(), nil, v.status.Say)
	}
	if o.arming.arms() {
		c.Status = withoutHooks{c.Status}
	}
	o.watchOutput(stop)
	result, err := session.Run(stop, c)
	return o.finish(v, result, err)
}

func (o *traceOptions) localTargets() wire.Targets {
	t := wire.Targets{Cgroups: o.local.cgroups}
	for _, pid := range o.filters.pids {
		t.Pids = append(t.Pids, uint32(pid))
	}
	t.All = len(t.Cgroups) == 0 && len(t.Pids) == 0 && len(o.local.command) == 0
	return t
}

// localSignal leaves Ctrl-C to the command, which has it from the terminal as well and ends or goes on as it likes (a shell
// does); the session ends with it. Twice in short order means the session.
func (o *traceOptions) localSignal(v view) func(int, os.Signal) bool {
	var last time.Time
	return func(_ int, s os.Signal) bool {
		if len(o.local.command) == 0 || s != os.Interrupt {
			return true
		}
		together := time.Since(last) < togetherTime
		last = time.Now()
		if !together && v.err.Terminal {
			v.status.Say(event.LevelInfo, "waiting for the command to end; Ctrl-C twice ends the trace")
		}
		return together
	}
}

// localLauncher fits the tracer in this process to package session. It starts one.
type localLauncher struct {
	tracer  machineTracer
	command []string
}

func (l *localLauncher) Preflight(context.Context, []string, launch.Progress) ([]*launch.NodeError, error) {
	return nil, nil
}

func (l *localLauncher) Cleanup(context.Context) error { return nil }

// Start runs the tracer in a goroutine; frames go through a pipe into the same reader as a pod's log. The tracer has a
// context of its own: the end of ctx is the session's, and what the tracer still holds is drained by Send and Delete.
func (l *localLauncher) Start(_ context.Context, orders wire.Orders) (session.Tracer, error) {
	ctx, cancel := context.WithCancel(context.Background())
	t := &localTracer{Pipe: session.NewPipe(), cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(t.ended)
		t.err = l.tracer.Trace(ctx, orders, l.command, t.Pipe)
		_ = t.Close() // never fails
	}()
	return t, nil
}

type localTracer struct {
	*session.Pipe
	cancel context.CancelFunc
	// err is valid once ended is closed.
	ended chan struct{}
	err   error
}

// Wait waits for the tracer's end: until then, there is nothing to say that its frames don't.
func (t *localTracer) Wait(ctx context.Context, _ launch.Progress) error {
	select {
	case <-t.ended:
		return t.err
	case <-ctx.Done():
		return nil
	}
}

// Send stops the tracer; its targets never change.
func (t *localTracer) Send(c wire.Control) error {
	if c.Stop {
		t.cancel()
	}
	return nil
}

func (t *localTracer) Detached() <-chan struct{} { return nil }
func (t *localTracer) DetachErr() error          { return nil }

// Delete ends the tracer and waits for it: what it attached in the kernel is gone when it returns without error.
func (t *localTracer) Delete(ctx context.Context, _ bool) error {
	t.cancel()
	_ = t.Close() // what is written from here on has no reader
	select {
	case <-t.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
