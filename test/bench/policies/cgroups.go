// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// cgroups are two in the unified hierarchy: the workload's own, and another.
type cgroups struct {
	root       string
	folders    []string
	own, other uint64
}

// newCgroups moves a process into a cgroup of its own.
func newCgroups(pid uint32) (*cgroups, error) {
	c := &cgroups{}
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(mounts)) {
		if words := strings.Fields(line); len(words) > 2 && words[2] == "cgroup2" {
			c.root = words[1]
		}
	}
	if c.root == "" {
		return nil, errors.New("no cgroup2 is mounted")
	}
	for i, id := range []*uint64{&c.own, &c.other} {
		folder := filepath.Join(c.root, fmt.Sprintf("bench-%d-%d", os.Getpid(), i))
		if err := os.Mkdir(folder, 0o755); err != nil {
			return nil, err
		}
		c.folders = append(c.folders, folder)
		var s unix.Stat_t
		if err := unix.Stat(folder, &s); err != nil {
			return nil, err
		}
		*id = s.Ino
	}
	return c, c.move(pid, c.folders[0])
}

func (c *cgroups) move(pid uint32, folder string) error {
	return os.WriteFile(filepath.Join(folder, "cgroup.procs"), []byte(strconv.FormatUint(uint64(pid), 10)), 0o644)
}

// close moves the workload back and removes both.
func (c *cgroups) close(w *workload) error {
	err := c.move(w.pid(), c.root)
	for _, folder := range c.folders {
		err = errors.Join(err, os.Remove(folder))
	}
	return err
}

// folder of the workload's cgroup, or of the other.
func (c *cgroups) folder(own bool) string {
	if own {
		return c.folders[0]
	}
	return c.folders[1]
}
