// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/cgroup"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// containers are the root directories of the targets' containers that run.
func (s *session) containers() ([]string, error) {
	return containerRoots("/proc", s.Config.Targets)
}

// containerRoots are those of the containers of pods, through one process of each. Processes are looked for in proc and not
// among the kernel's tasks: a node may be a container itself (kind), and the numbers that its /proc has are not the kernel's.
func containerRoots(proc string, targets wire.Targets) (roots []string, err error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, entry := range entries {
		if _, err := strconv.ParseUint(entry.Name(), 10, 32); err != nil {
			continue
		}
		id, ok := containerOf(filepath.Join(proc, entry.Name(), "cgroup"), targets)
		if !ok || seen[id] {
			continue
		}
		root := filepath.Join(proc, entry.Name(), "root")
		if _, err := os.Stat(root + "/"); err != nil {
			continue // it has ended: the container may have another
		}
		seen[id] = true
		roots = append(roots, root)
	}
	return roots, nil
}

// containerOf is the container of pods that a file /proc/PID/cgroup tells of: the first line that tells of one.
func containerOf(file string, targets wire.Targets) (id string, ok bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", false // it has ended
	}
	for line := range strings.Lines(string(text)) {
		_, path, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":/") // after the number and the controllers
		if is := cgroup.Parse(path); is.ContainerID != "" && targets.Pod(is.PodUID) != nil {
			return is.ContainerID, true
		}
	}
	return "", false
}

// looksIntoContainers says whether a policy has programs looked up in containers.
func looksIntoContainers(policies []*policy.Policy) bool {
	for _, p := range policies {
		if slices.ContainsFunc(p.Hooks, func(h policy.Hook) bool { return h.Program != nil && h.Program.InContainer }) {
			return true
		}
	}
	return false
}

// came says, once, that programs are not looked up in containers that come when tracing has begun.
func (s *session) came(c *kernel.Cgroup) {
	is := cgroup.Parse(c.Path)
	if _, wanted := s.targets.wanted[is.PodUID]; !wanted || is.ContainerID == "" || !s.programsInContainers {
		return
	}
	s.programsInContainers = false
	s.output.notice(event.Notice{Level: event.LevelWarning, Subject: is.PodUID, Text: "a container was started when tracing had begun: " +
		"probes on programs are hit there only if it has the file of a container that ran before (the same image)"})
}
