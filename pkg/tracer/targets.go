// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

// targets keeps the kernel's list of targets in step with those of the session.
type targets struct {
	programs *kernel.Programs
	notice   func(event.Notice)
	gate     *podGate
	pods     podPlaces
	// wanted are the targets by UID.
	wanted    map[string]*wantedPod
	processes map[uint32]bool
	// cgroups are those that were named by their directories, with the last part of it.
	cgroups map[uint64]string
	all     bool
}

func newTargets(p *kernel.Programs, permit *Permit, notice func(event.Notice)) *targets {
	return &targets{
		programs: p, notice: notice, gate: newPodGate(permit, notice), pods: podPlaces{}, wanted: map[string]*wantedPod{},
		processes: map[uint32]bool{}, cgroups: map[uint64]string{},
	}
}

// set makes w the targets; images are the processes that run, in which pods are looked for.
func (t *targets) set(w wire.Targets, images []*kernel.Image) error {
	if err := t.gate.permit.checkTargets(w); err != nil {
		return err
	}
	t.all = w.All
	named := map[string]bool{}
	for _, pod := range w.Pods {
		named[pod.UID] = true
	}
	t.gate.keep(named)
	var left []string
	for uid := range t.wanted {
		if !named[uid] {
			left = append(left, uid)
		}
	}
	if err := t.change(w.Pods, left, images); err != nil {
		return err
	}
	for _, path := range w.Cgroups {
		if err := t.addCgroup(path); err != nil {
			return err
		}
	}
	return t.addProcesses(w.Pids, images)
}

// change adds pods, or replaces what was said of them, and removes those with these UIDs.
func (t *targets) change(add []wire.Pod, remove []string, images []*kernel.Image) error {
	for _, i := range images {
		t.pods.learn(i.CgroupPath, i.CgroupIds[:])
	}
	if err := t.removePods(remove); err != nil {
		return err
	}
	return t.add(t.gate.pass(add))
}

// add makes pods targets that may be.
func (t *targets) add(pods []wire.Pod) error {
	for _, pod := range pods {
		w := t.wanted[pod.UID]
		if w == nil {
			w = &wantedPod{since: time.Now(), entered: map[uint64]uint64{}}
			t.wanted[pod.UID] = w
		}
		w.Pod = pod
		if err := w.enter(t.programs, t.pods[pod.UID]); err != nil {
			return err
		}
	}
	return nil
}

// retry makes targets of pods whose namespaces were not known before, and says whether there are any.
func (t *targets) retry() bool {
	pods := t.gate.again()
	if err := t.add(pods); err != nil {
		t.notice(event.Notice{Level: event.LevelError, Subject: "targets", Text: "not all new pods are traced: " + err.Error()})
	}
	return len(pods) > 0
}

func (t *targets) removePods(uids []string) error {
	t.gate.forget(uids)
	var errs []error
	for _, uid := range uids {
		w := t.wanted[uid]
		if w == nil {
			continue
		}
		if err := w.remove(t.programs, func(uint64) bool { return true }); err != nil {
			errs = append(errs, err) // it stays wanted: the next list of all targets removes it again
			continue
		}
		delete(t.wanted, uid)
	}
	return errors.Join(errs...)
}

// made notes a new cgroup. The kubelet makes a pod's cgroup before it has the runtime make a container in it, which takes
// far longer than a record takes to come here.
func (t *targets) made(c *kernel.Cgroup) {
	uid := t.pods.learn(c.Path, c.CgroupIds[:])
	if t.gate.waiting[uid] != nil {
		t.retry()
		return
	}
	if w := t.wanted[uid]; w != nil {
		if err := w.enter(t.programs, t.pods[uid]); err != nil {
			t.notice(event.Notice{Level: event.LevelError, Subject: uid, Text: "this pod is not traced: " + err.Error()})
		}
	}
}

// found looks for pods in the processes that run, whose new cgroup was not told: its record was lost.
func (t *targets) found(images []*kernel.Image) {
	for _, i := range images {
		uid := t.pods.learn(i.CgroupPath, i.CgroupIds[:])
		w := t.wanted[uid]
		if w == nil {
			continue
		}
		before := len(w.entered)
		if err := w.enter(t.programs, t.pods[uid]); err != nil {
			t.notice(event.Notice{Level: event.LevelError, Subject: uid, Text: "this pod is not traced: " + err.Error()})
		} else if len(w.entered) > before {
			t.notice(event.Notice{Level: event.LevelWarning, Subject: uid, Text: "the kernel's record of a new cgroup of this pod was lost: nothing was seen in it until now"})
		}
	}
}

// remind says which pods have no cgroup though they should have one by now.
func (t *targets) remind() {
	t.gate.remind()
	for uid, w := range t.wanted {
		if t.pods[uid] != nil || w.told || time.Since(w.since) < remindAfter {
			continue
		}
		w.told = true
		t.notice(event.Notice{Level: event.LevelWarning, Subject: uid,
			Text: "no cgroup of this pod is on the node: it is not running yet, or its runtime keeps it where the kernel can't see into it (gVisor, Kata)"})
	}
}

// inForce says how many of the wanted pods can be reached by now.
func (t *targets) inForce() string {
	reached := 0
	for uid := range t.wanted {
		if t.pods[uid] != nil {
			reached++
		}
	}
	all := len(t.wanted) + len(t.gate.waiting)
	text := fmt.Sprintf("armed: the policies act on %d of %d pods", reached, all)
	if reached < all {
		text += ", on the others as they start"
	}
	return text
}

// nameOf says what a target's cgroup is called; ok is false if it is no target.
func (t *targets) nameOf(id uint64) (found cgroupName, ok bool) {
	if name, ok := t.cgroups[id]; ok {
		return cgroupName{name: name}, true
	}
	for uid := range t.wanted {
		if name, ok := t.pods[uid].nameOf(id); ok {
			return cgroupName{name, uid}, true
		}
	}
	return cgroupName{}, false
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
	return slices.ContainsFunc(i.CgroupIds[:], func(id uint64) bool { _, named := t.cgroups[id]; return named })
}

// wants says whether a pod is a target, or may be by its cgroup.
func (t *targets) wants(uid string) bool { return t.wanted[uid] != nil || len(t.cgroups) > 0 }

func (t *targets) addCgroup(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("cgroup: %w", err)
	}
	status, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() {
		return fmt.Errorf("cgroup %s: not a directory", path)
	}
	t.cgroups[status.Ino] = filepath.Base(path) // kernfs: a directory's inode number is the cgroup's id
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
