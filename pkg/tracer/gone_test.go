// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
)

// cgroupRecords notes the cgroups that the kernel side tells of.
type cgroupRecords struct {
	kernel.Handler
	made, gone []uint64
}

func (r *cgroupRecords) Await(time.Duration) bool    { return true }
func (r *cgroupRecords) Exec(*kernel.Image)          {}
func (r *cgroupRecords) Fork(*bpf.ProcessForkRecord) {}
func (r *cgroupRecords) Exit(*bpf.ProcessExitRecord) {}
func (r *cgroupRecords) Moved(*kernel.Cgroup)        {}
func (r *cgroupRecords) Cgroup(c *kernel.Cgroup)     { r.made = append(r.made, c.Header.Cgroup) }
func (r *cgroupRecords) CgroupGone(id uint64)        { r.gone = append(r.gone, id) }

// TestRemovedCgroupsAreTold: the kernel side tells of each cgroup that is made and removed again, so that what is known of them is forgotten:
// who makes them all the time does not fill the tracer's memory.
func TestRemovedCgroupsAreTold(t *testing.T) {
	needRoot(t)
	folder := makeCgroup(t, hierarchyRoots(t)["unified"], "gone")
	programs, err := kernel.Load(kernel.Scope{Cgroups: true, Hierarchy: kernel.Unified})
	must(t, err)
	defer func() { must(t, programs.Close()) }()
	_, err = programs.Attach()
	must(t, err)
	ids := map[uint64]bool{}
	for range 50 {
		below := filepath.Join(folder, "below")
		must(t, os.Mkdir(below, 0o755))
		ids[cgroupID(t, below)] = true
		must(t, os.Remove(below))
	}
	var records cgroupRecords
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	of := func(list []uint64) (count int) {
		for _, id := range list {
			if ids[id] {
				count++
			}
		}
		return count
	}
	must(t, programs.Read(ctx, &records, func() {
		if of(records.gone) == len(ids) {
			cancel()
		}
	}, func(err error) { t.Error(err) }))
	if len(ids) != 50 || of(records.made) != 50 || of(records.gone) != 50 {
		t.Errorf("of %d cgroups %d are told as made and %d as gone", len(ids), of(records.made), of(records.gone))
	}
}

// cgroupID is the number that the kernel has for a cgroup: that of its directory.
func cgroupID(t *testing.T, directory string) uint64 {
	t.Helper()
	var status unix.Stat_t
	must(t, unix.Stat(directory, &status))
	return status.Ino
}

func TestPlacesOfWhatIsGone(t *testing.T) {
	places := podPlaces{}
	pod := "/kubepods/pod" + podA
	for container, id := range map[string]uint64{containerA: 40, containerB: 50} {
		places.learn(pod+"/"+container, []uint64{1, 20, 30, id})
	}
	places.forget(40)
	places.forget(41)
	if of := places[podA]; of == nil || len(of.containers) != 1 || of.containers[containerB].id != 50 {
		t.Errorf("without a container: %+v", places)
	}
	if places.forget(30); len(places) != 0 {
		t.Errorf("without the pod: %+v", places)
	}
}
