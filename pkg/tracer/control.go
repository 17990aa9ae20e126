// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// maxControl is the longest line of control: some thousand pods, each with containers of its own selections.
const maxControl = 1 << 20

// firstWord is how long the first control message may take while targets are held: an attach goes through the API server, the
// kubelet and the runtime, and until then nothing can be done to anybody.
const firstWord = 30 * time.Second

// readControl passes control messages on, and ends the session when there will be no more, or none came for too long: then
// whoever gave the orders is gone.
func (s *session) readControl(ctx context.Context) {
	silence := time.Duration(s.Orders.Silence)
	if silence > 0 {
		first := silence
		if s.Orders.Hold {
			first = max(silence, firstWord)
		}
		timer := time.AfterFunc(first, func() { s.end(ended(event.ByeAbandoned)) })
		defer timer.Stop()
		defer s.end(ended(event.ByeAbandoned))
		s.scanControl(ctx, func() { timer.Reset(silence) })
		return
	}
	s.scanControl(ctx, func() {})
	s.end(ended(event.ByeAbandoned))
}

func (s *session) scanControl(ctx context.Context, alive func()) {
	lines := bufio.NewScanner(s.Control)
	lines.Buffer(nil, maxControl)
	for lines.Scan() {
		alive()
		var c wire.Control
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			s.output.notice(event.Notice{Level: event.LevelWarning, Subject: "control", Text: fmt.Sprintf("a control message can't be read: %v", err)})
			continue
		}
		if c.Stop {
			s.end(ended(event.ByeStopped))
			return
		}
		if c.Targets == nil {
			continue
		}
		select {
		case s.control <- c:
		case <-ctx.Done():
			return
		}
	}
}

// obey carries out a control message, on the goroutine that owns the state.
func (s *session) obey(c wire.Control) {
	images, err := s.tasks.All()
	if err == nil {
		err = s.targets.set(*c.Targets, images)
	}
	if err == nil {
		s.table.Include(images, s.targets.includes)
		err = s.notePrograms()
	}
	if err != nil {
		s.output.notice(event.Notice{Level: event.LevelError, Subject: "targets", Text: "the new targets are not all traced: " + err.Error()})
	} else if s.Orders.Hold && !s.released {
		s.released = true
		s.output.notice(event.Notice{Level: event.LevelInfo, Text: s.targets.inForce()})
	}
}

// notePrograms tells the policies' programs of processes that run in new targets. What is executed from now on they see.
func (s *session) notePrograms() error {
	if s.policies == nil {
		return nil
	}
	images, err := s.tasks.All()
	if err != nil {
		return err
	}
	return s.policies.note(images, s.targets.includes)
}

// Exec, Fork, Exit and Cgroup make a session the handler of the kernel's records.

// Exec implements kernel.Handler.
func (s *session) Exec(i *kernel.Image) {
	s.output.count("exec")
	s.table.Exec(i)
}

// Fork implements kernel.Handler.
func (s *session) Fork(r *bpf.ProcessForkRecord) {
	s.output.count("fork")
	s.table.Fork(r)
}

// Exit implements kernel.Handler.
func (s *session) Exit(r *bpf.ProcessExitRecord) {
	s.output.count("exit")
	if s.policies != nil {
		s.policies.reporter.Exited(r.Header.Process)
	}
	s.table.Exit(r)
}

// Hook implements kernel.Handler.
func (s *session) Hook(raw []byte) error {
	s.output.count("hook")
	if s.policies == nil {
		return nil // of a session that ends
	}
	return s.policies.record(raw)
}

// Cgroup implements kernel.Handler.
func (s *session) Cgroup(c *kernel.Cgroup) {
	s.targets.made(c)
	s.came(c)
	s.table.Cgroup(c)
}
