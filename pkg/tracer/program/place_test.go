// SPDX-License-Identifier: Apache-2.0

//go:build linux

package program

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/executable"
)

func functions(t *testing.T, options ...string) string {
	t.Helper()
	return compiled(t, "testdata/functions.c", append([]string{"-O1", "testdata/twin.c"}, options...)...)
}

// hits runs the program, has it work once, and counts how often each place is hit.
func hits(t *testing.T, path string, f *File, places []Place) (counts []uint64) {
	t.Helper()
	var readers []func() uint64
	for _, place := range places {
		values, _ := watch(t, f, place, nil)
		readers = append(readers, func() uint64 { return value(t, values, 0) })
	}
	start(t, path).work("A")
	for _, read := range readers {
		counts = append(counts, read())
	}
	return counts
}

// TestPlacesAreHit: probes at all kinds of places are hit once when the program does its work once.
func TestPlacesAreHit(t *testing.T) {
	for _, options := range [][]string{{}, {"-no-pie", "-fno-pie"}, {"-static"}, {"-Wl,-z,max-page-size=65536"}} {
		path := functions(t, options...)
		address := symbolAddress(t, path, "global_function")
		f := opened(t, &policy.Program{Path: path})
		inner, err := f.Places(&policy.Program{Symbols: []policy.Symbol{{Name: "global_function"}, {Name: "inner_label"}}})
		if err != nil {
			t.Fatal(err)
		}
		distance := inner[1].Offset - inner[0].Offset
		places, err := f.Places(&policy.Program{Symbols: []policy.Symbol{{Name: "global_function"}, {Name: "global_function", Offset: distance},
			{Name: "inner_label"}, {Name: "twin"}, {Name: "main"}}})
		if err != nil {
			t.Fatal(err)
		}
		// twin is two functions.
		if names := placeNames(places); !slices.Equal(names, []string{"global_function", fmt.Sprintf("global_function+%#x", distance), "inner_label", "twin", "twin", "main"}) {
			t.Errorf("%v: %v", options, names)
		}
		byAddress, err := f.Places(&policy.Program{Addresses: []uint64{address}})
		if err != nil {
			t.Fatal(err)
		}
		byOffset, err := f.Places(&policy.Program{Offsets: []uint64{places[0].Offset}})
		if err != nil {
			t.Fatal(err)
		}
		if byAddress[0].Offset != places[0].Offset || byAddress[0].Name != fmt.Sprintf("%#x", address) || byOffset[0].Name != fmt.Sprintf("+%#x", places[0].Offset) {
			t.Errorf("%v: %+v, %+v, %+v", options, places[0], byAddress, byOffset)
		}
		for i, n := range hits(t, path, f, places) {
			if n != 1 {
				t.Errorf("%v: %+v: %d hits", options, places[i], n)
			}
		}
	}
}

func placeNames(places []Place) (names []string) {
	for _, place := range places {
		names = append(names, place.Name)
	}
	return names
}

