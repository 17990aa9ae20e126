// SPDX-License-Identifier: Apache-2.0

package layout

import "fmt"

// amd64: arch/x86/include/asm/ptrace.h (struct pt_regs), arch/x86/entry/calling.h, and the System V ABI.
var amd64 = func() *Registers {
	r := &Registers{
		Architecture: "amd64",
		arguments:    []string{"rdi", "rsi", "rdx", "rcx", "r8", "r9"},
		syscall:      []string{"rdi", "rsi", "rdx", "r10", "r8", "r9"},
		result:       "rax",
		instruction:  "rip",
		stack:        "rsp",
		popped:       8, // the call pushed where it returns to
		fields:       map[string]string{},
	}
	// Places count in 8 bytes; field is the member of struct pt_regs; parts are the low 8, 4, 2 and 1 bytes.
	for _, row := range []struct {
		place uint32
		field string
		parts []string
	}{
		{4, "bp", []string{"rbp", "ebp", "bp", "bpl"}},
		{5, "bx", []string{"rbx", "ebx", "bx", "bl"}},
		{10, "ax", []string{"rax", "eax", "ax", "al"}},
		{11, "cx", []string{"rcx", "ecx", "cx", "cl"}},
		{12, "dx", []string{"rdx", "edx", "dx", "dl"}},
		{13, "si", []string{"rsi", "esi", "si", "sil"}},
		{14, "di", []string{"rdi", "edi", "di", "dil"}},
		{15, "orig_ax", []string{"orig_rax"}},
		{16, "ip", []string{"rip", "eip", "ip"}},
		{18, "flags", []string{"rflags", "eflags", "flags"}},
		{19, "sp", []string{"rsp", "esp", "sp", "spl"}},
		{3, "r12", numbered(12)}, {2, "r13", numbered(13)}, {1, "r14", numbered(14)}, {0, "r15", numbered(15)},
		{9, "r8", numbered(8)}, {8, "r9", numbered(9)}, {7, "r10", numbered(10)}, {6, "r11", numbered(11)},
	} {
		r.fields[row.parts[0]] = row.field
		for i, name := range row.parts {
			r.all = append(r.all, Register{name, row.place * 8, 8 >> i})
		}
	}
	// The second lowest bytes of some registers have names too.
	for name, whole := range map[string]string{"ah": "rax", "bh": "rbx", "ch": "rcx", "dh": "rdx"} {
		register, _ := r.Lookup(whole)
		r.all = append(r.all, Register{name, register.Offset + 1, 1})
	}
	return r
}()

func numbered(n int) []string {
	r := fmt.Sprintf("r%d", n)
	return []string{r, r + "d", r + "w", r + "b"}
}

// arm64: arch/arm64/include/asm/ptrace.h (struct pt_regs) and the procedure call standard. The first argument of a system call
// is saved a second time, as its register is that of the result too.
var arm64 = func() *Registers {
	r := &Registers{
		Architecture: "arm64",
		arguments:    []string{"x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"},
		syscall:      []string{"orig_x0", "x1", "x2", "x3", "x4", "x5"},
		result:       "x0",
		instruction:  "pc",
		stack:        "sp",
		fields:       map[string]string{"sp": "sp", "pc": "pc", "pstate": "pstate", "orig_x0": "orig_x0"},
		all: []Register{
			{"sp", 248, 8}, {"pc", 256, 8}, {"pstate", 264, 8}, {"orig_x0", 272, 8},
			// Further names of the procedure call standard.
			{"fp", 29 * 8, 8}, {"lr", 30 * 8, 8},
		},
	}
	for n := range uint32(31) {
		x := fmt.Sprintf("x%d", n)
		r.all = append(r.all, Register{x, n * 8, 8}, Register{fmt.Sprintf("w%d", n), n * 8, 4})
		r.fields[x] = fmt.Sprintf("regs.[%d]", n)
	}
	return r
}()
