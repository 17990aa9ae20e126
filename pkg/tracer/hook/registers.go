// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"errors"
	"fmt"
	"math"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// Assignment sets a register of the process when a uprobe's function is entered.
type Assignment struct {
	// Offset of the register in struct pt_regs; Size of the part of it that is set, in bytes.
	Offset, Size uint32
	// From is where the value comes from: the register there, of FromSize bytes, or nothing if that is 0.
	From, FromSize uint32
	// Add is added to it. With Dereference the sum is an address in the process's memory, at which the value is.
	Add         int64
	Dereference bool
}

// registerNote is REGISTER_NOTE of bpf/hook_notes.h.
const registerNote = math.MinInt64

// Stack of the program that sets registers.
const (
	threadSlot = -8
	valueSlot  = -16
)

// assigning is a program that sets registers in a thread for which a hook has left a note. Where a register is has to be a
// constant for the verifier, so it cannot be C that is written beforehand.
func assigning(list []Assignment, notes *ebpf.Map) *ebpf.ProgramSpec {
	code := asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.FnGetCurrentPidTgid.Call(),
		asm.LoadImm(asm.R1, registerNote, asm.DWord),
		asm.Or.Reg(asm.R0, asm.R1),
		asm.StoreMem(asm.RFP, threadSlot, asm.R0, asm.DWord),
		asm.LoadMapPtr(asm.R1, notes.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, threadSlot),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "end"),
		asm.LoadMapPtr(asm.R1, notes.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, threadSlot),
		asm.FnMapDeleteElem.Call(),
	}
	for _, a := range list {
		code = append(code, a.instructions()...)
	}
	code = append(code, asm.Mov.Imm(asm.R0, 0).WithSymbol("end"), asm.Return())
	return &ebpf.ProgramSpec{Name: "set_registers", Type: ebpf.Kprobe, License: "Dual BSD/GPL", Instructions: code}
}

// instructions of one assignment; R6 has the context.
func (a Assignment) instructions() asm.Instructions {
	code := asm.Instructions{asm.Mov.Imm(asm.R7, 0)}
	if a.FromSize > 0 {
		code = append(code, asm.LoadMem(asm.R7, asm.R6, int16(a.From), asm.DWord))
		code = append(code, cutTo(asm.R7, a.FromSize)...)
	}
	code = append(code, asm.LoadImm(asm.R1, a.Add, asm.DWord), asm.Add.Reg(asm.R7, asm.R1))
	if a.Dereference {
		code = append(code,
			asm.Mov.Imm(asm.R1, 0), asm.StoreMem(asm.RFP, valueSlot, asm.R1, asm.DWord),
			asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, valueSlot),
			asm.Mov.Imm(asm.R2, 8), asm.Mov.Reg(asm.R3, asm.R7),
			asm.FnProbeReadUser.Call(),
			asm.LoadMem(asm.R7, asm.RFP, valueSlot, asm.DWord))
	}
	if a.Size < 8 { // the rest of the register stays
		code = append(code, cutTo(asm.R7, a.Size)...)
		code = append(code, asm.LoadMem(asm.R8, asm.R6, int16(a.Offset), asm.DWord),
			asm.RSh.Imm(asm.R8, int32(8*a.Size)), asm.LSh.Imm(asm.R8, int32(8*a.Size)), asm.Or.Reg(asm.R7, asm.R8))
	}
	return append(code, asm.StoreMem(asm.R6, int16(a.Offset), asm.R7, asm.DWord))
}

// cutTo keeps the low bytes of a register.
func cutTo(r asm.Register, bytes uint32) asm.Instructions {
	if bytes >= 8 {
		return nil
	}
	return asm.Instructions{asm.LSh.Imm(r, int32(64-8*bytes)), asm.RSh.Imm(r, int32(64-8*bytes))}
}

// withoutLog is an error of loading without what the verifier said.
func withoutLog(err error) error {
	if verifier := (*ebpf.VerifierError)(nil); errors.As(err, &verifier) {
		return verifier.Cause
	}
	return err
}

// assigner loads what sets registers where a uprobe is.
func (s *Set) assigner(d *Definition) (*ebpf.Program, error) {
	spec := assigning(d.Registers, s.shared["enforcer_notes"])
	if d.Attachments[0].Mechanism == UprobeMulti {
		spec.AttachType = mechanisms[UprobeMulti].at
	}
	program, err := ebpf.NewProgram(spec)
	if err != nil {
		return nil, fmt.Errorf("programs that set registers are not accepted by this kernel: %w", withoutLog(err))
	}
	return program, nil
}

// setRegisters attaches what sets registers where a uprobe is. It comes before the hook's own program is attached: the
// kernel calls who came last first.
func (s *Set) setRegisters(d *Definition, l *Loaded) error {
	program, err := s.assigner(d)
	if err != nil {
		return err
	}
	l.programs = append(l.programs, program)
	at := d.Attachments[0]
	attached, err := mechanisms[at.Mechanism].attach(program, at, nil)
	if err != nil {
		return fmt.Errorf("attach what sets registers: %w", err)
	}
	l.links = append(l.links, attached)
	return nil
}
