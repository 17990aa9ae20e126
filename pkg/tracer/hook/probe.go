// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Probes finds out which mechanisms a kernel has, by trying each once.
type Probes struct {
	results map[Mechanism]error
}

// NewProbes has tried nothing yet.
func NewProbes() *Probes { return &Probes{results: map[Mechanism]error{}} }

// probed is a function that every kernel has and that is called when we ask for it alone: getpgid(2).
const probed = "security_task_getpgid"

// targets of the probes; what is not here works on every kernel that the programs of process life load on.
var targets = map[Mechanism]string{
	FEntry: probed, FExit: probed, FModifyReturn: probed, LSM: "task_getpgid",
	Kprobe: probed, Kretprobe: probed, KprobeMulti: probed, KretprobeMulti: probed,
}

// Unavailable says why the kernel has not a mechanism; nil if it has. The mechanism is tried when it is first asked for.
func (p *Probes) Unavailable(m Mechanism) error {
	target, needed := targets[m]
	if !needed {
		return nil
	}
	err, tried := p.results[m]
	if !tried {
		err = try(m, target)
		p.results[m] = err
	}
	return err
}

// Tiers lists those that the kernel has, best first.
func (p *Probes) Tiers() (tiers []string) {
	for _, row := range []struct {
		tier Tier
		with Mechanism
	}{{TierTrampoline, FEntry}, {TierKprobe, Kprobe}, {TierTracepoint, RawTracepoint}} {
		if p.Unavailable(row.with) == nil {
			tiers = append(tiers, string(row.tier))
		}
	}
	return tiers
}

// try loads and attaches a program that does nothing but count.
func try(m Mechanism, target string) error {
	runs, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	if err != nil {
		return fmt.Errorf("try %s: %w", m, err)
	}
	defer runs.Close()
	a := Attachment{Mechanism: m, Symbols: []string{target}}
	row := mechanisms[m]
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: row.kind, AttachType: row.at, AttachTo: a.target(), License: "Dual BSD/GPL", Instructions: counting(runs),
	})
	if err != nil {
		return unavailable(m, err)
	}
	defer program.Close()
	attached, err := row.attach(program, a, nil)
	if err != nil {
		return unavailable(m, err)
	}
	defer attached.Close()
	return called(m, attached, runs)
}

// called makes the kernel call the program: an LSM program attaches also where no security module of BPF is active, and then
// is never called.
func called(m Mechanism, _ link.Link, runs *ebpf.Map) error {
	if _, err := unix.Getpgid(os.Getpid()); err != nil {
		return fmt.Errorf("try %s: getpgid: %w", m, err)
	}
	var count uint64
	if err := runs.Lookup(uint32(0), &count); err != nil {
		return fmt.Errorf("try %s: %w", m, err)
	}
	if count == 0 {
		return fmt.Errorf("the kernel attaches %s programs but does not call them (for lsm: bpf is missing in /sys/kernel/security/lsm)", m)
	}
	return nil
}

// counting adds one to the first entry of a map and returns 0.
func counting(runs *ebpf.Map) asm.Instructions {
	return asm.Instructions{
		asm.StoreImm(asm.RFP, -4, 0, asm.Word),
		asm.LoadMapPtr(asm.R1, runs.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "end"),
		asm.Mov.Imm(asm.R1, 1),
		asm.AddAtomic.Mem(asm.R0, asm.R1, asm.DWord, 0),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("end"),
		asm.Return(),
	}
}

// unavailable words why a mechanism cannot be used. The kernel says EPERM without a word from its verifier where a platform
// refuses a kind of program to everybody.
func unavailable(m Mechanism, err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s programs are not permitted on this node (needs the capabilities BPF and PERFMON, and a kernel that is not locked down)", m)
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, os.ErrNotExist), m.Tier() == TierKprobe && !hasKprobes():
		return fmt.Errorf("this kernel has no %s programs", m)
	}
	return fmt.Errorf("%s programs: %w", m, err)
}

// hasKprobes says whether the kernel is built with kprobes, which since 4.17 are a kind of perf event. Without them attaching
// fails in an older way, of which nobody needs to hear.
func hasKprobes() bool {
	_, err := os.Stat("/sys/bus/event_source/devices/kprobe")
	return err == nil
}
