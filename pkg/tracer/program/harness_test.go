// SPDX-License-Identifier: Apache-2.0

//go:build linux

package program

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
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

// compiled is a program of C.
func compiled(t *testing.T, source string, options ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), strings.TrimSuffix(filepath.Base(source), ".c"))
	command(t, "gcc", append(options, "-o", out, source)...)
	return out
}

func opened(t *testing.T, p *policy.Program) *File {
	t.Helper()
	f, err := Open("", p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// running is a program that does its work once for each line it is given, and answers with one.
type running struct {
	in  io.WriteCloser
	out *bufio.Scanner
	t   *testing.T
}

func start(t *testing.T, path string, arguments ...string) *running {
	t.Helper()
	program := exec.Command(path, arguments...)
	in, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	program.Stderr = os.Stderr
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := program.Wait(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	})
	return &running{in, bufio.NewScanner(out), t}
}

func (r *running) line() string {
	r.t.Helper()
	if !r.out.Scan() {
		r.t.Fatalf("the program ended: %v", r.out.Err())
	}
	return r.out.Text()
}

func (r *running) work(line string) string {
	r.t.Helper()
	if _, err := io.WriteString(r.in, line+"\n"); err != nil {
		r.t.Fatal(err)
	}
	return r.line()
}

// watch attaches a program to a place of an open file. It counts the hits at index 0 of a map of numbers of 64 bits; more of
// it writes others, with the registers in R6 and R7 free.
func watch(t *testing.T, f *File, place Place, more func(values *ebpf.Map) asm.Instructions) (*ebpf.Map, link.Link) {
	t.Helper()
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	values, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 64})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { values.Close() })
	code := asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.StoreImm(asm.RFP, -4, 0, asm.Word),
		asm.LoadMapPtr(asm.R1, values.FD()), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "end"),
		asm.Mov.Imm(asm.R1, 1), asm.AddAtomic.Mem(asm.R0, asm.R1, asm.DWord, 0),
	}
	if more != nil {
		code = append(code, more(values)...)
	}
	code = append(code, asm.Mov.Imm(asm.R0, 0).WithSymbol("end"), asm.Return())
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.Kprobe, License: "GPL", Instructions: code})
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(func() { program.Close() })
	executable, err := link.OpenExecutable(f.Path())
	if err != nil {
		t.Fatal(err)
	}
	attached, err := executable.Uprobe("", program, &link.UprobeOptions{Address: place.Offset, RefCtrOffset: place.RefCtrOffset})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { attached.Close() })
	return values, attached
}

func value(t *testing.T, values *ebpf.Map, index uint32) (n uint64) {
	t.Helper()
	if err := values.Lookup(index, &n); err != nil {
		t.Fatal(err)
	}
	return n
}
