// SPDX-License-Identifier: Apache-2.0

package executable

import (
	"debug/elf"
	"encoding/binary"
)

// Note is an entry of a note section or segment.
type Note struct {
	Name        string
	Type        uint32
	Description []byte
}

// notes calls visit with every note until it returns false. align is 4, or 8 as a few linkers have it.
func notes(content []byte, align uint64, visit func(Note) bool) error {
	const header = 12
	padded := func(n uint64) uint64 { return (n + align - 1) &^ (align - 1) }
	for len(content) >= header {
		name, description := uint64(binary.LittleEndian.Uint32(content)), uint64(binary.LittleEndian.Uint32(content[4:]))
		note := Note{Type: binary.LittleEndian.Uint32(content[8:])}
		start := padded(header + name)
		if start+description > uint64(len(content)) {
			return malformed("a note of %d bytes at %d bytes", start+description, len(content))
		}
		note.Name = string(content[header : header+name])
		note.Description = content[start : start+description]
		if !visit(note) {
			return nil
		}
		content = content[min(padded(start+description), uint64(len(content))):]
	}
	return nil
}

// Notes of a section, in order; none if there is no such section.
func (f *File) Notes(section string, visit func(Note) bool) error {
	found := f.section(section)
	if found == nil {
		return nil
	}
	content, err := f.content(found, mostNotes)
	if err != nil {
		return err
	}
	return notes(content, 4, visit)
}

// SectionAddress is where a section is loaded.
func (f *File) SectionAddress(name string) (address uint64, ok bool) {
	if section := f.section(name); section != nil {
		return section.Addr, true
	}
	return 0, false
}

// buildIDType is NT_GNU_BUILD_ID.
const buildIDType = 3

// LongestBuildID is BUILD_ID_SIZE_MAX, include/linux/buildid.h, in bytes: the kernel takes nothing longer for a build id.
const LongestBuildID = 20

// BuildID is what the linker noted about the file, in most cases a sum of its content; nil if it has none. It is looked up
// where the kernel does: in the segments of notes.
func (f *File) BuildID() (id []byte, err error) {
	for i := range f.Segments {
		segment := &f.Segments[i]
		if elf.ProgType(segment.Type) != elf.PT_NOTE || id != nil {
			continue
		}
		if segment.Filesz > mostNotes {
			return nil, malformed("notes of %d bytes, at most %d are read", segment.Filesz, mostNotes)
		}
		content, err := f.bytes(segment.Off, segment.Filesz)
		if err != nil {
			return nil, err
		}
		align := uint64(4)
		if segment.Align == 8 {
			align = 8
		}
		err = notes(content, align, func(n Note) bool {
			if n.Name == "GNU\x00" && n.Type == buildIDType {
				id = n.Description
			}
			return id == nil
		})
		if err != nil {
			return nil, err
		}
	}
	return id, nil
}
