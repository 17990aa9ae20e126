// SPDX-License-Identifier: Apache-2.0

//go:build linux

package program

import (
	"errors"
	"fmt"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/executable"
)

// ErrNoSymbol: the program has no function of the name.
var ErrNoSymbol = errors.New("no such function")

// Place is where a probe is put.
type Place struct {
	// Name as the policy has it: symbol, symbol+0x10, +0x1000, 0x401000.
	Name string
	// Offset in the file, and that of the counter that the kernel has to raise while the probe is attached, 0 for none; both in
	// bytes.
	Offset, RefCtrOffset uint64
}

// Places of a uprobe's symbols, offsets and addresses. A name that several functions have, as static ones may, has a place for
// each. Any place that is wrong is an error; all are told at once. The error wraps ErrNoSymbol if a name is unknown.
func (f *File) Places(p *policy.Program) ([]Place, error) {
	places, problems := f.symbols(p)
	n := len(p.Symbols)
	for i, offset := range p.Offsets {
		place, err := f.place(fmt.Sprintf("+%#x", offset), offset, counter(p, n+i))
		places, problems = append(places, place), append(problems, err)
	}
	n += len(p.Offsets)
	for i, address := range p.Addresses {
		name := fmt.Sprintf("%#x", address)
		offset, err := f.elf.Offset(address, executable.Code)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		place, err := f.place(name, offset, counter(p, n+i))
		places, problems = append(places, place), append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return places, nil
}

// counter of the i-th place.
func counter(p *policy.Program, i int) uint64 {
	if i < len(p.RefCtrOffsets) {
		return p.RefCtrOffsets[i]
	}
	return 0
}

// place checks that the kernel will meet the probe and the counter there: it says nothing if not.
func (f *File) place(name string, offset, counter uint64) (Place, error) {
	if _, err := f.elf.Address(offset, executable.Code); err != nil {
		return Place{}, fmt.Errorf("%s: %w", name, err)
	}
	if counter != 0 {
		if _, err := f.elf.Address(counter, executable.Data); err != nil {
			return Place{}, fmt.Errorf("%s: counter: %w", name, err)
		}
	}
	return Place{name, offset, counter}, nil
}

func (f *File) symbols(p *policy.Program) (places []Place, problems []error) {
	if len(p.Symbols) == 0 {
		return nil, nil
	}
	names := make([]string, len(p.Symbols))
	for i, s := range p.Symbols {
		names[i] = s.Name
	}
	found, err := f.elf.Find(names)
	if err != nil {
		return nil, []error{err}
	}
	for i, wanted := range p.Symbols {
		name := wanted.Name
		if wanted.Offset != 0 {
			name = fmt.Sprintf("%s+%#x", name, wanted.Offset)
		}
		functions, err := f.functions(wanted, found[wanted.Name])
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
		for _, function := range functions {
			offset, err := f.elf.Offset(function.Address, executable.Code)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", name, err))
				continue
			}
			place, err := f.place(name, offset+wanted.Offset, counter(p, i))
			places, problems = append(places, place), append(problems, err)
		}
	}
	return places, problems
}

// functions that a probe can be put on; the error says why there are none.
func (f *File) functions(wanted policy.Symbol, found []executable.Symbol) (code []executable.Symbol, err error) {
	for _, s := range found {
		// A label counts where there is no function of the name.
		if s.Kind == executable.Function || s.Kind == executable.Label && len(code) == 0 {
			code = append(code, s)
		}
	}
	switch {
	case len(code) > 1 && wanted.Offset != 0:
		return nil, fmt.Errorf("%d functions have this name: after which of them? Want offsets instead", len(code))
	case len(code) == 0 && len(found) > 0:
		return nil, fmt.Errorf("%w: %s", ErrNoSymbol, notCode[found[0].Kind])
	case len(code) == 0:
		return nil, fmt.Errorf("%w%s", ErrNoSymbol, policy.DidYouMean(wanted.Name, f.functionNames()))
	case code[0].Size > 0 && wanted.Offset >= code[0].Size:
		return nil, fmt.Errorf("the function ends after %#x bytes", code[0].Size)
	}
	return code, nil
}

// notCode says why a symbol that is there is nothing to put a probe on.
var notCode = map[executable.Kind]string{
	executable.Object:   "it is data",
	executable.Imported: "it is a library's: want the path of the library",
	executable.Chosen: "which function it is, is chosen when the program starts (IFUNC); a probe on what chooses is hit once: " +
		"want the function that is chosen",
}

// mostNamesCompared, so that a misspelling in a program with a million functions does not take a minute.
const mostNamesCompared = 50000

func (f *File) functionNames() (names []string) {
	// Who asks has an error to tell already.
	_ = f.elf.Symbols(func(name []byte, s executable.Symbol) bool {
		if s.Kind == executable.Function {
			names = append(names, string(name))
		}
		return len(names) < mostNamesCompared
	})
	return names
}
