// SPDX-License-Identifier: Apache-2.0

//go:build linux

package program

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/executable"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

// builds of the test program: arguments lie elsewhere in each.
var builds = [][]string{{"-O2"}, {"-O0"}, {"-O2", "-no-pie", "-fno-pie"}, {"-O2", "-static"}, {"-O2", "-Wl,-z,separate-code", "-Wl,-z,max-page-size=65536"}}

// TestArgumentsOfProbes reads all arguments in the kernel, as their locations say, while the program runs.
func TestArgumentsOfProbes(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Fatal("testdata/usdt.c has the notes of amd64: those of arm64 are tested as text only")
	}
	for _, options := range builds {
		t.Run(strings.Join(options, " "), func(t *testing.T) {
			path := compiled(t, "testdata/usdt.c", options...)
			f := opened(t, &policy.Program{Path: path})
			probes, err := f.Probes("test", "kinds")
			if err != nil || len(probes) != 1 {
				t.Fatalf("%+v, %v", probes, err)
			}
			arguments := probes[0].Arguments
			if len(arguments) != 12 {
				t.Fatalf("%+v", arguments)
			}
			for i, want := range map[int]string{10: "floating-point", 11: "stripped"} {
				if err := arguments[i].Err; err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v", arguments[i].Text, err)
				}
			}
			readable := arguments[:10]
			values, _ := watch(t, f, probes[0].Place, func(values *ebpf.Map) (code asm.Instructions) {
				for i, argument := range readable {
					if argument.Err != nil {
						t.Fatal(argument.Err)
					}
					code = append(code, store(values, int64(i+1), argument.Location)...)
				}
				return code
			})
			program := start(t, path)
			said := strings.Fields(program.line())
			program.work("A")
			if n := value(t, values, 0); n != 1 {
				t.Fatalf("%d hits", n)
			}
			for i, argument := range readable {
				got := extended(value(t, values, uint32(i+1)), argument.Location)
				if got != said[i] {
					t.Errorf("%s (%+v): %s, the program says %s", argument.Text, argument.Location, got, said[i])
				}
			}
		})
	}
}

// extended is a value as the note's size and sign have it.
func extended(read uint64, l Location) string {
	if l.Kind == Constant {
		return fmt.Sprint(l.Value)
	}
	shift := 64 - l.Size*8
	if l.Signed {
		return fmt.Sprint(int64(read<<shift) >> shift)
	}
	return fmt.Sprint(read << shift >> shift)
}

// store reads what is at a location into an element of the map.
func store(values *ebpf.Map, index int64, l Location) asm.Instructions {
	label := func(what string) string { return fmt.Sprintf("%s%d", what, index) }
	// Registers are read to the stack, and from there into R7 and R8.
	register := func(to asm.Register, r layout.Register) asm.Instructions {
		if r.Size == 0 {
			return asm.Instructions{asm.Mov.Imm(to, 0)}
		}
		return asm.Instructions{
			asm.Mov.Imm(asm.R1, 0), asm.StoreMem(asm.RFP, -16, asm.R1, asm.DWord),
			asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, -16), asm.Mov.Imm(asm.R2, int32(r.Size)),
			asm.Mov.Reg(asm.R3, asm.R6), asm.Add.Imm(asm.R3, int32(r.Offset)),
			asm.FnProbeReadKernel.Call(),
			asm.LoadMem(to, asm.RFP, -16, asm.DWord),
		}
	}
	var code asm.Instructions
	switch l.Kind {
	case Constant:
		code = asm.Instructions{asm.LoadImm(asm.R7, l.Value, asm.DWord)}
	case InRegister:
		code = register(asm.R7, l.Register)
	case InMemory:
		code = append(register(asm.R8, l.Index), asm.Mul.Imm(asm.R8, int32(l.Scale)))
		code = append(code, register(asm.R7, l.Register)...)
		code = append(code, asm.Add.Reg(asm.R7, asm.R8), asm.LoadImm(asm.R8, l.Displacement, asm.DWord), asm.Add.Reg(asm.R7, asm.R8),
			asm.Mov.Imm(asm.R1, 0), asm.StoreMem(asm.RFP, -16, asm.R1, asm.DWord),
			asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, -16), asm.Mov.Imm(asm.R2, int32(l.Size)), asm.Mov.Reg(asm.R3, asm.R7),
			asm.FnProbeReadUser.Call(),
			asm.LoadMem(asm.R7, asm.RFP, -16, asm.DWord))
	}
	return append(code,
		asm.StoreImm(asm.RFP, -4, index, asm.Word),
		asm.LoadMapPtr(asm.R1, values.FD()), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, label("next")),
		asm.StoreMem(asm.R0, 0, asm.R7, asm.DWord),
		asm.Mov.Imm(asm.R0, 0).WithSymbol(label("next")))
}

func TestInstancesOfProbes(t *testing.T) {
	for _, options := range builds {
		path := compiled(t, "testdata/usdt.c", options...)
		f := opened(t, &policy.Program{Path: path})
		probes, err := f.Probes("test", "twice")
		if err != nil || len(probes) != 2 {
			t.Errorf("%v: %+v, %v", options, probes, err)
			continue
		}
		program := start(t, path)
		program.line()
		for i, want := range []string{"-1", "65"} {
			argument := probes[i].Arguments[0]
			values, _ := watch(t, f, probes[i].Place, func(values *ebpf.Map) asm.Instructions { return store(values, 1, argument.Location) })
			program.work("A")
			if got := extended(value(t, values, 1), argument.Location); got != want || value(t, values, 0) != 1 {
				t.Errorf("%v: %s: %s, %d hits, want %s", options, argument.Text, got, value(t, values, 0), want)
			}
		}
	}
}

