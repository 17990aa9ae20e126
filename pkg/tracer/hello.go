// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

func (s *session) hello(scope kernel.Scope, attached []string) event.Hello {
	h := event.Hello{
		Protocol: wire.Version, Build: s.Build, Session: s.Config.Session,
		Kernel: kernelRelease(), Arch: runtime.GOARCH, BootID: firstLine("/proc/sys/kernel/random/boot_id"),
		Tiers: s.tiers(), Cgroups: scope.Hierarchy.Name,
	}
	for _, name := range attached {
		h.Hooks = append(h.Hooks, event.Hook{Name: name, Backend: "tp_btf"})
	}
	if s.policies != nil {
		h.Hooks = append(h.Hooks, s.policies.hooks...)
	}
	return h
}

// tiers that the kernel has. Process life needs nothing more than tracepoints; the others are tried when there is a policy
// that may need them.
func (s *session) tiers() []string {
	if s.policies == nil {
		return []string{string(hook.TierTracepoint)}
	}
	return s.probes.Tiers()
}

func kernelRelease() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
}

func firstLine(file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(content), "\n")
	return line
}

// ownCost is what this process has used so far; 0 where the system does not say.
func ownCost() (c event.Cost) {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &usage) == nil {
		c.CPUNanoseconds = uint64(usage.Utime.Nano() + usage.Stime.Nano())
		c.PeakResidentBytes = uint64(usage.Maxrss) << 10
	}
	var total, resident uint64
	if _, err := fmt.Sscan(firstLine("/proc/self/statm"), &total, &resident); err == nil {
		c.ResidentBytes = resident * uint64(os.Getpagesize())
	}
	return c
}

// totals as bye tells them.
func (s *session) totals() event.Totals {
	if s.programs != nil {
		s.readCounts()
	}
	return s.output.totals()
}
