// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/process"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Options is what a tracer works with.
type Options struct {
	// Config is what the plugin asks for.
	Config wire.TracerConfig
	// Frames takes one Write per frame.
	Frames io.Writer
	// Control has a wire.Control per line; nil: none is read. When it ends, so does the tracer.
	Control io.Reader
	// Command, when set, is started once tracing has begun, and is traced with all its descendants; the tracer ends when
	// they have ended. It is not killed when the tracer ends before.
	Command *exec.Cmd
	// Permit is what may be done, whatever Config and Control say; nil: everything.
	Permit *Permit
	// DropCapabilities gives up those of the process, as soon as all is attached, that are not needed any more.
	DropCapabilities bool
	// Build is the version that hello tells.
	Build string
	// Remark is a notice for the reader of the frames, said after hello; nil: none.
	Remark *event.Notice
	// Limits of what the kernel side holds.
	Limits Limits
}

// Limits are sizes of the kernel side's maps; 0 is what suits the policies.
type Limits struct {
	// RingBytes is the size of the ring for events: a power of two, and at least a page.
	RingBytes uint32
	// Processes of which can be noted what policies ask: their programs, and whether they are of a container.
	Processes uint32
	// Shares is of how many pods it is counted what they hold of the ring for events.
	Shares uint32
	// Unshared: a pod may fill the ring, whatever becomes of the events of others.
	Unshared bool
}

// housekeeping is how often the tracer looks after what only grows slowly: the clock, processes that ended unseen.
const housekeeping = 10 * time.Second

// ended is the cause of a context that ended for a reason that bye tells.
type ended string

func (e ended) Error() string { return string(e) }

// session is one run of the tracer. Its fields belong to the goroutine that reads the ring.
type session struct {
	Options
	programs *kernel.Programs
	tasks    *kernel.Tasks
	table    *process.Table
	targets  *targets
	clock    *process.Clock
	types    *layout.Kernel
	output   *output
	probes   *hook.Probes
	// programsInContainers: a policy has programs looked up in the targets' containers, and nobody was told yet that this is so
	// only of those that ran at the beginning.
	programsInContainers bool
	policies             *policies
	needed               capabilitySet // of capabilities, by policies, when all is attached
	throttles            throttles
	sharesFull           bool // it was told
	end                  context.CancelCauseFunc

	control chan wire.Control
	// released: the targets that were held are in force.
	released      bool
	disarming     sync.Once
	disarmed      error // valid after disarm
	commandStatus atomic.Pointer[int]
	kept, counted time.Time
	armed         time.Time // when stayArmed was last
	// until is when the session ends by itself, in nanoseconds of Unix time; 0: never.
	until atomic.Int64
}

// Run traces as configured until ctx ends, the configuration's deadline passes, control says so, or the command and its descendants
// have ended. It returns what its last frame said; an error when it could not do its work, which the last frame says too.
func Run(ctx context.Context, o Options) (event.Bye, error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	s := &session{Options: o, end: end, control: make(chan wire.Control), probes: hook.NewProbes(), types: layout.NewKernel(), output: newOutput(o.Frames, o.Config)}
	err := s.run(ctx)
	bye := event.Bye{Reason: s.reason(ctx), ExitCode: s.commandStatus.Load(), Totals: s.totals()}
	if err != nil {
		bye.Reason, bye.Error = event.ByeError, err.Error()
	}
	if s.policies != nil {
		err = errors.Join(err, s.policies.set.Close())
	}
	if s.programs != nil {
		err = errors.Join(err, s.programs.Close(), s.tasks.Close())
	}
	return bye, errors.Join(err, s.output.bye(bye))
}

// reason says why the context ended.
func (s *session) reason(ctx context.Context) string {
	if why, ok := errors.AsType[ended](context.Cause(ctx)); ok {
		return string(why)
	}
	return event.ByeStopped
}

func (s *session) run(ctx context.Context) error {
	if err := s.Config.Validate(); err != nil {
		return err
	}
	if err := s.Permit.checkConfig(s.Config); err != nil {
		return err
	}
	if s.Command == nil && s.firstTargets().Empty() && s.Control == nil {
		return errors.New("tracer configuration: no targets, and nobody who could name some later")
	}
	if err := s.begin(); err != nil {
		return err
	}
	if s.Config.Enforce {
		defer context.AfterFunc(ctx, s.disarm)()
	}
	if s.Config.Deadline > 0 {
		defer s.endAfter(time.Duration(s.Config.Deadline)).Stop()
	}
	if s.Control != nil {
		go s.readControl(ctx)
	}
	s.stayArmed(time.Now())
	s.output.started = true
	go s.output.write(s.end)
	if err := s.startCommand(); err != nil {
		return err
	}
	return errors.Join(s.programs.Read(ctx, s, s.idle, s.output.malformed), s.drain())
}

// ringOfPolicies is the ring of a session with policies: their records are many and long, and 16 MiB hold more than what a
// busy node makes while the tracer waits for its turn on the CPU.
const ringOfPolicies = 16 << 20