// TestCounters: the program sees that it is watched, for as long as it is.
func TestCounters(t *testing.T) {
	for _, options := range builds {
		path := compiled(t, "testdata/usdt.c", options...)
		f := opened(t, &policy.Program{Path: path})
		probes, err := f.Probes("test", "counted")
		if err != nil || len(probes) != 1 || probes[0].RefCtrOffset == 0 || len(probes[0].Arguments) != 0 {
			t.Errorf("%v: %+v, %v", options, probes, err)
			continue
		}
		program := start(t, path)
		program.line()
		before := program.work("A")
		values, attached := watch(t, f, probes[0].Place, nil)
		during := program.work("A")
		if err := attached.Close(); err != nil {
			t.Fatal(err)
		}
		if after := program.work("A"); before != "0" || during != "1" || after != "0" || value(t, values, 0) != 1 {
			t.Errorf("%v: the counter was %s, %s, %s; %d hits", options, before, during, after, value(t, values, 0))
		}
	}
}

// TestMoved: notes of a file that was moved, as prelink does, have the addresses from before.
func TestMoved(t *testing.T) {
	path := compiled(t, "testdata/usdt.c", "-O2")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const distance = 0x100000
	notes := 0
	for at := 0; ; notes++ {
		next := bytes.Index(content[at:], []byte(noteName))
		if next < 0 {
			break
		}
		at += next + len(noteName)
		for i := range 3 {
			if word := content[at+8*i:]; binary.LittleEndian.Uint64(word) != 0 && binary.LittleEndian.Uint64(word) < distance {
				binary.LittleEndian.PutUint64(word, binary.LittleEndian.Uint64(word)-distance)
			}
		}
	}
	if notes < 4 {
		t.Fatalf("%d notes", notes)
	}
	moved := path + ".moved"
	if err := os.WriteFile(moved, content, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"counted", "kinds", "twice"} {
		before, err := opened(t, &policy.Program{Path: path}).Probes("test", name)
		if err != nil {
			t.Fatal(err)
		}
		after, err := opened(t, &policy.Program{Path: moved}).Probes("test", name)
		if err != nil || len(after) != len(before) {
			t.Fatalf("%+v, %v", after, err)
		}
		for i := range after {
			if after[i].Place != before[i].Place {
				t.Errorf("%+v, before %+v", after[i].Place, before[i].Place)
			}
		}
	}
}

// readelfNotes is what readelf says of a file's USDTs.
var readelfNotes = regexp.MustCompile(`Provider: (\S+)\s+Name: (\S+)\s+Location: (\S+), Base: (\S+), Semaphore: (\S+)\s+Arguments: ?(.*)`)

// TestProbesAreReadelfs compares with readelf, on the test program, on gcc's own parts, which have USDTs, and on Java's if it
// is there, which has hundreds.
func TestProbesAreReadelfs(t *testing.T) {
	files := []string{compiled(t, "testdata/usdt.c", "-O2"), strings.TrimSpace(command(t, "gcc", "-print-prog-name=cc1"))}
	if java := "/usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so"; exists(java) {
		files = append(files, java)
	}
	for _, path := range files {
		f := opened(t, &policy.Program{Path: path})
		seen := map[string][]string{}
		for _, note := range readelfNotes.FindAllStringSubmatch(command(t, "readelf", "-n", path), -1) {
			key := note[1] + " " + note[2]
			seen[key] = append(seen[key], note[3]+" "+note[6])
		}
		if len(seen) < 3 {
			t.Errorf("%s: readelf says %v", path, seen)
		}
		for key, want := range seen {
			provider, name, _ := strings.Cut(key, " ")
			probes, err := f.Probes(provider, name)
			if err != nil {
				t.Error(err)
				continue
			}
			var got []string
			for _, probe := range probes {
				address, err := f.elf.Address(probe.Offset, executable.Code)
				if err != nil {
					t.Error(err)
				}
				var texts []string
				for _, argument := range probe.Arguments {
					texts = append(texts, argument.Text)
					if argument.Err != nil && provider != "test" {
						t.Errorf("%s: %v", key, argument.Err)
					}
				}
				got = append(got, fmt.Sprintf("0x%016x %s", address, strings.Join(texts, " ")))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s %s:\n got %q\nwant %q", path, key, got, want)
			}
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestMissingProbes(t *testing.T) {
	f := opened(t, &policy.Program{Path: compiled(t, "testdata/usdt.c")})
	for _, test := range []struct{ provider, name, want string }{
		{"test", "kind", "USDT test:kind: no such USDT; did you mean test:kinds?"},
		{"tset", "counted", "did you mean test:counted?"},
		{"nothing", "alike_at_all", "want one of test:counted, test:kinds, test:twice"},
	} {
		if _, err := f.Probes(test.provider, test.name); !errors.Is(err, ErrNoProbe) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
	if _, err := opened(t, &policy.Program{Path: "/bin/bash"}).Probes("a", "b"); !errors.Is(err, ErrNoProbe) || !strings.Contains(err.Error(), "none at all") {
		t.Error(err)
	}
}
