// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
)

// MaxMarks is how many marks a process can have: bits of process_state.
const MaxMarks = 64

// Marking is what is remembered of processes for the filters of all hooks.
type Marking struct {
	// Marks are filters on what a process runs (SUBJECT_TEXT) or is (SUBJECT_PID, SUBJECT_NAMESPACE_PID): bit i of a process's
	// marks is what Marks[i] says of it.
	Marks    []bpf.HookHookFilter
	Operands []uint64
	// Inherited are the bits that descendants have too.
	Inherited uint64
	// Everywhere: processes outside of the scope are noted as well.
	Everywhere bool
	// Runtime is the inode number of the mount namespace that the container runtime runs in: hooks that are loaded from then on
	// pass over its processes that are on their way into a container. 0: over none.
	Runtime uint32
}

// Remember begins to note processes. It comes before the hooks that ask: what runs already is for Note.
func (s *Set) Remember(m Marking) error {
	if s.old {
		if err := fitsOld("programs and processes that policies name", m.Marks, m.Operands); err != nil {
			return err
		}
	}
	spec, err := kernel.Specification(s.types, bpf.LoadProcessState, bpf.LoadProcessStateOld)
	if err != nil {
		return err
	}
	if err := s.host.SetConstants(spec.Variables); err != nil {
		return err
	}
	for name, value := range map[string]any{
		"marks": padded(m.Marks, MaxMarks), "mark_count": uint32(len(m.Marks)), "inherited_marks": m.Inherited, "note_everywhere": m.Everywhere,
		"runtime_mount_namespace": m.Runtime,
	} {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	s.runtime = m.Runtime
	spec.Maps["process_states"].Flags = s.spec.Maps["process_states"].Flags
	spec.Maps["hook_scratches"].MaxEntries = s.spec.Maps["hook_scratches"].MaxEntries
	spec.Maps["hook_operands"].MaxEntries = uint32(max(len(m.Operands), 1))
	collection, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{
		MapReplacements: s.replacements(spec), Cache: s.types,
	})
	if err != nil {
		return refused(&Definition{Name: "process states"}, err)
	}
	l := &Loaded{Definition: &Definition{Name: "process states", Operands: m.Operands}, collection: collection}
	s.loaded = append(s.loaded, l)
	if err := l.fill(); err != nil {
		return err
	}
	for name, p := range collection.Programs {
		if name == "note_attach" && m.Runtime == 0 {
			continue
		}
		attached, err := link.AttachTracing(link.TracingOptions{Program: p, AttachType: ebpf.AttachTraceRawTp})
		if err != nil {
			return fmt.Errorf("attach what notes the states of processes: %w", err)
		}
		l.links = append(l.links, attached)
	}
	return nil
}

// Note notes a process that ran before Remember, unless it has changed since.
func (s *Set) Note(tgid uint32, state bpf.HookProcessState) error {
	err := s.shared["process_states"].Update(tgid, state, ebpf.UpdateNoExist)
	if err != nil && !errors.Is(err, ebpf.ErrKeyExist) {
		return fmt.Errorf("note process %d: %w", tgid, err)
	}
	return nil
}

// StayArmed lets enforcing actions act for so long from now. lapsed is how long they have not, since the last time ran out; 0 the first
// time.
func (s *Set) StayArmed(span time.Duration) (lapsed time.Duration, err error) {
	var boot unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot); err != nil {
		return 0, fmt.Errorf("read the clock: %w", err)
	}
	now := boot.Nano()
	if s.armedUntil != 0 {
		lapsed = max(0, time.Duration(now-s.armedUntil))
	}
	s.armedUntil = now + span.Nanoseconds()
	if err := s.shared["armed_until"].Put(uint32(0), uint64(s.armedUntil)); err != nil {
		return lapsed, fmt.Errorf("stay armed: %w", err)
	}
	return lapsed, nil
}

// replacements are the shared maps that a collection uses.
func (s *Set) replacements(spec *ebpf.CollectionSpec) map[string]*ebpf.Map {
	return replacements(spec, s.shared)
}

func replacements(spec *ebpf.CollectionSpec, shared map[string]*ebpf.Map) map[string]*ebpf.Map {
	found := map[string]*ebpf.Map{}
	for name := range spec.Maps {
		if m := shared[name]; m != nil {
			spec.Maps[name].MaxEntries = m.MaxEntries() // the ring's size is the session's choice
			found[name] = m
		}
	}
	return found
}
