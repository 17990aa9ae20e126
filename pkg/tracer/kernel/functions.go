// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
)

// DropMissing takes calls of kernel functions (kfuncs) that this kernel lacks out of programs, which ask for each whether it
// is there. The library would do it too, but looks through all modules for each of them in each program.
func DropMissing(spec *ebpf.CollectionSpec, types *btf.Spec) error {
	missing := map[string]bool{}
	for _, p := range spec.Programs {
		for i := range p.Instructions {
			ins := &p.Instructions[i]
			if !ins.IsKfuncCall() {
				continue
			}
			var function *btf.Func
			switch err := types.TypeByName(ins.Reference(), &function); {
			case errors.Is(err, btf.ErrNotFound):
				missing[ins.Reference()] = true
			case err != nil:
				return fmt.Errorf("look for the kernel function %s: %w", ins.Reference(), err)
			}
		}
	}
	for _, p := range spec.Programs {
		for i := range p.Instructions {
			if ins := &p.Instructions[i]; missing[ins.Reference()] {
				*ins = without(ins)
			}
		}
	}
	return nil
}

// without is what stands in the place of a call of a missing function, or of the question for its address.
func without(ins *asm.Instruction) asm.Instruction {
	instead := asm.LoadImm(ins.Dst, 0, asm.DWord)
	if ins.IsKfuncCall() {
		instead = asm.Mov.Imm(asm.R0, 0)
	}
	if symbol := ins.Symbol(); symbol != "" {
		instead = instead.WithSymbol(symbol)
	}
	if function := btf.FuncMetadata(ins); function != nil {
		instead = btf.WithFuncMetadata(instead, function)
	}
	if source := ins.Source(); source != nil {
		instead = instead.WithSource(source)
	}
	return instead
}