// begin sets everything up: when it returns, the targets are traced and hello is written.
func (s *session) begin() (err error) {
	if s.clock, err = process.NewClock(); err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	w := s.Config.Targets
	scope := kernel.Scope{
		Types:     s.types.Cache(),
		All:       w.All,
		Cgroups:   len(w.Pods)+len(w.Cgroups) > 0 || s.Control != nil && !w.All,
		Processes: len(w.Pids) > 0 || s.Command != nil,
	}
	scope.RingBytes, scope.Shares, scope.Unshared = s.Limits.RingBytes, s.Limits.Shares, s.Limits.Unshared
	if scope.RingBytes == 0 && len(s.Config.Policies) > 0 {
		scope.RingBytes = ringOfPolicies
	}
	var images []*kernel.Image
	if s.tasks, scope.Hierarchy, images, err = openTasks(scope, w); err != nil {
		return err
	}
	if i := ownImage(images); i >= 0 {
		scope.Tracer, scope.TracerPIDLevel = images[i].Header.Process.Tgid, images[i].PidNamespaceLevel
	}
	if s.programs, err = kernel.Load(scope); err != nil {
		s.tasks.Close()
		return err
	}
	s.targets = newTargets(s.programs, s.Permit, s.output.notice)
	s.throttles = throttles{read: s.programs.Throttled, name: s.cgroupName, at: s.clock.At, tell: s.output.throttle, targets: map[uint64]*throttledTarget{}}
	if err := s.targets.set(s.firstTargets(), images); err != nil {
		return err
	}
	hooks, err := s.programs.Attach()
	if err != nil {
		return err
	}
	if err := s.seed(); err != nil {
		return err
	}
	if err := s.beginPolicies(); err != nil {
		return err
	}
	kept, err := s.dropCapabilities()
	if err != nil {
		return err
	}
	hello := s.hello(scope, hooks)
	hello.Capabilities = kept.names
	if err := s.output.hello(hello); err != nil {
		return err
	}
	for _, remark := range []*event.Notice{s.Remark, kept.remark} {
		if remark != nil {
			s.output.notice(*remark)
		}
	}
	return nil
}

// seed notes what runs already; it comes after attaching, so that nothing falls in between.
func (s *session) seed() error {
	images, err := s.tasks.All()
	if err != nil {
		return err
	}
	host, err := s.tasks.HostNamespaces()
	if err != nil {
		return err
	}
	var runtimes uint32
	if s.Config.WithoutRuntime && !s.Config.Targets.All {
		runtimes, _ = runtimeNamespace(images) // not to know it is to tell more
	}
	s.table = process.NewTable(process.Config{
		Runtime: runtimes,
		Node:    s.Config.Node, Detail: s.Config.Process, Clock: s.clock, HostNamespaces: host,
		Running: s.tasks.All, Emit: s.output.event, Lost: s.lost,
		Target: func(i *kernel.Image) bool {
			return s.targets.includes(i) || s.programs.IsTargetProcess(i.Header.Process.Tgid)
		},
	})
	s.table.Seed(images, s.targets.includes)
	return s.targets.set(s.firstTargets(), images)
}

// firstTargets are those before any control message.
func (s *session) firstTargets() wire.Targets {
	if s.Config.Hold {
		return wire.Targets{}
	}
	return s.Config.Targets
}

// disarm ends all that hooks do, at once: it waits neither for the records before the end to be read nor for programs to be
// detached one after the other.
func (s *session) disarm() {
	s.disarming.Do(func() {
		s.disarmed = s.programs.LeaveScope()
		if s.policies != nil {
			s.disarmed = errors.Join(s.disarmed, s.policies.set.Detach())
		}
	})
}

// drain ends tracing and reads what the ring still holds.
func (s *session) drain() error {
	var err error
	if s.Config.Enforce {
		s.disarm()
		err = s.disarmed
	}
	err = errors.Join(err, s.programs.Detach())
	if s.policies != nil {
		err = errors.Join(err, s.policies.set.Detach())
	}
	if err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	err = s.programs.Drain(s, drainPatience, s.output.malformed)
	if counts, err := s.programs.Counts(); err == nil {
		s.throttles.finish(counts.Throttled)
	}
	if s.policies != nil {
		s.policies.reporter.Flush()
	}
	return err
}

// idle runs between turns of reading.
func (s *session) idle() {
	select {
	case c := <-s.control:
		s.obey(c)
	default:
	}
	if s.commandStatus.Load() != nil {
		if alive, err := s.programs.HasProcesses(); err != nil || !alive {
			s.end(ended(event.ByeFinished))
		}
	}
	now := time.Now()
	s.stayArmed(now)
	if now.Sub(s.counted) > countInterval {
		s.counted = now
		s.readCounts()
	}
	if now.Sub(s.kept) > housekeeping {
		s.kept = now
		s.keep()
	}
}

func (s *session) keep() {
	if err := s.clock.Set(); err != nil {
		s.output.notice(event.Notice{Level: event.LevelWarning, Subject: "clock", Text: "times may be off: " + err.Error()})
	}
	var images []*kernel.Image
	err := s.programs.DropExited(func() (running []*kernel.Image, err error) {
		images, err = s.tasks.All()
		return images, err
	})
	if err != nil {
		s.output.notice(event.Notice{Level: event.LevelWarning, Subject: "tasks", Text: err.Error()})
		return
	}
	if dropped, err := s.programs.DropIdleShares(); err == nil { // else the next time
		for _, one := range dropped {
			s.throttles.forget(one)
		}
	}
	s.table.DropExited(images)
	s.targets.found(images)
	if s.targets.retry() {
		s.includeRunning(images)
	}
	s.targets.remind()
}
