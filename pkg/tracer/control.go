// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// maxControl bounds a message of several lines, in bytes.
const maxControl = 16 << 20

// firstWord is how long the first control message may take while targets are held: an attach goes through the API server, the
// kubelet and the runtime, and until then nothing can be done to anybody.
const firstWord = 30 * time.Second

// readControl passes control messages on, and ends the session when there will be no more, or none came for too long: then
// the plugin is gone. It returns when the session is detached.
func (s *session) readControl(ctx context.Context) {
	alive := func() {}
	if silence := time.Duration(s.Config.Silence); silence > 0 {
		first := silence
		if s.Config.Hold {
			first = max(silence, firstWord)
		}
		timer := time.AfterFunc(first, func() { s.end(ended(event.ByeAbandoned)) })
		defer timer.Stop()
		alive = func() { timer.Reset(silence) }
	}
	if !s.scanControl(ctx, alive) {
		s.end(ended(event.ByeAbandoned))
	}
}

// scanControl reads messages to the end of the input, or until one detaches the session.
func (s *session) scanControl(ctx context.Context, alive func()) (detached bool) {
	lines := bufio.NewReaderSize(s.Control, wire.MaxControlLine)
	var message controlMessage
	for {
		line, err := readControlLine(lines, alive)
		switch {
		case errors.Is(err, errControlTooLong):
			message = controlMessage{}
			s.controlNotice(err)
			continue
		case err != nil:
			return false
		}
		whole, err := message.add(line)
		if err != nil {
			s.controlNotice(err)
			continue
		}
		if whole.Stop {
			s.end(ended(event.ByeStopped))
			return false
		}
		if whole.Targets != nil || len(whole.Add)+len(whole.Remove) > 0 {
			select {
			case s.control <- whole:
			case <-ctx.Done():
				return false
			}
		}
		if whole.Detach > 0 && s.detach(time.Duration(whole.Detach)) {
			return true
		}
	}
}

// detach lets the session run on for so long without its control. It is false where that was not allowed from the beginning.
func (s *session) detach(span time.Duration) bool {
	if !s.Config.Detachable {
		s.controlNotice(errors.New("a tracer that was not started to be detached cannot be"))
		return false
	}
	span = min(span, time.Until(time.Unix(0, s.until.Load())))
	s.endAfter(span)
	s.output.notice(event.Notice{Level: event.LevelInfo, Subject: event.SubjectDetached,
		Text: fmt.Sprintf("traces on by itself for %s", span.Round(time.Second))})
	return true
}

func (s *session) controlNotice(err error) {
	s.output.notice(event.Notice{Level: event.LevelError, Subject: "control", Text: fmt.Sprintf("a control message was not obeyed: %v", err)})
}

var errControlTooLong = fmt.Errorf("a control line is longer than %d bytes", wire.MaxControlLine)

// readControlLine returns the next line, which is valid until the next call. Each part of a line is a sign of life.
func readControlLine(r *bufio.Reader, alive func()) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err == nil {
		alive()
		return line, nil
	}
	for errors.Is(err, bufio.ErrBufferFull) { // the rest of the line
		alive()
		if _, err = r.ReadSlice('\n'); err == nil {
			alive()
			return nil, errControlTooLong
		}
	}
	return nil, err
}

// controlMessage puts a message of several lines together.
type controlMessage struct {
	pending wire.Control
	size    int
}

// add takes a line. The result is the message that ends with it; before its last line, and for a bare sign of life, it is empty.
func (m *controlMessage) add(line []byte) (wire.Control, error) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return wire.Control{}, nil
	}
	var c wire.Control
	if err := json.Unmarshal(line, &c); err != nil {
		*m = controlMessage{}
		return wire.Control{}, fmt.Errorf("a control message can't be read: %w", err)
	}
	if c.Targets != nil { // a new connection: what the last one did not finish is said again
		*m = controlMessage{}
	}
	if m.size += len(line); m.size > maxControl {
		*m = controlMessage{}
		return wire.Control{}, fmt.Errorf("a control message is longer than %d bytes", maxControl)
	}
	if c.Targets != nil {
		m.pending.Targets = c.Targets
	}
	m.pending.Add, m.pending.Remove = append(m.pending.Add, c.Add...), append(m.pending.Remove, c.Remove...)
	m.pending.Stop, m.pending.Detach = c.Stop, c.Detach
	if c.More && !c.Stop {
		return wire.Control{}, nil
	}
	whole := m.pending
	*m = controlMessage{}
	return whole, nil
}

// obey carries out a control message, on the goroutine that owns the state.
func (s *session) obey(c wire.Control) {
	if s.Config.Hold && !s.released && c.Targets == nil {
		s.controlNotice(errors.New("targets are held, and a change came before they were named"))
		return
	}
	if err := s.retarget(c); err != nil {
		s.output.notice(event.Notice{Level: event.LevelError, Subject: "targets", Text: "the new targets are not all traced: " + err.Error()})
		return
	}
	if s.Config.Hold && !s.released {
		s.released = true
		s.output.notice(event.Notice{Level: event.LevelInfo, Text: s.targets.inForce()})
	}
}

func (s *session) retarget(c wire.Control) error {
	if c.Targets == nil && len(c.Add) == 0 {
		return s.targets.removePods(c.Remove)
	}
	images, err := s.tasks.All()
	if err != nil {
		return err
	}
	if c.Targets != nil {
		err = s.targets.set(*c.Targets, images)
	}
	if err == nil {
		err = s.targets.change(c.Add, c.Remove, images)
	}
	if err != nil {
		return err
	}
	s.table.Include(images, s.targets.includes)
	return s.notePrograms()
}

// includeRunning has what runs in targets that came late traced.
func (s *session) includeRunning(images []*kernel.Image) {
	s.table.Include(images, s.targets.includes)
	if err := s.notePrograms(); err != nil {
		s.output.notice(event.Notice{Level: event.LevelError, Subject: "targets", Text: "policies may take what runs in new targets for another program: " + err.Error()})
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
// Await implements kernel.Handler: what has no room in the queue waits in the ring.
func (s *session) Await(d time.Duration) bool { return s.output.queue.await(d) }

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

// CgroupGone implements kernel.Handler.
func (s *session) CgroupGone(id uint64) {
	s.targets.pods.forget(id)
	s.table.CgroupGone(id)
}

// Moved implements kernel.Handler. That a traced process is no longer is said: whoever may write to the cgroup file system can so leave
// what is traced, and what is enforced.
func (s *session) Moved(c *kernel.Cgroup) {
	left := s.table.Left(c.Header.Process)
	if left == nil || left.PodUID != "" && !s.targets.wants(left.PodUID) {
		return
	}
	level, consequence := event.LevelWarning, "nothing of it is seen any more"
	if s.Config.Enforce {
		level, consequence = event.LevelError, consequence+", and nothing is enforced on it"
	}
	s.output.notice(event.Notice{Level: level, Subject: left.PodUID, Text: fmt.Sprintf(
		"process %d (%s) was moved out of what is traced, to the cgroup %s: %s", c.Header.Process.Tgid, left.Binary, c.Path, consequence)})
}
