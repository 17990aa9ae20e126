// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// Register is where struct pt_regs has a processor's register, or a part of one.
type Register struct {
	// Name as assemblers spell it, without %.
	Name string
	// Offset from the start of struct pt_regs and Size, both in bytes: those of a part are within the whole register's.
	Offset, Size uint32
}

// Registers is struct pt_regs of an architecture and who passes what in which register. The tables are ABI: user space gets
// the struct from ptrace and core files, so it cannot change. Check compares it with a kernel all the same.
type Registers struct {
	// Architecture as Go spells it: amd64, arm64.
	Architecture string
	all          []Register
	// arguments of a function call and of a system call, in order; result of a call, and of a system call at its exit.
	arguments, syscall []string
	result             string
	// instruction is the program counter, stack the stack pointer.
	instruction, stack string
	// popped is by how many bytes the stack pointer is higher when a function has returned than when it was entered.
	popped uint32
	// fields are the paths of registers in struct pt_regs.
	fields map[string]string
}

// RegistersOf an architecture.
func RegistersOf(architecture string) (*Registers, error) {
	for _, known := range []*Registers{amd64, arm64} {
		if known.Architecture == architecture {
			return known, nil
		}
	}
	return nil, fmt.Errorf("registers of %s: known are those of amd64 and arm64", architecture)
}

// Lookup finds a register by its name, in any case and with or without %.
func (r *Registers) Lookup(name string) (Register, bool) {
	name = strings.ToLower(strings.TrimPrefix(name, "%"))
	i := slices.IndexFunc(r.all, func(register Register) bool { return register.Name == name })
	if i < 0 {
		return Register{}, false
	}
	return r.all[i], true
}

// Named finds the register that a policy names.
func (r *Registers) Named(name policy.Register) (Register, error) {
	if name.Architecture != r.Architecture {
		return Register{}, fmt.Errorf("register %s is %s's, this node is %s", name.Name, name.Architecture, r.Architecture)
	}
	if register, ok := r.Lookup(name.Name); ok {
		return register, nil
	}
	return Register{}, fmt.Errorf("register %s is not saved in struct pt_regs", name.Name)
}

// StackPointer is the register, and by how many bytes it is higher when a function has returned than when it was entered.
func (r *Registers) StackPointer() (pointer Register, popped uint32) {
	pointer, _ = r.Lookup(r.stack)
	return pointer, r.popped
}

// Argument is the register of a function's argument at its entry, for those that are passed in registers; index counts from 0.
func (r *Registers) Argument(index int) (Register, error) {
	return r.ordered(r.arguments, "function", index)
}

// SyscallArgument is the register of a system call's argument; index counts from 0.
func (r *Registers) SyscallArgument(index int) (Register, error) {
	return r.ordered(r.syscall, "system call", index)
}

func (r *Registers) ordered(names []string, what string, index int) (Register, error) {
	if index < 0 || index >= len(names) {
		return Register{}, fmt.Errorf("argument %d: on %s a %s has %d arguments in registers", index, r.Architecture, what, len(names))
	}
	register, _ := r.Lookup(names[index])
	return register, nil
}

// Result is the register of what a function or a system call returns.
func (r *Registers) Result() Register {
	register, _ := r.Lookup(r.result)
	return register
}

// Instruction is the register that holds where the program is.
func (r *Registers) Instruction() Register {
	register, _ := r.Lookup(r.instruction)
	return register
}

// Check compares the table with a kernel's struct pt_regs. An error says that registers cannot be read on this kernel.
func (r *Registers) Check(spec *btf.Spec) error {
	registers, err := Struct(spec, "pt_regs")
	if err != nil {
		return err
	}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(r.fields)) {
		register, _ := r.Lookup(name)
		walk, err := Resolve(spec, registers, path(r.fields[name]))
		switch {
		case err != nil:
			wrong = append(wrong, err)
		case walk.Offsets[0] != register.Offset || walk.Size != register.Size:
			wrong = append(wrong, fmt.Errorf("register %s: the kernel has %d bytes at %d, not %d at %d",
				name, walk.Size, walk.Offsets[0], register.Size, register.Offset))
		}
	}
	return errors.Join(wrong...)
}

// path of members and elements, divided by points.
func path(text string) (steps []policy.Step) {
	for part := range strings.SplitSeq(text, ".") {
		var element int
		if n, _ := fmt.Sscanf(part, "[%d]", &element); n == 1 {
			steps = append(steps, policy.Step{Element: element})
		} else {
			steps = append(steps, policy.Step{Field: part})
		}
	}
	return steps
}
