// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

import (
	"fmt"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// Counts are totals since the programs were loaded, over all CPUs.
type Counts struct {
	// Sent records by class; the reader must see as many.
	Sent map[string]uint64
	// RingFull: events of which no record found room in the ring. EnforcementsFull: the same of enforcement events, in the ring for those. Busy:
	// records that found no room to be put together. Missed: runs that the kernel left out because the program was already running on
	// that CPU.
	RingFull, EnforcementsFull, Busy, Missed uint64
	// Nested: calls that were made again within themselves and whose returns decide whether they are events.
	Nested uint64
	// ScopeFull: processes that could not be noted as descendants.
	ScopeFull uint64
	// StatesFull: processes of which could not be noted what filters ask.
	StatesFull uint64
	// FactsLost: records of forks, new cgroups and moves that found the ring full, or were of a target that filled it. They are no
	// events, but say whose events others are.
	FactsLost uint64
	// ReturnsLost: calls that are told without what they returned.
	ReturnsLost uint64
	// RateLimited: events that the rate limit of a policy left out.
	RateLimited uint64
	// Throttled: events of targets that held too much of the ring. SharesFull: records of targets that were not held to a share, as the
	// table was full.
	Throttled, SharesFull uint64
	// RunTime and Runs of the programs, measured by themselves from behind the test of the scope.
	RunTime time.Duration
	Runs    uint64
}

// classNames are the names of the classes of records in totals.
var classNames = map[bpf.ProcessRecordClass]string{
	bpf.ProcessRecordClassCLASS_EXEC: "exec",
	bpf.ProcessRecordClassCLASS_FORK: "fork",
	bpf.ProcessRecordClassCLASS_EXIT: "exit",
	bpf.ProcessRecordClassCLASS_HOOK: "hook",
}

// Counts reads the counters.
func (p *Programs) Counts() (Counts, error) {
	total := Counts{Sent: map[string]uint64{}}
	for class := range bpf.ProcessRecordClassCLASS_COUNT {
		var perCPU []bpf.ProcessCounters
		if err := p.objects.Counts.Lookup(uint32(class), &perCPU); err != nil {
			return Counts{}, fmt.Errorf("read the counters of lost events: %w", err)
		}
		for _, c := range perCPU {
			if name, ok := classNames[class]; ok {
				total.Sent[name] += c.Sent
			}
			switch class {
			case bpf.ProcessRecordClassCLASS_CGROUP_GONE: // it is remembered longer than it has to be
			case bpf.ProcessRecordClassCLASS_FORK, bpf.ProcessRecordClassCLASS_CGROUP, bpf.ProcessRecordClassCLASS_MOVE:
				total.FactsLost += c.RingFull
			default:
				total.RingFull += c.RingFull
			}
			total.EnforcementsFull += c.EnforcementsFull
			total.Nested += c.Nested
			total.ReturnsLost += c.ReturnsLost
			total.RateLimited += c.RateLimited
			total.Throttled += c.Throttled
			total.SharesFull += c.SharesFull
			total.Busy += c.Busy
			total.ScopeFull += c.ScopeFull
			total.StatesFull += c.StatesFull
			total.RunTime += time.Duration(c.Nanoseconds)
			total.Runs += c.Runs
		}
	}
	for _, h := range p.hooks() {
		stats, err := h.program.Stats()
		if err != nil {
			return Counts{}, fmt.Errorf("read how often %s was missed: %w", h.name, err)
		}
		total.Missed += stats.RecursionMisses
	}
	return total, nil
}
