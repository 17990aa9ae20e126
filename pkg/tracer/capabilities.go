// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// capability is one that a tracer may have in its pod.
type capability struct {
	name   string
	number uint
	// later says whether policies need it when all is attached; nil: none does.
	later func(*policy.Hook) bool
}

// capabilities are those that package launch gives, with what they are for when everything is attached. Numbers are of
// linux/capability.h.
var capabilities = [...]capability{
	{"BPF", unix.CAP_BPF, nil}, // but see usesMaps
	{"PERFMON", unix.CAP_PERFMON, nil},
	{"SYS_RESOURCE", unix.CAP_SYS_RESOURCE, nil},
	// /proc/PID/map_files: build ids of what processes map.
	{"SYS_ADMIN", unix.CAP_SYS_ADMIN, func(h *policy.Hook) bool { return h.Kind == policy.Loader }},
	// /proc/PID/maps: the same, and the names of a stack's frames.
	{"SYS_PTRACE", unix.CAP_SYS_PTRACE, func(h *policy.Hook) bool {
		return h.Kind == policy.Loader || h.Does(func(a *policy.Action) bool { return a.UserStackTrace })
	}},
	// /proc/kallsyms: the names of a stack's frames, which is read when the first stack comes, and again when modules do.
	{"SYSLOG", unix.CAP_SYSLOG, func(h *policy.Hook) bool { return h.Does(func(a *policy.Action) bool { return a.KernelStackTrace }) }},
}

// capabilitySet is a set of capabilities, a bit each.
type capabilitySet uint64

func (s capabilitySet) names() (names []string) {
	for _, c := range capabilities {
		if s&(1<<c.number) != 0 {
			names = append(names, c.name)
		}
	}
	return names
}

// neededLater are those that policies need when all is attached.
func neededLater(policies []*policy.Policy) (keep capabilitySet) {
	for _, c := range capabilities {
		for _, p := range policies {
			for i := range p.Hooks {
				if c.later != nil && c.later(&p.Hooks[i]) {
					keep |= 1 << c.number
				}
			}
		}
	}
	return keep
}

// left is what became of a tracer's capabilities when all was attached.
type left struct {
	names []string
	// remark says what could not be given up.
	remark *event.Notice
}

// dropCapabilities gives up, in all threads and for good, what is not needed any more when all is attached. Kernels before 5.19 whose
// kernel.unprivileged_bpf_disabled is set want CAP_BPF for each use of a map (commit c8644cd0efe7); that is tried.
func (s *session) dropCapabilities() (l left, err error) {
	if !s.DropCapabilities {
		return left{}, nil
	}
	permitted, err := permittedCapabilities()
	if err != nil {
		return left{}, err
	}
	keep := permitted & s.needed
	if err := setCapabilities(permitted, keep); err != nil { // permitted, so that they can be had again
		return left{permitted.names(), &event.Notice{Level: event.LevelWarning, Text: "the tracer keeps all its capabilities: " + err.Error()}}, nil //nolint:nilerr // it is said
	}
	if err := s.usesMaps(); errors.Is(err, unix.EPERM) {
		keep |= permitted & (1<<unix.CAP_BPF | 1<<unix.CAP_PERFMON)
		l.remark = &event.Notice{Level: event.LevelInfo, Text: "this node's kernel asks for the capability BPF for each use of a map: the tracer keeps it"}
	}
	if err := setCapabilities(keep, keep); err != nil {
		return left{}, err
	}
	if err := s.usesMaps(); err != nil {
		return left{}, fmt.Errorf("without the capabilities that are needed no more: %w", err)
	}
	l.names = keep.names()
	return l, nil
}

// usesMaps does what a session does all the time: it reads maps, and the list of processes.
func (s *session) usesMaps() error {
	if _, err := s.programs.Counts(); err != nil {
		return err
	}
	_, err := s.tasks.All()
	return err
}

// threadSets are the two halves of each set, as capset(2) has them in version 3.
type threadSets [2]unix.CapUserData

// permittedCapabilities are those of the calling thread; a Go program's threads have the same.
func permittedCapabilities() (capabilitySet, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets threadSets
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return 0, fmt.Errorf("read the capabilities: %w", err)
	}
	return capabilitySet(sets[0].Permitted) | capabilitySet(sets[1].Permitted)<<32, nil
}

// setCapabilities sets those of all threads, or of none: a program with C code is refused. No set but these two matters: a tracer executes nothing, and its container forbids to gain any.
func setCapabilities(permitted, effective capabilitySet) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3} // of the calling thread, each
	sets := threadSets{
		{Effective: uint32(effective), Permitted: uint32(permitted)},
		{Effective: uint32(effective >> 32), Permitted: uint32(permitted >> 32)},
	}
	_, _, err := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&sets[0])), 0)
	if err != 0 {
		return fmt.Errorf("set those of all threads to %q: %w", effective.names(), err)
	}
	return nil
}
