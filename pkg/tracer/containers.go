// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"fmt"
	"os"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/cgroup"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
)

// containers are the root directories of the targets' containers that run, through one process of each.
func (s *session) containers() (roots []string, err error) {
	images, err := s.tasks.All()
	if err != nil {
		return nil, err
	}
	return containerRoots(images, s.Orders.Targets.PodUIDs), nil
}

func containerRoots(images []*kernel.Image, pods []string) (roots []string) {
	seen := map[string]bool{}
	for _, i := range images {
		is := cgroup.Parse(i.CgroupPath)
		if is.ContainerID == "" || seen[is.ContainerID] || !slices.Contains(pods, is.PodUID) {
			continue
		}
		root := fmt.Sprintf("/proc/%d/root", i.Header.Process.Tgid)
		if _, err := os.Stat(root + "/"); err != nil {
			continue // it has ended: another process may be there
		}
		seen[is.ContainerID] = true
		roots = append(roots, root)
	}
	return roots
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
