// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"os"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/local"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
)

// togetherTime is how close two Ctrl-C have to be to mean the tracer and not only the command.
const togetherTime = 2 * time.Second

// runLocal traces this machine, or one command on it.
func (p *Plan) runLocal(ctx context.Context) error {
	v, err := p.outputs()
	if err != nil {
		return err
	}
	tracer, targets, command := local.New(p.options.Build.Release()), p.options.machineTargets(), p.options.local.command
	if err := tracer.Check(targets, command); err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	if p.arms() {
		if err := p.approveLocal(ctx, v, tracer, host); err != nil {
			return err
		}
	}
	stop := session.NewStop(ctx)
	defer session.HandleSignals(stop, p.localSignal(v))()
	c := p.sessionConfig(stop.ShuttingDown(), v, nil, nil)
	c.Machine = session.Machine{Node: host, Targets: targets}
	c.Launcher = &local.Launcher{Tracer: tracer, Command: command}
	if err := p.record(&c, v, stop, facts{}); err != nil {
		return err
	}
	if p.arms() {
		c.Status = withoutHooks{c.Status} // approved already
	}
	p.watchOutput(stop)
	result, err := session.Run(stop, c)
	return p.finish(v, result, err)
}

// withoutHooks is a status of a session of which what there is to say of hooks was said before it began.
type withoutHooks struct{ session.Status }

func (withoutHooks) Hooks(map[string]*event.Hello) {}

// approveLocal asks before anything is enforced on this machine.
func (p *Plan) approveLocal(ctx context.Context, v outputs, tracer local.Tracer, host string) error {
	served, err := tracer.Explain(ctx, p.policies.Sources, true)
	if err != nil {
		return err
	}
	subject := local.Subject(p.options.machineTargets(), p.options.local.command)
	return p.approval(v).OnMachine(ctx, p.policies.Policies, host, subject, served)
}

// localSignal leaves Ctrl-C to the command, which has it from the terminal as well and ends or goes on as it likes (a shell
// does); the session ends with it. Twice in short order means the session.
func (p *Plan) localSignal(v outputs) func(int, os.Signal) bool {
	var last time.Time
	return func(_ int, s os.Signal) bool {
		if len(p.options.local.command) == 0 || s != os.Interrupt {
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
