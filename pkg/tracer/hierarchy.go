// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/cgroup"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// openTasks finds the hierarchy of cgroups that tells the targets apart, and returns the task iterator that reads it with
// the processes that it shows now. That is the first hierarchy in which a wanted pod is found; when none is (it may not have
// started yet), the first in which the runtime of this node has put any container: on a node with cgroup v1 the unified
// hierarchy is there too, but nothing need be in it.
func openTasks(scope kernel.Scope, w wire.Targets) (*kernel.Tasks, kernel.Hierarchy, []*kernel.Image, error) {
	candidates, err := candidateHierarchies(scope.Types, w)
	if err != nil {
		return nil, kernel.Hierarchy{}, nil, err
	}
	wanted := func(i *kernel.Image) bool { return w.Pod(cgroup.Parse(i.CgroupPath).PodUID) != nil }
	best, found := candidates[0], false
	for _, h := range candidates {
		tasks, images, err := readHierarchy(scope, h)
		if err != nil {
			return nil, h, nil, err
		}
		if len(candidates) == 1 || slices.ContainsFunc(images, wanted) {
			return tasks, h, images, nil
		}
		if !found && slices.ContainsFunc(images, inContainer) {
			best, found = h, true
			if len(w.Pods) == 0 {
				return tasks, h, images, nil
			}
		}
		if err := tasks.Close(); err != nil {
			return nil, h, nil, err
		}
	}
	tasks, images, err := readHierarchy(scope, best)
	return tasks, best, images, err
}

func candidateHierarchies(types *btf.Cache, w wire.Targets) ([]kernel.Hierarchy, error) {
	all, err := kernel.Hierarchies(types)
	if err != nil || len(w.Cgroups) == 0 {
		return all, err
	}
	h, err := hierarchyOf(w.Cgroups, all)
	return []kernel.Hierarchy{h}, err
}

func readHierarchy(scope kernel.Scope, h kernel.Hierarchy) (*kernel.Tasks, []*kernel.Image, error) {
	scope.Hierarchy = h
	tasks, err := kernel.LoadTasks(scope)
	if err != nil {
		return nil, nil, err
	}
	images, err := tasks.All()
	if err != nil {
		return nil, nil, errors.Join(err, tasks.Close())
	}
	return tasks, images, nil
}

func inContainer(i *kernel.Image) bool { return cgroup.Parse(i.CgroupPath).ContainerID != "" }

// hierarchyOf finds the hierarchy that directories belong to.
func hierarchyOf(paths []string, hierarchies []kernel.Hierarchy) (kernel.Hierarchy, error) {
	var found []kernel.Hierarchy
	for _, path := range paths {
		controllers, err := controllersAt(path)
		if err != nil {
			return kernel.Hierarchy{}, err
		}
		i := slices.IndexFunc(hierarchies, func(h kernel.Hierarchy) bool { return slices.Contains(controllers, h.Name) })
		if i < 0 {
			return kernel.Hierarchy{}, fmt.Errorf("cgroup %s is in a hierarchy without a controller that can be used (%s)", path, strings.Join(controllers, ", "))
		}
		found = append(found, hierarchies[i])
	}
	for _, h := range found {
		if h != found[0] {
			return h, fmt.Errorf("the cgroups are in different hierarchies (%s, %s): name those of one", found[0].Name, h.Name)
		}
	}
	return found[0], nil
}

// controllersAt names the controllers of the hierarchy that a directory is in.
func controllersAt(path string) ([]string, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return nil, fmt.Errorf("cgroup %s: %w", path, err)
	}
	switch fs.Type {
	case unix.CGROUP2_SUPER_MAGIC:
		return []string{kernel.Unified.Name}, nil
	case unix.CGROUP_SUPER_MAGIC:
		return mountOptions(path)
	}
	return nil, fmt.Errorf("%s is not a cgroup's directory (they are below /sys/fs/cgroup)", path)
}

// mountOptions are the options of the file system that a path is on: for cgroup v1 they name the controllers.
func mountOptions(path string) ([]string, error) {
	var status unix.Stat_t
	if err := unix.Stat(path, &status); err != nil {
		return nil, fmt.Errorf("cgroup %s: %w", path, err)
	}
	device := fmt.Sprintf("%d:%d", unix.Major(status.Dev), unix.Minor(status.Dev))
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line) // id parent device … - type source options
		if len(fields) > 6 && fields[2] == device {
			return strings.Split(fields[len(fields)-1], ","), nil
		}
	}
	return nil, fmt.Errorf("cgroup %s: its file system %s is not in /proc/self/mountinfo", path, device)
}
