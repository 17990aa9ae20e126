// SPDX-License-Identifier: Apache-2.0

package executable

import (
	"debug/elf"
	"encoding/binary"
	"strings"
)

// Go's runtime knows its functions without a symbol table: from .gopclntab, which no linker strips. Its format is in
// runtime/symtab.go and cmd/link/internal/ld/pcln.go of Go's source; this is that of 1.18 and later.
const (
	// goMagics of Go 1.18 and 1.19, and of 1.20 and later.
	goMagic118 = 0xfffffff0
	goMagic120 = 0xfffffff1
	// Places in the table's header, in bytes.
	goFunctionCount = 8
	goTextStart     = 24
	goNames         = 32
	goFunctionTable = 64
	goHeader        = 72
	// goModule is the section that has the runtime's moduledata from 1.26 on, where the table has lost its start of the code;
	// where it has the lowest address of a function, and the start of the code.
	goModule       = ".go.module"
	goLowest       = 160
	goModuleText   = 176
	goModuleLength = 184
)

// goSection finds .gopclntab, which position-independent programs of some versions have under another name.
func (f *File) goSection() *elf.Section64 {
	for i := range f.sections {
		name, _ := text(f.names, uint64(f.sections[i].Name))
		if strings.HasSuffix(string(name), ".gopclntab") {
			return &f.sections[i]
		}
	}
	return nil
}

// goFunctions calls visit with the functions of a Go program; with none if it is another's.
func (f *File) goFunctions(visit func([]byte, Symbol) bool) error {
	section := f.goSection()
	if section == nil {
		return nil
	}
	table, err := f.content(section, mostNames)
	if err != nil {
		return err
	}
	if len(table) < goHeader || table[7] != 8 {
		return malformed("%s is not for 64 bits", ".gopclntab")
	}
	if magic := binary.LittleEndian.Uint32(table); magic != goMagic118 && magic != goMagic120 {
		return malformed("the functions of this version of Go (%#x) cannot be told: want 1.18 or later, or a program with symbols", magic)
	}
	word := func(place int) uint64 { return binary.LittleEndian.Uint64(table[place:]) }
	count, names, functions := word(goFunctionCount), word(goNames), word(goFunctionTable)
	if size := uint64(len(table)); names > size || functions > size || count > (size-functions)/8 {
		return malformed(".gopclntab: %d functions at %#x, names at %#x, of %#x bytes", count, functions, names, size)
	}
	return f.goTable(section, table[names:], table[functions:], count, visit)
}

// goTable is pairs of a function's start, from the start of the code, and where more of it is told, from the table's start.
func (f *File) goTable(section *elf.Section64, names, functions []byte, count uint64, visit func([]byte, Symbol) bool) error {
	if count == 0 {
		return nil
	}
	start, err := f.goText(section, uint64(binary.LittleEndian.Uint32(functions)))
	if err != nil {
		return err
	}
	// What follows the last pair is the end of the last function.
	for i := range count {
		pair := functions[i*8:]
		entry, more := binary.LittleEndian.Uint32(pair), uint64(binary.LittleEndian.Uint32(pair[4:]))
		if more+8 > uint64(len(functions)) {
			continue
		}
		name, ok := text(names, uint64(binary.LittleEndian.Uint32(functions[more+4:])))
		if !ok || len(name) == 0 {
			continue
		}
		s := Symbol{Kind: Function, Address: start + uint64(entry)}
		if len(pair) >= 12 {
			if next := binary.LittleEndian.Uint32(pair[8:]); next > entry {
				s.Size = uint64(next - entry)
			}
		}
		if !visit(name, s) {
			return nil
		}
	}
	return nil
}

// goText is the address from which functions are counted. The first function tells whether it is right.
func (f *File) goText(section *elf.Section64, first uint64) (uint64, error) {
	if module := f.section(goModule); module != nil && module.Size >= goModuleLength {
		start, err := f.word(module.Addr + goModuleText)
		if err != nil {
			return 0, err
		}
		lowest, err := f.word(module.Addr + goLowest)
		if err != nil {
			return 0, err
		}
		if start == 0 || lowest != start+first {
			return 0, malformed("where the code of this version of Go begins cannot be told: want a program with symbols")
		}
		return start, nil
	}
	start, err := f.word(section.Addr + goTextStart)
	if err == nil && start == 0 {
		err = malformed("where the code of this Go program begins is not told: want a program with symbols")
	}
	return start, err
}

// Go says whether the program is of Go. A probe on the return of its functions makes it crash: the return address that the
// kernel puts on the stack is lost when Go moves the stack.
func (f *File) Go() bool { return f.goSection() != nil }
