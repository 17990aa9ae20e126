// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/explain"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// linuxTracer is package tracer on this machine.
type linuxTracer struct{ build string }

// New is package tracer on this machine.
func New(build string) Tracer { return linuxTracer{build} }

// Trace runs the tracer in this process. A command that has not ended when the tracer does is asked to end: nobody would
// know that it still runs.
func (t linuxTracer) Trace(ctx context.Context, config wire.TracerConfig, command []string, frames io.Writer) error {
	o := tracer.Options{Config: config, Frames: frames, Build: t.build}
	if len(command) > 0 {
		o.Command = exec.Command(command[0], command[1:]...) //nolint:noctx // it is asked to end, not killed
		o.Command.Stdin, o.Command.Stdout, o.Command.Stderr = os.Stdin, os.Stdout, os.Stderr
	}
	bye, err := tracer.Run(ctx, o)
	if o.Command != nil && o.Command.Process != nil && bye.ExitCode == nil {
		// It may have ended just now: then there is nobody left to ask.
		if e := o.Command.Process.Signal(unix.SIGTERM); e != nil && !errors.Is(e, os.ErrProcessDone) {
			err = errors.Join(err, fmt.Errorf("end the command: %w", e))
		}
	}
	return err
}

// Explain says how policies would be served here.
func (linuxTracer) Explain(ctx context.Context, policies []wire.PolicySource, enforce bool) ([]explain.Served, error) {
	if err := checkRights("policy explain"); err != nil {
		return nil, err
	}
	explanations, err := tracer.Explain(ctx, policies, enforce)
	served := make([]explain.Served, len(explanations))
	for i, e := range explanations {
		served[i] = explain.Served(e)
	}
	return served, err
}

// Check says why this machine can't be traced as asked.
func (linuxTracer) Check(targets wire.Targets, command []string) error {
	errs := []error{checkRights("--local")}
	for _, dir := range targets.Cgroups {
		errs = append(errs, checkCgroup(dir))
	}
	for _, pid := range targets.Pids {
		if _, err := os.Stat(filepath.Join("/proc", strconv.Itoa(int(pid)))); err != nil {
			errs = append(errs, fmt.Errorf("--pid %d: there is no such process", pid))
		}
	}
	if len(command) > 0 {
		if _, err := exec.LookPath(command[0]); err != nil {
			errs = append(errs, fmt.Errorf("can't run the command: %w", err))
		}
	}
	return errors.Join(errs...)
}

// checkRights asks for the capabilities that loading and attaching take: CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN, which
// was all of that before Linux 5.8. who needs them is for the message.
func checkRights(who string) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("read the capabilities of this process: %w", err)
	}
	has := func(capability uint) bool { return data[capability/32].Effective&(1<<(capability%32)) != 0 }
	if has(unix.CAP_SYS_ADMIN) || has(unix.CAP_BPF) && has(unix.CAP_PERFMON) {
		return nil
	}
	return errors.New(who + " needs root (CAP_BPF and CAP_PERFMON): run it as sudo kubectl-trace_sec … (kubectl's own path: sudo $(command -v kubectl-trace_sec) …)")
}

// checkCgroup wants a directory in a cgroup file system.
func checkCgroup(dir string) error {
	var fs unix.Statfs_t
	err := unix.Statfs(dir, &fs)
	switch {
	case err != nil:
		return fmt.Errorf("--cgroup %q: %w", dir, err)
	case fs.Type != unix.CGROUP2_SUPER_MAGIC && fs.Type != unix.CGROUP_SUPER_MAGIC:
		return fmt.Errorf("--cgroup %q is not in a cgroup file system: want a directory below /sys/fs/cgroup", dir)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("--cgroup %q is not a directory", dir)
	}
	return nil
}
