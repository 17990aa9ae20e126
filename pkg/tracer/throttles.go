// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/cgroup"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// throttlingEnds is how long nothing of a target was left out when its throttling is said to have ended; THROTTLING_ENDS in share.h.
const throttlingEnds = time.Second

// throttles tells when the kernel begins to leave out events of a target, and when it has ended and how many they were. It looks
// only while there is something to see.
type throttles struct {
	// read lists what was left out of each target until now.
	read func() ([]kernel.Throttled, error)
	// name says what cgroup it is.
	name func(cgroup uint64) cgroupName
	// at is the time of day of a boot time.
	at   func(boot uint64) *event.Timestamp
	tell func(wire.Throttle)

	// total of all targets when it was looked last.
	total uint64
	// going counts throttlings that have not ended.
	going   int
	targets map[uint64]*throttledTarget
}

// cgroupName is what is told of a cgroup: the last part of its path, and the pod that it is of.
type cgroupName struct{ name, podUID string }

// throttledTarget is what was told of one.
type throttledTarget struct {
	cgroupName
	// ended counts events of throttlings that have ended.
	ended uint64
	going bool
}

// look tells what has changed. total is how many events were left out of all targets, read before; now is the boot time in ns.
func (t *throttles) look(total, now uint64) {
	if total == t.total && t.going == 0 {
		return
	}
	list, err := t.read()
	if err != nil {
		return // the next time
	}
	t.total = total
	for _, one := range list {
		t.follow(one, now)
	}
}

func (t *throttles) follow(one kernel.Throttled, now uint64) {
	target := t.targets[one.Cgroup]
	if target == nil {
		target = &throttledTarget{}
		t.targets[one.Cgroup] = target
	}
	if !target.going && one.Events > target.ended {
		target.going = true
		t.going++
		target.cgroupName = t.name(one.Cgroup)
		t.tell(wire.Throttle{Type: event.ThrottleStart, Cgroup: target.name, PodUID: target.podUID, Total: target.ended, Time: t.at(one.First)})
	}
	if target.going && now > one.Latest+uint64(throttlingEnds) {
		target.going = false
		t.going--
		t.tell(wire.Throttle{Type: event.ThrottleStop, Cgroup: target.name, PodUID: target.podUID,
			Count: one.Events - target.ended, Total: one.Events, Time: t.at(one.Latest)})
		target.ended = one.Events
	}
}

// forget is follow for what is told nothing more of: the kernel counts from 0 again.
func (t *throttles) forget(one kernel.Throttled) {
	t.follow(one, math.MaxUint64)
	delete(t.targets, one.Cgroup)
}

// finish tells that all have ended. Nothing may be traced any more.
func (t *throttles) finish(total uint64) { t.look(total, math.MaxUint64) }

// bootTime in ns; 0 where the system does not say.
func bootTime() uint64 {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return 0
	}
	return uint64(now.Nano())
}

// nameInPath says what the cgroup with an id is called in the path of one that is at or below it; ids are those of its levels, the
// root's first.
func nameInPath(path string, ids []uint64, id uint64) (cgroupName, bool) {
	level := slices.Index(ids, id)
	if level < 0 || id == 0 {
		return cgroupName{}, false
	}
	parts := strings.Split(path, "/") // the first is the root's, and empty
	if level == 0 || level >= len(parts) {
		return cgroupName{name: event.ThrottleAll}, level == 0
	}
	return cgroupName{parts[level], cgroup.Parse(strings.Join(parts[:level+1], "/")).PodUID}, true
}
