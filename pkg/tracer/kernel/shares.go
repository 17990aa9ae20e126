// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

import (
	"fmt"
	"math/bits"
	"os"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// segments is how many parts of the ring the programs tell apart; SEGMENTS in share.h.
const segments = 8

// unsharedBits make a segment larger than any ring, so that never enough is unread for a share to count.
const unsharedBits = 32

// segmentBits is log2 of the bytes of a segment of a ring; the kernel rounds what is less than a page up to one.
func segmentBits(ringBytes uint32) uint32 {
	return uint32(bits.Len32(max(ringBytes, uint32(os.Getpagesize()))/segments) - 1)
}

// Throttled is what was not told of a target because its records held too much of the ring. Totals, since the programs were loaded.
type Throttled struct {
	// Cgroup is the deepest target that the records were of; where targets are no cgroups, that of the processes.
	Cgroup uint64
	Events uint64
	// First and Latest event, boot time in ns, of those that were no further apart than a second.
	First, Latest uint64
}

// Throttled lists the targets of which something was not told.
func (p *Programs) Throttled() (list []Throttled, err error) {
	var cgroup uint64
	var share bpf.ProcessShare
	all := p.objects.Shares.Iterate()
	for all.Next(&cgroup, &share) {
		if share.Throttled > 0 {
			list = append(list, Throttled{cgroup, share.Throttled, share.First, share.Latest})
		}
	}
	if err := all.Err(); err != nil {
		return nil, fmt.Errorf("read the targets' shares of the ring: %w", err)
	}
	return list, nil
}

// DropIdleShares forgets targets that have not changed since the call before, if more than half of the table is taken: pods come and
// go. It returns what had been counted of each. It is for the goroutine that reads.
func (p *Programs) DropIdleShares() (dropped []Throttled, err error) {
	present := map[uint64]bpf.ProcessShare{}
	var cgroup uint64
	var share bpf.ProcessShare
	all := p.objects.Shares.Iterate()
	for all.Next(&cgroup, &share) {
		present[cgroup] = share
	}
	before := p.shares
	p.shares = present
	if err := all.Err(); err != nil {
		return nil, fmt.Errorf("read the targets' shares of the ring: %w", err)
	}
	if len(present) <= int(p.objects.Shares.MaxEntries()/2) {
		return nil, nil
	}
	for cgroup, share := range present {
		if last, known := before[cgroup]; !known || last != share {
			continue
		}
		if err := p.objects.Shares.LookupAndDelete(cgroup, &share); err != nil {
			return dropped, fmt.Errorf("forget the share of cgroup %d: %w", cgroup, err)
		}
		delete(p.shares, cgroup)
		dropped = append(dropped, Throttled{cgroup, share.Throttled, share.First, share.Latest})
	}
	return dropped, nil
}
