// SPDX-License-Identifier: Apache-2.0

//go:build linux

package layout

import (
	"bytes"
	"encoding/binary"
	"os"
	"runtime"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// TestWalksOfTheKernel follows walks from the current task in the kernel, as Walk says how, and compares what is there with
// what the kernel tells about the task in other ways.
func TestWalksOfTheKernel(t *testing.T) {
	// Never unlocked: the thread ends with the test, and what is set for it.
	runtime.LockOSThread()
	attributes := unix.SchedAttr{Size: unix.SizeofSchedAttr, Flags: unix.SCHED_FLAG_RESET_ON_FORK}
	if err := unix.SchedSetAttr(0, &attributes, 0); err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	var host unix.Utsname
	if err := unix.Uname(&host); err != nil {
		t.Fatal(err)
	}
	name, err := os.ReadFile("/proc/thread-self/comm")
	if err != nil {
		t.Fatal(err)
	}
	mask := unix.Umask(0o27)
	defer unix.Umask(mask)

	for resolve, want := range map[string]any{
		"pid":                           uint64(unix.Gettid()),
		"tgid":                          uint64(unix.Getpid()),
		"real_parent.tgid":              uint64(unix.Getppid()),
		"group_leader.real_parent.tgid": uint64(unix.Getppid()),
		"mm.owner.real_parent.tgid":     uint64(unix.Getppid()),
		"cred.uid":                      uint64(unix.Getuid()),
		"cred.euid.val":                 uint64(unix.Geteuid()),
		"fs.umask":                      uint64(0o27),
		"signal.rlim[7].rlim_cur":       limit.Cur,
		"signal.rlim[7].rlim_max":       limit.Max,
		"sched_reset_on_fork":           uint64(1),
		"comm":                          bytes.TrimSpace(name),
		"nsproxy.uts_ns.name.nodename":  bytes.TrimRight(host.Nodename[:], "\x00"),
		"nsproxy.uts_ns.name.release":   bytes.TrimRight(host.Release[:], "\x00"),
	} {
		spec := kernel(t)
		walk, err := Resolve(spec, structure(t, spec, "task_struct"), stepsOf(t, resolve))
		if err != nil {
			t.Error(err)
			continue
		}
		got := readInKernel(t, walk)
		switch want := want.(type) {
		case uint64:
			if value := number64(walk, got); value != want {
				t.Errorf("%s: the kernel has %d at %v, want %d", resolve, value, walk.Offsets, want)
			}
		case []byte:
			if text, _, _ := bytes.Cut(got, []byte{0}); !bytes.Equal(text, want) {
				t.Errorf("%s: the kernel has %q at %v, want %q", resolve, text, walk.Offsets, want)
			}
		}
	}
}

func number64(walk Walk, read []byte) uint64 {
	value := binary.LittleEndian.Uint64(append(bytes.Clone(read[:walk.Size]), make([]byte, 8)...))
	if walk.BitSize > 0 {
		return value >> walk.BitOffset & (1<<walk.BitSize - 1)
	}
	return value
}

// readInKernel runs a BPF program that goes the walk from the current task and returns what it reads there, the field's size
// and at most 256 bytes.
func readInKernel(t *testing.T, walk Walk) []byte {
	t.Helper()
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	const most = 256
	values, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: most, MaxEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer values.Close()
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.RawTracepoint, License: "GPL", Instructions: readAlong(walk, values, most)})
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	if result, err := program.Run(&ebpf.RunOptions{}); err != nil || result != 0 {
		t.Fatalf("%v: run: %d, %v", walk.Offsets, int32(result), err)
	}
	value, err := values.LookupBytes(uint32(0))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// readAlong is in R6 the address, on the stack the pointer read last, in R7 the map's value.
func readAlong(walk Walk, values *ebpf.Map, most int32) asm.Instructions {
	read := func(to asm.Instructions, size int32) asm.Instructions {
		return append(to,
			asm.Mov.Imm(asm.R2, size), asm.Mov.Reg(asm.R3, asm.R6),
			asm.FnProbeReadKernel.Call(),
			asm.JNE.Imm(asm.R0, 0, "end"))
	}
	code := asm.Instructions{
		asm.StoreImm(asm.RFP, -4, 0, asm.Word),
		asm.LoadMapPtr(asm.R1, values.FD()), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "end"),
		asm.Mov.Reg(asm.R7, asm.R0),
		asm.FnGetCurrentTask.Call(),
		asm.Mov.Reg(asm.R6, asm.R0),
	}
	last := len(walk.Offsets) - 1
	for _, offset := range walk.Offsets[:last] {
		code = append(code, asm.Add.Imm(asm.R6, int32(offset)))
		code = append(code, read(asm.Instructions{asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, -16)}, 8)...)
		code = append(code, asm.LoadMem(asm.R6, asm.RFP, -16, asm.DWord))
	}
	code = append(code, asm.Add.Imm(asm.R6, int32(walk.Offsets[last])))
	code = append(code, read(asm.Instructions{asm.Mov.Reg(asm.R1, asm.R7)}, min(int32(walk.Size), most))...)
	return append(code, asm.Return().WithSymbol("end"))
}
