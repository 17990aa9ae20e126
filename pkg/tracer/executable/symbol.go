// SPDX-License-Identifier: Apache-2.0

package executable

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// Kind of a symbol, as far as it matters for probes.
type Kind uint8

// The kinds.
const (
	// Function is code that is called by this name.
	Function Kind = iota
	// Label is an address in code without a type, as assembler has them.
	Label
	// Object is data.
	Object
	// Chosen is a function that chooses, when the program starts, which other one is called by this name (IFUNC).
	Chosen
	// Imported is a function of a library.
	Imported
)

// Symbol of the file's tables. Address is the file's, see File.Offset; Size in bytes, 0 if unknown.
type Symbol struct {
	Name          string
	Kind          Kind
	Address, Size uint64
}

// Symbols calls visit with every symbol of .symtab and .dynsym, in the order of the tables, until it returns false. A program
// of Go without .symtab has the functions of .gopclntab. Names are without their version (memcpy@GLIBC_2.14): the name is
// only valid until visit returns.
func (f *File) Symbols(visit func(name []byte, s Symbol) bool) error {
	complete, more := false, true
	for _, table := range []elf.SectionType{elf.SHT_SYMTAB, elf.SHT_DYNSYM} {
		for i := range f.sections {
			if section := &f.sections[i]; more && elf.SectionType(section.Type) == table {
				complete = complete || table == elf.SHT_SYMTAB
				err := f.table(section, func(name []byte, s Symbol) bool {
					more = visit(name, s)
					return more
				})
				if err != nil {
					return err
				}
			}
		}
	}
	if complete || !more {
		return nil
	}
	return f.goFunctions(visit)
}

// symbolSize is that of elf.Sym64.
const symbolSize = 24

// table calls visit with the symbols of a section.
func (f *File) table(section *elf.Section64, visit func([]byte, Symbol) bool) error {
	if int(section.Link) >= len(f.sections) {
		return malformed("the names of symbols are in section %d of %d", section.Link, len(f.sections))
	}
	names, err := f.content(&f.sections[section.Link], mostNames)
	if err != nil {
		return err
	}
	return f.entries(section, symbolSize, func(entry []byte) bool {
		name, ok := text(names, uint64(binary.LittleEndian.Uint32(entry)))
		if !ok || len(name) == 0 {
			return true
		}
		kind, ok := f.kind(elf.ST_TYPE(entry[4]), elf.SectionIndex(binary.LittleEndian.Uint16(entry[6:])))
		if !ok {
			return true
		}
		if at := bytes.IndexByte(name, '@'); at > 0 {
			name = name[:at]
		}
		return visit(name, Symbol{Kind: kind, Address: binary.LittleEndian.Uint64(entry[8:]), Size: binary.LittleEndian.Uint64(entry[16:])})
	})
}

func (f *File) kind(t elf.SymType, section elf.SectionIndex) (Kind, bool) {
	switch {
	case section == elf.SHN_UNDEF:
		return Imported, t == elf.STT_FUNC || t == elf.STT_NOTYPE
	case t == elf.STT_FUNC:
		return Function, true
	case t == elf.STT_GNU_IFUNC:
		return Chosen, true
	case t == elf.STT_OBJECT:
		return Object, true
	case t == elf.STT_NOTYPE && int(section) < len(f.sections):
		// Marks of where code and data begin on arm64 ($x, $d) are in the same form; they name nothing.
		return Label, elf.SectionFlag(f.sections[section].Flags)&elf.SHF_EXECINSTR != 0
	}
	return 0, false
}

// Find looks several names up in one pass: all symbols with the name, at each address one, functions first.
func (f *File) Find(names []string) (map[string][]Symbol, error) {
	wanted := make(map[string]bool, len(names))
	for _, name := range names {
		wanted[name] = true
	}
	found := map[string][]Symbol{}
	err := f.Symbols(func(name []byte, s Symbol) bool {
		if wanted[string(name)] {
			s.Name = string(name)
			found[s.Name] = insert(found[s.Name], s)
		}
		return true
	})
	return found, err
}

// insert keeps one symbol of an address, that of the lowest kind, and the kinds in order.
func insert(all []Symbol, s Symbol) []Symbol {
	for i := range all {
		if all[i].Address == s.Address {
			if s.Kind < all[i].Kind {
				all[i] = s
			}
			return all
		}
	}
	// A file may have any number of symbols of one name.
	if len(all) < mostOfOneName {
		all = append(all, s)
	}
	for i := len(all) - 1; i > 0 && all[i].Kind < all[i-1].Kind; i-- {
		all[i], all[i-1] = all[i-1], all[i]
	}
	return all
}

// mostOfOneName: C++ and C have static functions of one name, a few at most.
const mostOfOneName = 64
