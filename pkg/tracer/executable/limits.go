// SPDX-License-Identifier: Apache-2.0

package executable

// Limits in bytes, of counts in entries. For comparison: libLLVM, a library of 110 MB, has symbols of 1 MiB with names of 3 MiB,
// the go command .gopclntab of 5 MiB.
const (
	mostSections = 1 << 16
	mostSegments = 1 << 12
	// mostSectionNames is the size of the names of sections.
	mostSectionNames = 1 << 20
	// mostTable is the size of a symbol table and of relocations, which are not held in memory.
	mostTable = 256 << 20
	// mostNames is the size of the names of symbols, and of .gopclntab: they are held in memory while they are searched.
	mostNames = 64 << 20
	// mostNotes is the size of a section or segment of notes.
	mostNotes = 16 << 20
	// longestName of a symbol. C++ and Rust have names of some KiB.
	longestName = 64 << 10
)
