// SPDX-License-Identifier: Apache-2.0

//go:build linux

package executable

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func command(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	out, err := exec.Command(name, arguments...).Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("%s %v: %v: %s", name, arguments, err, exit.Stderr)
		}
		t.Fatalf("%s %v: %v", name, arguments, err)
	}
	return string(out)
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	all, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func of(t *testing.T, path string) *File {
	t.Helper()
	all := content(t, path)
	f, err := New(bytes.NewReader(all), int64(len(all)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// goProgram is a program of Go, built with flags. CGO_ENABLED: an external linker is not called without.
func goProgram(t *testing.T, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	command(t, "env", append(append([]string{"CGO_ENABLED=1", "go", "build", "-o", path}, flags...), "../program/testdata/golang")...)
	return path
}

// TestSymbolsAreNMs compares the functions with those that nm lists, in programs and libraries, with symbols and without.
func TestSymbolsAreNMs(t *testing.T) {
	small := filepath.Join(t.TempDir(), "small")
	command(t, "gcc", "-o", small, "../program/testdata/functions.c", "../program/testdata/twin.c")
	libc := strings.TrimSpace(command(t, "gcc", "-print-file-name=libc.so.6"))
	for _, test := range []struct {
		path    string
		dynamic bool
		least   int
	}{{small, false, 5}, {goProgram(t), false, 1000}, {"/bin/bash", true, 500}, {libc, true, 1000}} {
		options := []string{"--without-symbol-versions", test.path}
		if test.dynamic {
			options = append([]string{"-D"}, options...)
		}
		want := map[string]bool{}
		for line := range strings.Lines(command(t, "nm", options...)) {
			// Functions of code: T, t and weak ones; i is IFUNC. Names of Go have blanks. data_start is weak as well.
			words := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 3)
			if len(words) == 3 && words[0] != "" && strings.Contains("TtWi", words[1]) && words[2] != "data_start" {
				want[words[2]+" "+words[0]] = true
			}
		}
		got := map[string]bool{}
		err := of(t, test.path).Symbols(func(name []byte, s Symbol) bool {
			if s.Kind == Function || s.Kind == Label || s.Kind == Chosen {
				got[fmt.Sprintf("%s %016x", name, s.Address)] = true
			}
			return true
		})
		if err != nil {
			t.Error(err)
		}
		for name := range want {
			if !got[name] {
				t.Errorf("%s: %s is missing", test.path, name)
			}
		}
		for name := range got {
			if !want[name] {
				t.Errorf("%s: nm has no %s", test.path, name)
			}
		}
		if len(want) < test.least {
			t.Errorf("%s: nm lists %d functions", test.path, len(want))
		}
	}
}

// TestGoFunctions compares what a stripped program tells with the symbols of the same program before.
func TestGoFunctions(t *testing.T) {
	for _, flags := range [][]string{{}, {"-buildmode=pie"}, {"-ldflags=-linkmode=external"}, {"-ldflags=-linkmode=external", "-buildmode=pie"}} {
		full := goProgram(t, flags...)
		stripped := full + ".stripped"
		command(t, "strip", "-o", stripped, full)
		symbols := map[uint64]Symbol{}
		if err := of(t, full).Symbols(func(name []byte, s Symbol) bool {
			if s.Kind == Function {
				s.Name = string(name)
				symbols[s.Address] = s
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
		functions, sized := 0, 0
		if err := of(t, stripped).goFunctions(func(name []byte, s Symbol) bool {
			want := symbols[s.Address]
			// Both versions of a function that has one for assembler are called by its name here.
			plain := strings.TrimSuffix(strings.TrimSuffix(want.Name, ".abi0"), ".abiinternal")
			if functions++; strings.ReplaceAll(string(name), "·", ".") != plain {
				t.Errorf("%v: at %#x is %s, want %s", flags, s.Address, name, plain)
			}
			if s.Size >= want.Size && s.Size < want.Size+64 {
				sized++
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
		if functions < 1000 || sized < functions*9/10 {
			t.Errorf("%v: %d functions, %d of their sizes are right", flags, functions, sized)
		}
	}
}

// TestRelocatedStart: linkers may leave out of the file what the loader puts there.
func TestRelocatedStart(t *testing.T) {
	path := goProgram(t, "-ldflags=-s -w", "-buildmode=pie")
	all := content(t, path)
	f := of(t, path)
	module := f.section(goModule)
	if module == nil {
		t.Fatal("no section " + goModule)
	}
	want, err := f.Find([]string{"main.target"})
	if err != nil || len(want["main.target"]) != 1 {
		t.Fatal(want, err)
	}
	for _, place := range []uint64{goLowest, goModuleText} {
		copy(all[module.Off+place:], make([]byte, 8))
	}
	if f, err = New(bytes.NewReader(all), int64(len(all))); err != nil {
		t.Fatal(err)
	}
	got, err := f.Find([]string{"main.target"})
	if err != nil || !slices.Equal(got["main.target"], want["main.target"]) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	// A start that the first function contradicts is none.
	binary.LittleEndian.PutUint64(all[module.Off+goModuleText:], 0x402000)
	if got, err := f.Find([]string{"main.target"}); !errors.Is(err, ErrFormat) {
		t.Errorf("%v, %v", got, err)
	}
}

// TestOldGo: Go 1.18 to 1.25 have the start of the code in the table, and no section of the module.
func TestOldGo(t *testing.T) {
	path := goProgram(t, "-ldflags=-s -w")
	all := content(t, path)
	f := of(t, path)
	want, err := f.Find([]string{"main.target"})
	if err != nil {
		t.Fatal(err)
	}
	table := f.goSection()
	text := f.section(".text").Addr
	copy(all[bytes.Index(all, []byte("\x00.go.module\x00"))+1:], ".xx.module")
	if f, err = New(bytes.NewReader(all), int64(len(all))); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Find([]string{"main.target"}); !errors.Is(err, ErrFormat) {
		t.Errorf("without a start: %v, %v", got, err)
	}
	binary.LittleEndian.PutUint64(all[table.Off+goTextStart:], text)
	for _, magic := range []uint32{goMagic118, goMagic120} {
		binary.LittleEndian.PutUint32(all[table.Off:], magic)
		if got, err := f.Find([]string{"main.target"}); err != nil || !slices.Equal(got["main.target"], want["main.target"]) {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
	binary.LittleEndian.PutUint32(all[table.Off:], 0xfffffffa)
	if got, err := f.Find([]string{"main.target"}); err == nil || !strings.Contains(err.Error(), "1.18 or later") {
		t.Errorf("%v, %v", got, err)
	}
}

// TestOffsets compares with the segments as debug/elf has them, whose file is trusted here.
func TestOffsets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	command(t, "gcc", "-Wl,-z,max-page-size=65536", "-o", path, "../program/testdata/functions.c", "../program/testdata/twin.c")
	f := of(t, path)
	trusted, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer trusted.Close()
	loaded := 0
	for _, segment := range trusted.Progs {
		if segment.Type != elf.PT_LOAD {
			continue
		}
		loaded++
		where, other := Data, Code
		if segment.Flags&elf.PF_X != 0 {
			where, other = Code, Data
		}
		for _, distance := range []uint64{0, segment.Filesz / 2, segment.Filesz - 1} {
			for _, where := range []Where{where, Anywhere} {
				offset, err := f.Offset(segment.Vaddr+distance, where)
				if err != nil || offset != segment.Off+distance {
					t.Errorf("%#x: %#x, %v", segment.Vaddr+distance, offset, err)
				}
				if address, err := f.Address(offset, where); err != nil || address != segment.Vaddr+distance {
					t.Errorf("%#x: %#x, %v", offset, address, err)
				}
			}
			if offset, err := f.Offset(segment.Vaddr+distance, other); err == nil {
				t.Errorf("%#x is %s: %#x", segment.Vaddr+distance, other, offset)
			}
		}
		// Memory that is no part of the file has no place there.
		if offset, err := f.Offset(segment.Vaddr+segment.Filesz, where); err == nil {
			t.Errorf("%#x", offset)
		}
	}
	if loaded < 2 {
		t.Errorf("%d segments", loaded)
	}
	if f.Architecture() == "" {
		t.Error("no architecture")
	}
}

func TestBuildID(t *testing.T) {
	for _, path := range []string{"/bin/bash", "/bin/ls"} {
		_, id, _ := strings.Cut(command(t, "readelf", "-n", path), "Build ID: ")
		want := strings.Fields(id)[0]
		if got, err := of(t, path).BuildID(); err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s: %x, %v, want %s", path, got, err, want)
		}
	}
	if got, err := of(t, goProgram(t, "-ldflags=-B none")).BuildID(); err != nil || got != nil {
		t.Errorf("%x, %v", got, err)
	}
}

// TestMalformed changes one thing of a good file each.
func TestMalformed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "small")
	command(t, "gcc", "-nostdlib", "-static", "-Wl,-z,noseparate-code", "-Wl,--build-id", "-o", path, "../program/testdata/small.c")
	good := content(t, path)
	header := func(place int, value uint64, size int) func([]byte) {
		return func(b []byte) { copy(b[place:place+size], binary.LittleEndian.AppendUint64(nil, value)) }
	}
	section := func(kind elf.SectionType, place int, value uint64, size int) func([]byte) {
		return func(b []byte) {
			var h elf.Header64
			binary.Read(bytes.NewReader(b), binary.LittleEndian, &h)
			for i := range int(h.Shnum) {
				s := b[h.Shoff+uint64(i)*64:]
				if elf.SectionType(binary.LittleEndian.Uint32(s[4:])) == kind && i != int(h.Shstrndx) {
					copy(s[place:place+size], binary.LittleEndian.AppendUint64(nil, value))
				}
			}
		}
	}
	for name, change := range map[string]func([]byte){
		"magic":                    header(0, 0, 4),
		"32 bits":                  header(4, 1, 1),
		"big-endian":               header(5, 2, 1),
		"object file":              header(16, 1, 2),
		"core":                     header(16, 4, 2),
		"segments behind the file": header(32, 1<<40, 8),
		"segments at the end":      header(32, ^uint64(0), 8),
		"segments of 1 byte":       header(54, 1, 2),
		"65535 segments":           header(56, 65535, 2),
		"sections behind the file": header(40, 1<<40, 8),
		"sections of 1 byte":       header(58, 1, 2),
		"65535 sections":           header(60, 65535, 2),
		"names in section 65535":   header(62, 65535, 2),
		"symbols behind the file":  section(elf.SHT_SYMTAB, 24, 1<<40, 8),
		"symbols of 1 TiB":         section(elf.SHT_SYMTAB, 32, 1<<40, 8),
		"symbols to the end":       section(elf.SHT_SYMTAB, 32, ^uint64(0), 8),
		"compressed symbols":       section(elf.SHT_SYMTAB, 8, uint64(elf.SHF_COMPRESSED), 8),
		"names of symbols nowhere": section(elf.SHT_SYMTAB, 40, 65535, 4),
		"names of 1 TiB":           section(elf.SHT_STRTAB, 32, 1<<40, 8),
		"compressed names":         section(elf.SHT_STRTAB, 8, uint64(elf.SHF_COMPRESSED), 8),
		"notes of 1 TiB":           section(elf.SHT_NOTE, 32, 1<<40, 8),
		"notes that overlap":       section(elf.SHT_NOTE, 32, 20, 8),
	} {
		bad := bytes.Clone(good)
		change(bad)
		f, err := New(bytes.NewReader(bad), int64(len(bad)))
		if err == nil {
			if _, err = f.Find([]string{"watched"}); err == nil {
				err = f.Notes(".note.stapsdt", func(Note) bool { return true })
			}
		}
		if !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A file that ends anywhere.
	for end := range good {
		f, err := New(bytes.NewReader(good[:end]), int64(end))
		if err == nil {
			_, err = f.Find([]string{"watched"})
		}
		if err == nil && end < int(binary.LittleEndian.Uint64(good[40:])) {
			t.Errorf("%d bytes are enough?", end)
		}
	}
	// A file that became shorter.
	if _, err := New(bytes.NewReader(good[:200]), int64(len(good))); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
}

// zeros is a sparse file: it has what begins it, and no end.
type zeros []byte

func (z zeros) ReadAt(to []byte, at int64) (int, error) {
	clear(to)
	if at < int64(len(z)) {
		copy(to, z[at:])
	}
	return len(to), nil
}

// TestLimits: what a file claims to have is not taken into memory, although it has it.
func TestLimits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "small")
	command(t, "gcc", "-nostdlib", "-static", "-Wl,-z,noseparate-code", "-Wl,--build-id", "-o", path, "../program/testdata/small.c")
	good := content(t, path)
	for name, change := range map[string]func(*File){
		"symbols": func(f *File) { f.section(".symtab").Size = mostTable + 1 },
		"names":   func(f *File) { f.section(".strtab").Size = mostNames + 1 },
		"notes":   func(f *File) { f.section(".note.stapsdt").Size = mostNotes + 1 },
		"segment": func(f *File) {
			for i := range f.Segments {
				f.Segments[i].Filesz = mostNotes + 1
			}
		},
	} {
		f, err := New(zeros(good), 1<<50)
		if err != nil {
			t.Fatal(err)
		}
		change(f)
		_, findErr := f.Find([]string{"watched"})
		_, idErr := f.BuildID()
		notesErr := f.Notes(".note.stapsdt", func(Note) bool { return true })
		if err := errors.Join(findErr, idErr, notesErr); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "at most") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFind: one symbol of an address, functions first; a name without an end is none.
func TestFind(t *testing.T) {
	var all []Symbol
	for i := range 2 * mostOfOneName {
		all = insert(all, Symbol{Kind: Object, Address: uint64(i)})
	}
	if len(all) != mostOfOneName {
		t.Errorf("%d", len(all))
	}
	all = nil
	for _, s := range []Symbol{{Kind: Label, Address: 1}, {Kind: Object, Address: 2}, {Kind: Function, Address: 1}, {Kind: Function, Address: 3}} {
		all = insert(all, s)
	}
	if want := []Symbol{{Kind: Function, Address: 1}, {Kind: Function, Address: 3}, {Kind: Object, Address: 2}}; !slices.Equal(all, want) {
		t.Errorf("%v, want %v", all, want)
	}
	table := append([]byte("ok\x00"), bytes.Repeat([]byte("x"), longestName+10)...)
	for offset, want := range map[uint64]string{0: "ok", 2: ""} {
		if got, ok := text(table, offset); !ok || string(got) != want {
			t.Errorf("%q, %t", got, ok)
		}
	}
	for _, offset := range []uint64{3, uint64(len(table)), ^uint64(0)} {
		if got, ok := text(table, offset); ok {
			t.Errorf("%d: %q", offset, got)
		}
	}
}
