// SPDX-License-Identifier: Apache-2.0

// Package local traces this machine, or one command on it, instead of a cluster: the tracer runs in this process. It is the only
// room that reaches package tracer, behind an interface that only Linux implements.
package local

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/explain"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Tracer is the way to package tracer.
type Tracer interface {
	// Check says why this machine can't be traced as asked: rights, a cgroup or a process that does not exist.
	Check(targets wire.Targets, command []string) error
	// Trace writes frames until ctx ends, or until the command and its descendants have ended, and drains then. The command
	// has the standard streams of this process.
	Trace(ctx context.Context, config wire.TracerConfig, command []string, frames io.Writer) error
	// Explain says for each hook of policies how it would be served; nothing is traced.
	Explain(ctx context.Context, policies []wire.PolicySource, enforce bool) ([]explain.Served, error)
}

// Targets is what of this machine is traced.
func Targets(cgroups []string, pids []uint, command []string) wire.Targets {
	t := wire.Targets{Cgroups: cgroups}
	for _, pid := range pids {
		t.Pids = append(t.Pids, uint32(pid))
	}
	t.All = len(t.Cgroups) == 0 && len(t.Pids) == 0 && len(command) == 0
	return t
}

// Subject is what of this machine is traced, in words.
func Subject(t wire.Targets, command []string) string {
	switch {
	case len(command) > 0:
		return "the command " + strings.Join(command, " ")
	case t.All:
		return "ALL PROCESSES of this machine"
	}
	var parts []string
	if len(t.Cgroups) > 0 {
		parts = append(parts, "all processes below "+strings.Join(t.Cgroups, ", "))
	}
	for _, pid := range t.Pids {
		parts = append(parts, fmt.Sprintf("process %d and its descendants", pid))
	}
	return strings.Join(parts, "; ")
}

// ReachesAll says whether targets are all of this machine though they seem to be less.
func ReachesAll(t wire.Targets) bool {
	return slices.Contains(t.Pids, 1) || slices.ContainsFunc(t.Cgroups, isRootCgroup)
}

// isRootCgroup says whether a directory is the root of a hierarchy of cgroups: it alone lacks cgroup.events in the unified one,
// and it alone has release_agent in those of v1.
func isRootCgroup(directory string) bool {
	has := func(file string) bool {
		_, err := os.Stat(filepath.Join(directory, file))
		return err == nil
	}
	return has("release_agent") || has("cgroup.controllers") && !has("cgroup.events")
}
