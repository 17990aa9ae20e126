// SPDX-License-Identifier: Apache-2.0

package executable

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// Where says in what kind of segment something is looked for.
type Where uint8

// The kinds.
const (
	// Code is executable: probes are hit there only.
	Code Where = iota
	// Data is not executable.
	Data
	// Anywhere that is loaded.
	Anywhere
)

func (w Where) is(segment *elf.Prog64) bool {
	executable := elf.ProgFlag(segment.Flags)&elf.PF_X != 0
	return elf.ProgType(segment.Type) == elf.PT_LOAD && (w == Anywhere || executable == (w == Code))
}

// String is what the kind is called in messages.
func (w Where) String() string { return [...]string{"code", "data", "what is loaded"}[w] }

// Segments are the parts of a file as it is loaded.
type Segments []elf.Prog64

// Offset is where in the file the byte is that is loaded to an address. Addresses are those of the file, which a program or
// library that is loaded elsewhere has there plus a constant.
func (s Segments) Offset(address uint64, where Where) (uint64, error) {
	for i := range s {
		segment := &s[i]
		if where.is(segment) && address >= segment.Vaddr && address-segment.Vaddr < segment.Filesz {
			return segment.Off + address - segment.Vaddr, nil
		}
	}
	return 0, fmt.Errorf("address %#x is not in the file's %s (%s)", address, where, s.describe(where, func(p *elf.Prog64) uint64 { return p.Vaddr }))
}

// Address is where a byte of the file is loaded: the reverse of Offset.
func (s Segments) Address(offset uint64, where Where) (uint64, error) {
	for i := range s {
		segment := &s[i]
		if where.is(segment) && offset >= segment.Off && offset-segment.Off < segment.Filesz {
			return segment.Vaddr + offset - segment.Off, nil
		}
	}
	return 0, fmt.Errorf("offset %#x is not in the file's %s (%s)", offset, where, s.describe(where, func(p *elf.Prog64) uint64 { return p.Off }))
}

// describe lists segments.
func (s Segments) describe(where Where, start func(*elf.Prog64) uint64) (list string) {
	for i := range s {
		if segment := &s[i]; where.is(segment) {
			if list != "" {
				list += ", "
			}
			if len(list) > 200 {
				return list + "…"
			}
			list += fmt.Sprintf("%#x to %#x", start(segment), start(segment)+segment.Filesz)
		}
	}
	if list == "" {
		return "it has none"
	}
	return list
}

// word reads the 8 bytes that are loaded to an address, before or after relocation: linkers leave an address that is relocated
// at 0, or put there what they put into the relocation.
func (f *File) word(address uint64) (uint64, error) {
	offset, err := f.Offset(address, Anywhere)
	if err != nil {
		return 0, err
	}
	content, err := f.bytes(offset, 8)
	if err != nil {
		return 0, err
	}
	if value := binary.LittleEndian.Uint64(content); value != 0 {
		return value, nil
	}
	return f.relocated(address)
}

// relative are the relocations that put the file's own addresses somewhere, by machine.
var relative = map[elf.Machine]uint64{elf.EM_X86_64: uint64(elf.R_X86_64_RELATIVE), elf.EM_AARCH64: uint64(elf.R_AARCH64_RELATIVE)}

// relocationSize is that of elf.Rela64.
const relocationSize = 24

// relocated is the address that the loader puts at an address, 0 if none.
func (f *File) relocated(address uint64) (uint64, error) {
	kind, known := relative[elf.Machine(f.header.Machine)]
	for i := range f.sections {
		section := &f.sections[i]
		if !known || elf.SectionType(section.Type) != elf.SHT_RELA || elf.SectionFlag(section.Flags)&elf.SHF_ALLOC == 0 {
			continue
		}
		var target uint64
		err := f.entries(section, relocationSize, func(entry []byte) bool {
			found := binary.LittleEndian.Uint64(entry) == address && binary.LittleEndian.Uint64(entry[8:]) == kind
			if found {
				target = binary.LittleEndian.Uint64(entry[16:])
			}
			return !found
		})
		if err != nil || target != 0 {
			return target, err
		}
	}
	return 0, nil
}
