// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
)

// signalExit is what a shell adds to the number of the signal that ended a command.
const signalExit = 128

// startCommand starts the command so that its first exec is traced: for a moment this process itself is a target, so the
// kernel takes the command for its descendant when it is forked.
func (s *session) startCommand() error {
	if s.Command == nil {
		return nil
	}
	images, err := s.tasks.All()
	if err != nil {
		return err
	}
	self := ownImage(images)
	if self < 0 {
		return errors.New("this process is not among those that the kernel shows: run in the pid namespace that is to be traced")
	}
	tgid := images[self].Header.Process.Tgid
	if err := s.programs.AddProcess(tgid); err != nil {
		return err
	}
	err = s.Command.Start()
	if removed := s.programs.RemoveProcess(tgid); err == nil && removed != nil {
		return removed
	}
	if err != nil {
		return fmt.Errorf("start the command: %w", err)
	}
	go func() {
		status := exitStatus(s.Command.Wait())
		s.commandStatus.Store(&status)
	}()
	return nil
}

// exitStatus is the status as a shell gives it.
func exitStatus(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		return 1
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return signalExit + int(status.Signal())
	}
	return exit.ExitCode()
}

// ownImage is the index of this process among those that run; -1 if it is not there.
func ownImage(images []*kernel.Image) int {
	return slices.IndexFunc(images, func(i *kernel.Image) bool { return int(i.ReaderPid) == os.Getpid() })
}
