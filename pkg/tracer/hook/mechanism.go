// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// Mechanism is a way to have a program run in the kernel.
type Mechanism string

// The mechanisms.
const (
	FEntry         Mechanism = "fentry"
	FExit          Mechanism = "fexit"
	FModifyReturn  Mechanism = "fmod_ret"
	LSM            Mechanism = "lsm"
	Kprobe         Mechanism = "kprobe"
	Kretprobe      Mechanism = "kretprobe"
	KprobeMulti    Mechanism = "kprobe.multi"
	KretprobeMulti Mechanism = "kretprobe.multi"
	RawTracepoint  Mechanism = "tp_btf"
	Tracepoint     Mechanism = "tracepoint"
	SyscallEnter   Mechanism = "sys_enter"
	SyscallExit    Mechanism = "sys_exit"
	Uprobe         Mechanism = "uprobe"
	Uretprobe      Mechanism = "uretprobe"
	UprobeMulti    Mechanism = "uprobe.multi"
	UretprobeMulti Mechanism = "uretprobe.multi"
)

// Tier is what a kernel must have for a mechanism.
type Tier string

// The tiers, best first. Tracepoints are everywhere.
const (
	TierTrampoline Tier = "trampoline"
	TierKprobe     Tier = "kprobe"
	TierTracepoint Tier = "tracepoint"
)

// attach has a loaded program run at its place.
type attach func(*ebpf.Program, Attachment, *Dispatch) (link.Link, error)

// mechanism is one row: how a program is loaded and attached.
type mechanism struct {
	tier Tier
	kind ebpf.ProgramType
	at   ebpf.AttachType
	// named: the program is loaded for the one symbol that it is attached to.
	named bool
	// sleeps: the program runs where it may wait for user memory, if the kernel lets it.
	sleeps bool
	attach attach
}

// mechanisms is the table of them.
var mechanisms = map[Mechanism]mechanism{
	FEntry:         {TierTrampoline, ebpf.Tracing, ebpf.AttachTraceFEntry, true, false, attachTracing(ebpf.AttachTraceFEntry)},
	FExit:          {TierTrampoline, ebpf.Tracing, ebpf.AttachTraceFExit, true, false, attachTracing(ebpf.AttachTraceFExit)},
	FModifyReturn:  {TierTrampoline, ebpf.Tracing, ebpf.AttachModifyReturn, true, false, attachTracing(ebpf.AttachModifyReturn)},
	LSM:            {TierTrampoline, ebpf.LSM, ebpf.AttachLSMMac, true, false, attachLSM},
	Kprobe:         {TierKprobe, ebpf.Kprobe, ebpf.AttachNone, false, false, attachKprobe(link.Kprobe)},
	Kretprobe:      {TierKprobe, ebpf.Kprobe, ebpf.AttachNone, false, false, attachKprobe(link.Kretprobe)},
	KprobeMulti:    {TierKprobe, ebpf.Kprobe, ebpf.AttachTraceKprobeMulti, false, false, attachKprobeMulti(link.KprobeMulti)},
	KretprobeMulti: {TierKprobe, ebpf.Kprobe, ebpf.AttachTraceKprobeMulti, false, false, attachKprobeMulti(link.KretprobeMulti)},
	RawTracepoint:  {TierTracepoint, ebpf.Tracing, ebpf.AttachTraceRawTp, true, false, attachTracing(ebpf.AttachTraceRawTp)},
	Tracepoint:     {TierTracepoint, ebpf.TracePoint, ebpf.AttachNone, false, false, attachTracepoint},
	SyscallEnter:   {TierTracepoint, ebpf.Tracing, ebpf.AttachTraceRawTp, true, false, attachSyscalls},
	SyscallExit:    {TierTracepoint, ebpf.Tracing, ebpf.AttachTraceRawTp, true, false, attachSyscalls},
	Uprobe:         {TierTracepoint, ebpf.Kprobe, ebpf.AttachNone, false, true, attachUprobe(false)},
	Uretprobe:      {TierTracepoint, ebpf.Kprobe, ebpf.AttachNone, false, true, attachUprobe(true)},
	UprobeMulti:    {TierTracepoint, ebpf.Kprobe, ebpf.AttachTraceUprobeMulti, false, true, attachUprobeMulti(false)},
	UretprobeMulti: {TierTracepoint, ebpf.Kprobe, ebpf.AttachTraceUprobeMulti, false, true, attachUprobeMulti(true)},
}

// Tier is the mechanism's.
func (m Mechanism) Tier() Tier { return mechanisms[m].tier }

// target is the symbol that a program is loaded for.
func (a Attachment) target() string {
	switch {
	case a.Mechanism == SyscallEnter || a.Mechanism == SyscallExit:
		return string(a.Mechanism) // the tracepoints have these names
	case mechanisms[a.Mechanism].named && len(a.Symbols) > 0:
		return a.Symbols[0]
	}
	return ""
}
