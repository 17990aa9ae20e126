// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"fmt"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// countInterval is how often the kernel's counters are read.
const countInterval = 200 * time.Millisecond

// readCounts reads what the kernel counts, and tells what has begun or ended since the last time.
func (s *session) readCounts() {
	counts, err := s.programs.Counts()
	if err != nil {
		return
	}
	lost := counted{Counts: counts}
	if s.policies != nil {
		if calls, returns, err := s.policies.set.Missed(); err == nil {
			lost.Missed, lost.ReturnsLost = lost.Missed+calls, lost.ReturnsLost+returns
		}
		lost.StatesFull += s.policies.unnoted
		waited := s.policies.reporter.Counts()
		lost.ReturnsLost, lost.undecided = lost.ReturnsLost+waited.ReturnsLost, waited.Undecided
	}
	s.output.setCounts(lost)
	s.throttles.look(counts.Throttled, bootTime())
	s.tellSharesFull(counts.SharesFull)
}

// tellSharesFull says once that not every pod is held to a share of the ring.
func (s *session) tellSharesFull(records uint64) {
	if records == 0 || s.sharesFull {
		return
	}
	s.sharesFull = true
	s.output.notice(event.Notice{Level: event.LevelWarning, Subject: "events", Text: "so many pods share the kernel's ring buffer that it is not counted what " +
		"each holds: of those that came last one may fill it, and events of others be lost"})
}

// cgroupName says what a cgroup is called whose events are left out: it is a target's, or that of a process that runs.
func (s *session) cgroupName(id uint64) cgroupName {
	if name, ok := s.targets.nameOf(id); ok {
		return name
	}
	if images, err := s.tasks.All(); err == nil {
		for _, i := range images {
			if name, ok := nameInPath(i.CgroupPath, i.CgroupIds[:], id); ok {
				return name
			}
		}
	}
	return cgroupName{name: fmt.Sprint("cgroup ", id)}
}

// lost says whether the kernel has lost records by now.
func (s *session) lost() bool {
	s.readCounts()
	return s.output.anyLost()
}
