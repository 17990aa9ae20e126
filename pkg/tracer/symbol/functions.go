// SPDX-License-Identifier: Apache-2.0

package symbol

import (
	"io"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/executable"
)

// mostFunctions of a file, so that one file does not fill the memory; libLLVM has 30000.
const mostFunctions = 1 << 20

// functions of an ELF file.
type functions struct {
	table
	// segments are missing if the file cannot be read.
	segments executable.Segments
}

// bytes of memory that they take.
func (f *functions) bytes() int {
	const each = 56
	return f.table.bytes() + len(f.segments)*each
}

// readFunctions of a file that is not trusted. Without a table of symbols that can be read there are none.
func readFunctions(file io.ReaderAt, size int64) *functions {
	parsed, err := executable.New(file, size)
	if err != nil {
		return &functions{}
	}
	f := &functions{segments: parsed.Segments}
	err = parsed.Symbols(func(name []byte, s executable.Symbol) bool {
		if s.Kind == executable.Function || s.Kind == executable.Chosen {
			f.add(name, s.Address, s.Size)
		}
		return len(f.functions) < mostFunctions && len(f.names) < mostBytes/2
	})
	if err != nil {
		f.table = table{}
	}
	f.sort()
	return f
}

// name fills in what is known of the byte at an offset in the file; after is added to how far it is from a function's start.
func (f *functions) name(frame *event.StackTraceEntry, offset, after uint64) {
	address, err := f.segments.Address(offset, executable.Code)
	if err != nil {
		return
	}
	frame.Offset = address + after
	if name, distance, ok := f.find(address); ok {
		frame.Symbol, frame.Offset = name, distance+after
	}
}