// symbolAddress is what nm says.
func symbolAddress(t *testing.T, path, name string) uint64 {
	t.Helper()
	for line := range strings.Lines(command(t, "nm", path)) {
		if words := strings.Fields(line); len(words) == 3 && words[2] == name {
			address, err := strconv.ParseUint(words[0], 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			return address
		}
	}
	t.Fatalf("nm: %s has no %s", path, name)
	return 0
}

// TestStrippedGo: functions of Go programs are found without a symbol table, however the program was linked.
func TestStrippedGo(t *testing.T) {
	for _, flags := range [][]string{
		{"-ldflags=-s -w"}, {"-ldflags=-s -w", "-buildmode=pie"}, {},
		{"-ldflags=-s -w -linkmode=external"}, {"-ldflags=-s -w -linkmode=external", "-buildmode=pie"},
	} {
		path := filepath.Join(t.TempDir(), "program")
		// CGO_ENABLED: an external linker is not called without.
		command(t, "env", append(append([]string{"CGO_ENABLED=1", "go", "build", "-o", path}, flags...), "./testdata/golang")...)
		f := opened(t, &policy.Program{Path: path})
		if !f.Go() {
			t.Errorf("%v: not of Go?", flags)
		}
		wanted := &policy.Program{Symbols: []policy.Symbol{{Name: "main.target"}, {Name: "main.(*receiver).method"}}}
		places, err := f.Places(wanted)
		if err != nil || len(places) != 2 {
			t.Errorf("%v: %v, %v", flags, places, err)
			continue
		}
		for i, n := range hits(t, path, f, places) {
			if n != 1 {
				t.Errorf("%v: %+v: %d hits", flags, places[i], n)
			}
		}
		if _, err := f.Places(&policy.Program{Symbols: []policy.Symbol{{Name: "main.targte"}}}); err == nil || !strings.Contains(err.Error(), "did you mean main.target?") {
			t.Error(err)
		}
	}
}

// TestStrippedC: what is left are the exported functions.
func TestStrippedC(t *testing.T) {
	f := opened(t, &policy.Program{Path: "/bin/bash"})
	if places, err := f.Places(&policy.Program{Symbols: []policy.Symbol{{Name: "readline"}, {Name: "main"}, {Name: "_start"}}}); err != nil || len(places) != 3 {
		t.Errorf("%+v, %v", places, err)
	}
	if f.Go() {
		t.Error("bash is of Go?")
	}
}

func TestPlacesThatAreNotThere(t *testing.T) {
	path := functions(t)
	f := opened(t, &policy.Program{Path: path})
	data, err := f.elf.Offset(symbolAddress(t, path, "data_symbol"), executable.Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		program  policy.Program
		noSymbol bool
		want     string
	}{
		{policy.Program{Symbols: []policy.Symbol{{Name: "global_functoin"}}}, true, "global_functoin: no such function; did you mean global_function?"},
		{policy.Program{Symbols: []policy.Symbol{{Name: "data_symbol"}}}, true, "it is data"},
		{policy.Program{Symbols: []policy.Symbol{{Name: "printf"}}}, true, "it is a library's"},
		{policy.Program{Symbols: []policy.Symbol{{Name: "chosen"}}}, true, "IFUNC"},
		{policy.Program{Symbols: []policy.Symbol{{Name: "twin", Offset: 1}}}, false, "2 functions have this name"},
		{policy.Program{Symbols: []policy.Symbol{{Name: "main", Offset: 0x10000}}}, false, "main+0x10000: the function ends after"},
		{policy.Program{Offsets: []uint64{0}}, false, "offset 0x0 is not in the file's code (0x1000 to"},
		{policy.Program{Offsets: []uint64{data}}, false, "is not in the file's code"},
		{policy.Program{Offsets: []uint64{1 << 63}}, false, "is not in the file's code"},
		{policy.Program{Addresses: []uint64{0x10}}, false, "address 0x10 is not in the file's code"},
		{policy.Program{Addresses: []uint64{^uint64(0)}}, false, "is not in the file's code"},
		{policy.Program{Symbols: []policy.Symbol{{Name: "main"}}, RefCtrOffsets: []uint64{0x1000}}, false, "main: counter: offset 0x1000 is not in the file's data"},
	} {
		places, err := f.Places(&test.program)
		if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, ErrNoSymbol) != test.noSymbol || !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("%+v: %v, %v, want %s", test.program, places, err, test.want)
		}
	}
	// All at once.
	_, err = f.Places(&policy.Program{Symbols: []policy.Symbol{{Name: "one_function"}, {Name: "main"}, {Name: "two_functions"}}})
	if err == nil || !strings.Contains(err.Error(), "one_function") || !strings.Contains(err.Error(), "two_functions") {
		t.Error(err)
	}
	places, err := f.Places(&policy.Program{Symbols: []policy.Symbol{{Name: "main"}, {Name: "global_function"}}, RefCtrOffsets: []uint64{0, data}})
	if err != nil || places[0].RefCtrOffset != 0 || places[1].RefCtrOffset != data {
		t.Errorf("%+v, %v", places, err)
	}
}
