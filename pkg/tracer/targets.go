// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/cgroup"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// remindAfter is how long a pod may have no cgroup before it is said that nothing of it can be seen: a pod that is just
// being started has one within a second or two.
const remindAfter = 10 * time.Second

// place is where a pod's cgroup is in the hierarchy.
type place struct {
	id    uint64
	level int
}

// targets keeps the kernel's list of targets in step with the orders.
type targets struct {
	programs *kernel.Programs
	notice   func(event.Notice)
	// pods that have a cgroup on this node, targets or not; wanted are the targets, with the time since when they are.
	pods   map[string]place
	wanted map[string]time.Time
	// told are the pods that were said not to be found.
	told      map[string]bool
	processes map[uint32]bool
	cgroups   map[uint64]bool
	all       bool
}

func newTargets(p *kernel.Programs, notice func(event.Notice)) *targets {
	return &targets{
		programs: p, notice: notice, pods: map[string]place{}, wanted: map[string]time.Time{}, told: map[string]bool{},
		processes: map[uint32]bool{}, cgroups: map[uint64]bool{},
	}
}

// set makes w the targets; images are the processes that run, in which pods are looked for.
func (t *targets) set(w wire.Targets, images []*kernel.Image) error {
	for _, i := range images {
		t.learn(i.CgroupPath, i.CgroupIds[:])
	}
	t.all = w.All
	for uid := range t.wanted {
		if !slices.Contains(w.PodUIDs, uid) {
			delete(t.wanted, uid)
			delete(t.told, uid)
			if at, ok := t.pods[uid]; ok {
				if err := t.programs.RemoveCgroup(at.id); err != nil {
					return err
				}
			}
		}
	}
	for _, uid := range w.PodUIDs {
		if _, ok := t.wanted[uid]; !ok {
			t.wanted[uid] = time.Now()
		}
		if at, ok := t.pods[uid]; ok {
			if err := t.programs.AddCgroup(at.id, at.level); err != nil {
				return fmt.Errorf("pod %s: %w", uid, err)
			}
		}
	}
	for _, path := range w.Cgroups {
		if err := t.addCgroup(path); err != nil {
			return err
		}
	}
	return t.addProcesses(w.Pids, images)
}

// learn reads the pods out of a cgroup's path; ids are those of its levels, the root's first.
func (t *targets) learn(path string, ids []uint64) (uid string, found bool) {
	for level, name := range strings.Split(path, "/") { // the path begins with a slash: the first name is the root's
		if level >= len(ids) {
			break
		}
		if uid, ok := cgroup.PodUID(name); ok {
			t.pods[uid] = place{ids[level], level}
			return uid, true
		}
	}
	return "", false
}

// made notes a new cgroup. The kubelet makes a pod's cgroup before it has the runtime make a container in it, which takes
// far longer than a record takes to come here.
func (t *targets) made(c *kernel.Cgroup) {
	uid, ok := t.learn(c.Path, c.CgroupIds[:])
	if !ok {
		return
	}
	if _, wanted := t.wanted[uid]; wanted {
		if err := t.programs.AddCgroup(t.pods[uid].id, t.pods[uid].level); err != nil {
			t.notice(event.Notice{Level: event.LevelError, Subject: uid, Text: "this pod is not traced: " + err.Error()})
		}
	}
}

// remind says which pods have no cgroup though they should have one by now.
func (t *targets) remind() {
	for uid, since := range t.wanted {
		if _, ok := t.pods[uid]; ok || t.told[uid] || time.Since(since) < remindAfter {
			continue
		}
		t.told[uid] = true
		t.notice(event.Notice{Level: event.LevelWarning, Subject: uid,
			Text: "no cgroup of this pod is on the node: it is not running yet, or its runtime keeps it where the kernel can't see into it (gVisor, Kata)"})
	}
}

// inForce says how many of the wanted pods can be reached by now.
func (t *targets) inForce() string {
	reached := 0
	for uid := range t.wanted {
		if _, ok := t.pods[uid]; ok {
			reached++
		}
	}
	text := fmt.Sprintf("armed: the policies act on %d of %d pods", reached, len(t.wanted))
	if reached < len(t.wanted) {
		text += ", on the others as they start"
	}
	return text
}

// includes says whether a running process is a target.
func (t *targets) includes(i *kernel.Image) bool {
	if t.all || t.processes[i.Header.Process.Tgid] {
		return true
	}
	id := cgroup.Parse(i.CgroupPath)
	if _, ok := t.wanted[id.PodUID]; ok {
		return true
	}
	return slices.ContainsFunc(i.CgroupIds[:], func(id uint64) bool { return t.cgroups[id] })
}

func (t *targets) addCgroup(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("cgroup: %w", err)
	}
	status, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() {
		return fmt.Errorf("cgroup %s: not a directory", path)
	}
	t.cgroups[status.Ino] = true // kernfs: a directory's inode number is the cgroup's id
	return t.programs.AddCgroupAtAnyLevel(status.Ino)
}

// addProcesses makes processes and their descendants targets. pids are those of the tracer's pid namespace.
func (t *targets) addProcesses(pids []uint32, images []*kernel.Image) error {
	for _, pid := range pids {
		found := slices.IndexFunc(images, func(i *kernel.Image) bool { return i.ReaderPid == pid })
		if found < 0 {
			return fmt.Errorf("no process %d", pid)
		}
		t.processes[images[found].Header.Process.Tgid] = true
	}
	if len(pids) == 0 {
		return nil
	}
	for grown := true; grown; { // parents may come after their children
		grown = false
		for _, i := range images {
			if tgid := i.Header.Process.Tgid; !t.processes[tgid] && t.processes[i.Header.Parent.Tgid] {
				t.processes[tgid], grown = true, true
			}
		}
	}
	for tgid := range t.processes {
		if err := t.programs.AddProcess(tgid); err != nil {
			return err
		}
	}
	return nil
}
