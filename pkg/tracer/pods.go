// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/cgroup"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// place is where a cgroup is in the hierarchy.
type place struct {
	id    uint64
	level int
	// name is the last part of its path.
	name string
}

// podPlace is where a pod's cgroups are: its own, and by ID those of its containers.
type podPlace struct {
	place
	containers map[string]place
}

// nameOf is the name of the pod's cgroup with this id, or of a container's.
func (p *podPlace) nameOf(id uint64) (name string, ok bool) {
	if p == nil {
		return "", false
	}
	if p.id == id {
		return p.name, true
	}
	for _, where := range p.containers {
		if where.id == id {
			return where.name, true
		}
	}
	return "", false
}

// podPlaces are those of the pods of this node by UID, targets or not.
type podPlaces map[string]*podPlace

// learn reads pod and container out of a cgroup's path; ids are those of its levels, the root's first. As cgroup.Parse says,
// the outermost pod and the first container in it count.
func (p podPlaces) learn(path string, ids []uint64) (uid string) {
	found := false
	for level, name := range strings.Split(path, "/") { // the path begins with a slash: the first name is the root's
		if level >= len(ids) {
			break
		}
		if !found {
			if uid, found = cgroup.PodUID(name); found && p[uid] == nil {
				p[uid] = &podPlace{containers: map[string]place{}}
			}
			if found {
				p[uid].place = place{ids[level], level, name}
			}
			continue
		}
		if id, ok := cgroup.ContainerID(name); ok {
			p[uid].containers[id] = place{ids[level], level, name}
			break
		}
	}
	return uid
}

// forget leaves out the place of a cgroup that is gone: a pod's own with all its containers'.
func (p podPlaces) forget(cgroup uint64) {
	for uid, pod := range p {
		if pod.id == cgroup {
			delete(p, uid)
			return
		}
		maps.DeleteFunc(pod.containers, func(_ string, at place) bool { return at.id == cgroup })
	}
}

// wantedPod is a target.
type wantedPod struct {
	wire.Pod
	since time.Time
	// told: that it is not found was said.
	told bool
	// entered are the cgroups that the kernel has for it, with the selections that hold there.
	entered map[uint64]uint64
}

// enter makes the kernel's list say what is wanted of a pod, as far as its cgroups are there. A container for which the same
// selections hold as for its pod needs no entry.
func (w *wantedPod) enter(programs *kernel.Programs, at *podPlace) error {
	if at == nil {
		return nil
	}
	if err := w.add(programs, at.place, w.Selections); err != nil {
		return err
	}
	own := map[uint64]bool{at.id: true}
	for id, selections := range w.Containers {
		if where, ok := at.containers[id]; ok && selections != w.Selections {
			own[where.id] = true
			if err := w.add(programs, where, selections); err != nil {
				return err
			}
		}
	}
	return w.remove(programs, func(id uint64) bool { return !own[id] })
}

func (w *wantedPod) add(programs *kernel.Programs, at place, selections uint64) error {
	if have, ok := w.entered[at.id]; ok && have == selections {
		return nil
	}
	if err := programs.AddCgroup(at.id, at.level, selections); err != nil {
		return fmt.Errorf("pod %s: %w", w.UID, err)
	}
	w.entered[at.id] = selections
	return nil
}

// remove takes cgroups out of the kernel's list.
func (w *wantedPod) remove(programs *kernel.Programs, superfluous func(id uint64) bool) error {
	for id := range w.entered {
		if superfluous(id) {
			if err := programs.RemoveCgroup(id); err != nil {
				return fmt.Errorf("pod %s: %w", w.UID, err)
			}
			delete(w.entered, id)
		}
	}
	return nil
}
