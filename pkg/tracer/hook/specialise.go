// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// specialise makes the generic object that of one hook.
func (s *Set) specialise(d *Definition, holdsCPU bool) (*ebpf.CollectionSpec, error) {
	spec := s.spec.Copy()
	programs := map[string]*ebpf.ProgramSpec{}
	for _, a := range d.Attachments {
		m, p := mechanisms[a.Mechanism], spec.Programs[string(a.Stage)]
		p.Type, p.AttachType, p.AttachTo = m.kind, m.at, a.target()
		if a.Stage == Hashing || a.Mechanism.sleeps() {
			p.Flags |= unix.BPF_F_SLEEPABLE
		}
		if !d.writes() {
			withoutWriting(p)
		}
		programs[string(a.Stage)] = p
	}
	if s.keepsCalls(d) {
		p := spec.Programs[gone]
		p.Type, p.AttachType, p.AttachTo = ebpf.Tracing, ebpf.AttachTraceRawTp, "sched_process_exit"
		programs[gone] = p
	} else if s.old {
		spec.Maps["call_contexts"].MaxEntries = 1
	}
	spec.Programs = programs
	if len(d.Operands) > 0 {
		spec.Maps["hook_operands"].MaxEntries = uint32(len(d.Operands))
	}
	if d.RateLimited {
		spec.Maps["rate_limits"].MaxEntries = rateLimitEntries
	}
	if len(d.Layouts) > 0 {
		spec.Maps["call_layouts"].MaxEntries = 2 * maxSyscalls
	}
	for name, value := range map[string]any{
		"hook":           s.config(d, holdsCPU),
		"hook_arguments": padded(d.Arguments, MaxArguments),
		"hook_filters":   padded(d.Filters, MaxFilters),
		"hook_selectors": padded(d.Selectors, MaxSelectors),
		"hook_layouts":   d.layoutWords(),
	} {
		if err := spec.Variables[name].Set(value); err != nil {
			return nil, fmt.Errorf("set %s: %w", name, err)
		}
	}
	return spec, nil
}

// gone is the program that takes away what the entry left for a return that does not come, as the thread ends. Others than old kernels do
// so themselves.
const gone = "hook_gone"

// keepsCalls says whether the hook leaves something for returns in memory that is there for it from the beginning.
func (s *Set) keepsCalls(d *Definition) bool {
	return s.old && d.Config.Flags&uint32(bpf.HookHookFlagsHOOK_HAS_RETURN) != 0
}

// config completes what a hook is to do with what the session and its lists say.
func (s *Set) config(d *Definition, holdsCPU bool) bpf.HookHookConfig {
	config := d.Config
	if slices.ContainsFunc(d.Attachments, func(a Attachment) bool { return a.Mechanism.sleeps() }) {
		config.Flags |= uint32(bpf.HookHookFlagsHOOK_SLEEPS)
	} else if holdsCPU && !d.hashes() {
		config.Flags |= uint32(bpf.HookHookFlagsHOOK_HOLDS_CPU)
	}
	if d.dispatched() && !d.everybody() {
		config.Flags |= uint32(bpf.HookHookFlagsHOOK_IN_SCOPE)
	}
	if s.runtime != 0 {
		config.Flags |= uint32(bpf.HookHookFlagsHOOK_WITHOUT_RUNTIME)
		config.RuntimeMountNamespace = s.runtime
	}
	if slices.ContainsFunc(d.Filters, func(f bpf.HookHookFilter) bool { return f.Flags&uint8(bpf.HookFilterFlagsFILTER_CHEAP) != 0 }) {
		config.Flags |= uint32(bpf.HookHookFlagsHOOK_FILTERS_CHEAPLY)
	}
	if d.RateLimited {
		config.Flags |= uint32(bpf.HookHookFlagsHOOK_LIMITS)
	}
	if d.actsAlike() {
		config.Flags |= uint32(bpf.HookHookFlagsHOOK_ACTS_ALIKE)
	}
	for _, selector := range d.Selectors {
		config.Actions |= uint32(selector.Actions | selector.ReturnActions)
	}
	config.Judging = s.judging.Add(1)
	config.Arguments, config.Selectors = uint16(len(d.Arguments)), uint16(len(d.Selectors))
	config.Layouts = uint32(len(d.Layouts))
	return config
}

// actsAlike says whether all selectors do the same, but for what is told of it and how often.
func (d *Definition) actsAlike() bool {
	act := func(s bpf.HookHookSelector) bpf.HookHookSelector {
		s.First, s.Count, s.RateScope, s.RateInterval = 0, 0, 0, 0
		return s
	}
	return !slices.ContainsFunc(d.Selectors, func(s bpf.HookHookSelector) bool { return act(s) != act(d.Selectors[0]) })
}

// layoutWords are those of the kernel side's table.
func (d *Definition) layoutWords() (all []bpf.HookLayoutWord) {
	for _, l := range d.Layouts {
		all = append(all, padded(l.Words, MaxArguments)...)
	}
	return padded(all, MaxLayouts*MaxArguments)
}

// hashes says whether a program waits for the hash of a file.
func (d *Definition) hashes() bool {
	return slices.ContainsFunc(d.Attachments, func(a Attachment) bool { return a.Stage == Hashing })
}

// padded is the list in the length that the kernel side has.
func padded[T any](list []T, length int) []T {
	return append(slices.Clip(list), make([]T, length-len(list))...)
}
