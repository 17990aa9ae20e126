// SPDX-License-Identifier: Apache-2.0

package executable

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// ErrFormat: it is no ELF file, or one that contradicts itself, or one beyond the limits.
var ErrFormat = errors.New("not an ELF file that can be read")

func malformed(format string, values ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, values...))
}

// File is an ELF file, of which the headers were read.
type File struct {
	Segments
	reader   io.ReaderAt
	size     int64
	header   elf.Header64
	sections []elf.Section64
	// names of the sections.
	names []byte
}

// New reads the headers of a file of size bytes. The error wraps ErrFormat, or is the reader's.
func New(reader io.ReaderAt, size int64) (*File, error) {
	f := &File{reader: reader, size: size}
	if err := f.read(0, &f.header); err != nil {
		return nil, err
	}
	h := &f.header
	switch {
	case string(h.Ident[:4]) != elf.ELFMAG:
		return nil, malformed("it does not begin as one")
	case elf.Class(h.Ident[elf.EI_CLASS]) != elf.ELFCLASS64 || elf.Data(h.Ident[elf.EI_DATA]) != elf.ELFDATA2LSB:
		return nil, malformed("want 64 bits and little-endian, it is %v and %v", elf.Class(h.Ident[elf.EI_CLASS]), elf.Data(h.Ident[elf.EI_DATA]))
	case elf.Type(h.Type) != elf.ET_EXEC && elf.Type(h.Type) != elf.ET_DYN:
		return nil, malformed("want a program or a shared library, it is of type %v", elf.Type(h.Type))
	}
	if err := f.readSegments(); err != nil {
		return nil, err
	}
	return f, f.readSections()
}

// Architecture as Go spells it: amd64 or arm64; empty for another.
func (f *File) Architecture() string {
	switch elf.Machine(f.header.Machine) {
	case elf.EM_X86_64:
		return "amd64"
	case elf.EM_AARCH64:
		return "arm64"
	}
	return ""
}

// read fills a structure with what is at an offset.
func (f *File) read(offset int64, into any) error {
	content, err := f.bytes(uint64(offset), uint64(binary.Size(into)))
	if err != nil {
		return err
	}
	return binary.Read(bytes.NewReader(content), binary.LittleEndian, into)
}

// bytes are size bytes at an offset; the caller bounds the size.
func (f *File) bytes(offset, size uint64) ([]byte, error) {
	if offset > math.MaxInt64 || size > math.MaxInt64 || offset > uint64(f.size) || size > uint64(f.size)-offset {
		return nil, malformed("%d bytes at %#x of %d", size, offset, f.size)
	}
	content := make([]byte, size)
	if _, err := f.reader.ReadAt(content, int64(offset)); err != nil && !(errors.Is(err, io.EOF) && size == 0) {
		if errors.Is(err, io.EOF) {
			return nil, malformed("it became shorter")
		}
		return nil, err
	}
	return content, nil
}

func (f *File) readSegments() error {
	n := int(f.header.Phnum)
	if n > mostSegments {
		return malformed("%d segments, at most %d are read", n, mostSegments)
	}
	if n > 0 && int(f.header.Phentsize) != binary.Size(elf.Prog64{}) {
		return malformed("segments of %d bytes", f.header.Phentsize)
	}
	f.Segments = make(Segments, n)
	return f.read(int64(f.header.Phoff), []elf.Prog64(f.Segments))
}

// readSections does without them where there are none: programs run without.
func (f *File) readSections() error {
	n := int(f.header.Shnum)
	if n == 0 || f.header.Shoff == 0 {
		return nil
	}
	// The number has 16 bits; more are told in another way, which nothing that runs needs.
	if n > mostSections || int(f.header.Shentsize) != binary.Size(elf.Section64{}) {
		return malformed("%d sections of %d bytes", n, f.header.Shentsize)
	}
	f.sections = make([]elf.Section64, n)
	if err := f.read(int64(f.header.Shoff), f.sections); err != nil {
		return err
	}
	if int(f.header.Shstrndx) >= n {
		return malformed("the names of the sections are in section %d of %d", f.header.Shstrndx, n)
	}
	var err error
	f.names, err = f.content(&f.sections[f.header.Shstrndx], mostSectionNames)
	return err
}

// section finds one by its name; nil if there is none.
func (f *File) section(name string) *elf.Section64 {
	for i := range f.sections {
		if found, ok := text(f.names, uint64(f.sections[i].Name)); ok && string(found) == name {
			return &f.sections[i]
		}
	}
	return nil
}

// content of a section in the file, at most so many bytes.
func (f *File) content(section *elf.Section64, most uint64) ([]byte, error) {
	switch {
	case elf.SectionType(section.Type) == elf.SHT_NOBITS:
		return nil, nil
	case elf.SectionFlag(section.Flags)&elf.SHF_COMPRESSED != 0:
		return nil, malformed("a section that is needed is compressed")
	case section.Size > most:
		return nil, malformed("a section has %d bytes, at most %d are read", section.Size, most)
	}
	return f.bytes(section.Off, section.Size)
}

// entries calls visit with every entry of a table, until it returns false; the table is not held in memory.
func (f *File) entries(section *elf.Section64, size int, visit func(entry []byte) bool) error {
	switch {
	case elf.SectionType(section.Type) == elf.SHT_NOBITS:
		return nil
	case elf.SectionFlag(section.Flags)&elf.SHF_COMPRESSED != 0:
		return malformed("a table that is needed is compressed")
	case section.Size > mostTable:
		return malformed("a table has %d bytes, at most %d are read", section.Size, mostTable)
	}
	whole := uint64(size) << 12
	for done := uint64(0); done < section.Size; done += whole {
		content, err := f.bytes(section.Off+done, min(whole, section.Size-done))
		if err != nil {
			return err
		}
		for ; len(content) >= size; content = content[size:] {
			if !visit(content[:size]) {
				return nil
			}
		}
	}
	return nil
}

// text is what begins in a table of strings at an offset and ends at the next NUL.
func text(table []byte, offset uint64) ([]byte, bool) {
	if offset >= uint64(len(table)) {
		return nil, false
	}
	rest := table[offset:]
	if len(rest) > longestName {
		rest = rest[:longestName]
	}
	end := bytes.IndexByte(rest, 0)
	if end < 0 {
		return nil, false
	}
	return rest[:end], true
}
