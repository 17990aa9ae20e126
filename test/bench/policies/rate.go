// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

const (
	// paceFor is how long each rate is held.
	paceFor = 3 * time.Second
	// paceSteps halve the distance between a rate that is good and one that is not.
	paceSteps = 6
	// mostRate is more than one process reaches.
	mostRate = 800_000
)

// permissions is a policy that tells each read and write of files below a folder, without waiting for its return.
const permissions = `  kprobes:
  - {call: security_file_permission, syscall: false, args: [{index: 0, type: file}, {index: 1, type: int}],
     selectors: [{matchArgs: [{index: 0, operator: Prefix, values: ["%s/"]}]}]}`

// paced is what one rate gave.
type paced struct {
	wanted, reached int
	totals          event.Totals
	bytes           int64
	cpu             time.Duration // of the tracer
}

// lost or throttled, which one process alone is too if it fills most of the ring.
func (p *paced) lost() (all uint64) {
	all = p.totals.Throttled
	for n := range maps.Values(p.totals.Lost) {
		all += n
	}
	return all
}

// rate looks for the highest rate of events at which none is lost.
func rate(w *workload, _ options) error {
	t := newTable("wanted /s", "reached /s", "events", "lost", "frames", "tracer's CPU", "BPF per event")
	var best *paced
	good, bad := 0, mostRate
	for range paceSteps {
		p, err := w.pace((good + bad) / 2)
		if err != nil {
			return err
		}
		if p.lost() == 0 {
			good = p.wanted
		} else {
			bad = p.wanted
		}
		if p.lost() == 0 && (best == nil || p.reached > best.reached) {
			best = p
		}
		cost := p.totals.Cost
		t.add(fmt.Sprint(p.wanted), fmt.Sprint(p.reached), fmt.Sprint(p.totals.Events), fmt.Sprint(p.lost()),
			fmt.Sprintf("%.0f MB/s", float64(p.bytes)/paceFor.Seconds()/1e6), fmt.Sprintf("%.1f µs per event", float64(p.cpu.Nanoseconds())/1e3/float64(p.totals.Events)),
			fmt.Sprintf("%.2f µs", float64(cost.BPFNanoseconds)/1e3/float64(cost.BPFRuns)))
	}
	fmt.Printf("events from the kernel to frames, one process that reads, %s each\n", paceFor)
	t.print()
	if best == nil {
		return errors.New("events were lost at every rate")
	}
	fmt.Printf("  none lost at %d events per second\n", best.reached)
	return nil
}

func (w *workload) pace(rate int) (*paced, error) {
	before, err := usedCPU()
	if err != nil {
		return nil, err
	}
	r, err := startTracer(wire.Targets{Pids: []uint32{w.pid()}}, policyOf("rate", fmt.Sprintf(permissions, w.inside)))
	if err != nil {
		return nil, err
	}
	done, err := w.ask("paced", loop{}.path(w.inside), rate, int(paceFor.Milliseconds()))
	p := &paced{wanted: rate, reached: int(float64(done) / paceFor.Seconds())}
	var ended error
	p.totals, ended = r.end()
	if err := errors.Join(err, ended); err != nil {
		return nil, err
	}
	p.bytes, p.cpu = r.frames.bytes, time.Duration(p.totals.Cost.CPUNanoseconds)-before
	if p.totals.Events+p.lost() != uint64(done) {
		return nil, fmt.Errorf("%d reads, %d events told and %v lost", done, p.totals.Events, p.totals.Lost)
	}
	return p, nil
}

// usedCPU is what this process, in which the tracers run, has used so far.
func usedCPU() (time.Duration, error) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
