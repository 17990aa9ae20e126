// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// mappingEvents are perf events, one for each CPU, that the kernel tells of mappings. Nothing reads what it tells: a program sees
// it tell them.
type mappingEvents struct {
	link.Link // none: only Close is asked of it
	events    []int
}

// buildID is the bit build_id of struct perf_event_attr, include/uapi/linux/perf_event.h: the kernel reads build ids.
const buildID = unix.CBitFieldMaskBit34

// openMappingEvents opens them. A CPU that comes later is not watched.
func openMappingEvents(marker uint64) (*mappingEvents, error) {
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return nil, fmt.Errorf("count the CPUs: %w", err)
	}
	m := &mappingEvents{}
	for cpu := range cpus {
		event, err := unix.PerfEventOpen(&unix.PerfEventAttr{
			Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_DUMMY, Ext1: marker,
			Bits: unix.PerfBitMmap | unix.PerfBitMmap2 | buildID,
		}, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC) // any process
		switch {
		case errors.Is(err, unix.ENODEV): // possible, but not there
		case err != nil:
			return nil, errors.Join(fmt.Errorf("have CPU %d tell of mappings by a perf event: %w", cpu, err), m.Close())
		default:
			m.events = append(m.events, event)
		}
	}
	return m, nil
}

// Close ends them.
func (m *mappingEvents) Close() error {
	var errs []error
	for _, event := range m.events {
		errs = append(errs, unix.Close(event))
	}
	m.events = nil
	return errors.Join(errs...)
}
