// SPDX-License-Identifier: Apache-2.0

//go:build linux

package symbol

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

func command(t *testing.T, name string, arguments ...string) {
	t.Helper()
	if out, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, arguments, err, out)
	}
}

// said is a frame as the program itself tells it.
type said struct {
	name              string
	distance, address uint64
}

// start runs a program until it has told its frames; it waits then.
func start(t *testing.T, program *exec.Cmd) (pid uint32, frames []said) {
	t.Helper()
	in, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := program.Wait(); err != nil {
			t.Error(err)
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "end" {
		words := strings.Fields(lines.Text())
		distance, _ := strconv.ParseUint(words[1], 10, 64)
		address, err := strconv.ParseUint(words[2], 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		frames = append(frames, said{words[0], distance, address})
	}
	if len(frames) == 0 {
		t.Fatal("the program said nothing")
	}
	return uint32(program.Process.Pid), frames
}

// compare wants the frames that the program told, of the file module.
func compare(t *testing.T, got []event.StackTraceEntry, want []said, module string) {
	t.Helper()
	for i, frame := range want {
		if want := (event.StackTraceEntry{Address: frame.address, Offset: frame.distance, Symbol: frame.name, Module: module}); got[i] != want {
			t.Errorf("got  %+v\nwant %+v", got[i], want)
		}
	}
}

func addressesOf(frames []said) (all []uint64) {
	for _, frame := range frames {
		all = append(all, frame.address)
	}
	return all
}

func built(t *testing.T, options ...string) string {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Fatal("testdata/stack.c has instructions of amd64")
	}
	path := filepath.Join(t.TempDir(), "stack")
	command(t, "gcc", append(options, "-o", path, "testdata/stack.c")...)
	return path
}

func TestStacks(t *testing.T) {
	for _, options := range [][]string{{"-O1"}, {"-O0"}, {"-O1", "-no-pie", "-fno-pie"}, {"-O1", "-static"}, {"-O1", "-static-pie"},
		{"-O1", "-Wl,-z,max-page-size=65536"}} {
		path := built(t, options...)
		pid, want := start(t, exec.Command(path))
		processes := NewProcesses("/proc")
		compare(t, processes.Stack(pid, addressesOf(want)), want, path)
		// Once more, from what is kept; and what lies behind a function that never returns.
		compare(t, processes.Stack(pid, addressesOf(want)), want, path)
		if n := len(processes.cache.byKey); n != 1 {
			t.Errorf("%v: %d files are kept", options, n)
		}
	}
}

// TestReturnAddresses: the instruction after a function's last call is another function's, the call is not.
func TestReturnAddresses(t *testing.T) {
	path := built(t, "-O1")
	pid, want := start(t, exec.Command(path))
	// middle begins where inner ends, or after what fills up.
	begin := want[1].address - want[1].distance
	stack := NewProcesses("/proc").Stack(pid, []uint64{begin, begin, begin + 1})
	if stack[0].Symbol != "middle" || stack[0].Offset != 0 || stack[1].Symbol == "middle" || stack[2].Symbol != "middle" || stack[2].Offset != 1 {
		t.Errorf("%+v", stack)
	}
}

// newRoot, as this program's first argument, makes the second one the root as container runtimes do, and becomes /stack there.
const newRoot = "become-a-container"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == newRoot {
		fmt.Fprintln(os.Stderr, enter(os.Args[2]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func enter(root string) error {
	for _, step := range []func() error{
		func() error { return unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, "") },
		func() error { return unix.Mount(root, root, "", unix.MS_BIND, "") },
		func() error { return unix.Chdir(root) },
		func() error { return unix.PivotRoot(".", ".") },
		func() error { return unix.Unmount(".", unix.MNT_DETACH) },
		func() error { return unix.Chdir("/") },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return unix.Exec("/stack", []string{"/stack"}, nil)
}

// TestOtherRoots: the file of a process with another root, which is in our mount namespace or in its own as a container's, is
// found without map_files too, and with them even if it is gone.
func TestOtherRoots(t *testing.T) {
	t.Run("chroot", func(t *testing.T) {
		root := t.TempDir()
		program := exec.Command("/stack")
		program.Dir = "/"
		program.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		// The path is one in our mount namespace.
		testOtherRoot(t, program, root, root+"/")
	})
	t.Run("container", func(t *testing.T) {
		root := t.TempDir()
		program := exec.Command("/proc/self/exe", newRoot, root)
		program.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		program.Stderr = os.Stderr
		testOtherRoot(t, program, root, "/")
	})
}

// testOtherRoot starts a program that has the directory root as its root. Its files have the prefix in the list of mappings.
func testOtherRoot(t *testing.T, program *exec.Cmd, root, prefix string) {
	command(t, "gcc", "-O1", "-static", "-o", filepath.Join(root, "stack"), "testdata/stack.c")
	pid, want := start(t, program)
	compare(t, NewProcesses("/proc").Stack(pid, addressesOf(want)), want, prefix+"stack")

	// A directory like the process's in /proc, in which there is no map_files.
	proc := t.TempDir()
	entry := filepath.Join(proc, fmt.Sprint(pid))
	if err := os.Mkdir(entry, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"maps", "root"} {
		if err := os.Symlink(fmt.Sprintf("/proc/%d/%s", pid, name), filepath.Join(entry, name)); err != nil {
			t.Fatal(err)
		}
	}
	compare(t, NewProcesses(proc).Stack(pid, addressesOf(want)), want, prefix+"stack")

	// Another file has its name.
	command(t, "mv", filepath.Join(root, "stack"), filepath.Join(root, "gone"))
	command(t, "cp", filepath.Join(root, "gone"), filepath.Join(root, "stack"))
	command(t, "rm", filepath.Join(root, "gone"))
	command(t, "cp", filepath.Join(root, "stack"), filepath.Join(root, "gone"))
	for i, frame := range NewProcesses(proc).Stack(pid, addressesOf(want)) {
		if frame.Symbol != "" || frame.Offset == 0 || frame.Address != want[i].address || frame.Module != prefix+"gone" {
			t.Errorf("%+v", frame)
		}
	}
	compare(t, NewProcesses("/proc").Stack(pid, addressesOf(want)), want, prefix+"gone")
}

// TestStripped: without symbols there are the file and the address in it.
func TestStripped(t *testing.T) {
	full := built(t, "-O1")
	path := full + ".stripped"
	command(t, "strip", "-o", path, full)
	pid, want := start(t, exec.Command(path))
	addresses := map[string]uint64{}
	out, err := exec.Command("nm", full).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if words := strings.Fields(line); len(words) == 3 {
			addresses[words[2]], _ = strconv.ParseUint(words[0], 16, 64)
		}
	}
	for i, frame := range NewProcesses("/proc").Stack(pid, addressesOf(want)) {
		offset := addresses[want[i].name] + want[i].distance
		if want := (event.StackTraceEntry{Address: want[i].address, Offset: offset, Module: path}); frame != want {
			t.Errorf("got  %+v\nwant %+v", frame, want)
		}
	}
}

// TestGo: Go's functions have names although the program was stripped.
func TestGo(t *testing.T) {
	for _, flags := range [][]string{{}, {"-buildmode=pie"}} {
		path := filepath.Join(t.TempDir(), "program")
		command(t, "go", append(append([]string{"build", "-ldflags=-s -w", "-o", path}, flags...), "./testdata/golang")...)
		pid, want := start(t, exec.Command(path))
		compare(t, NewProcesses("/proc").Stack(pid, addressesOf(want)), want, path)
	}
}

// TestNoFiles: addresses without a file, of nothing, and of processes that are not there.
func TestNoFiles(t *testing.T) {
	processes := NewProcesses("/proc")
	memory, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(memory)
	var anonymous uint64
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	var vdso uint64
	for line := range strings.Lines(string(maps)) {
		m, ok := parseMapping([]byte(strings.TrimSuffix(line, "\n")))
		switch {
		case !ok:
			t.Errorf("%q", line)
		case m.path == "[vdso]":
			vdso = m.start
		case m.inode == 0 && m.path == "":
			anonymous = m.start
		}
	}
	self := uint32(os.Getpid())
	got := processes.Stack(self, []uint64{vdso + 8, anonymous + 16, 8, 0, ^uint64(0)})
	want := []event.StackTraceEntry{{Address: vdso + 8, Offset: 8, Module: "[vdso]"}, {Address: anonymous + 16, Offset: 16}, {Address: 8}, {}, {Address: ^uint64(0)}}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got  %+v\nwant %+v", got[i], want[i])
		}
	}
	// Pids end at 2^22.
	if got := processes.Stack(1<<30, []uint64{1, 2}); len(got) != 2 || got[1] != (event.StackTraceEntry{Address: 2}) {
		t.Errorf("%+v", got)
	}
	if got := processes.Stack(self, nil); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestLibraries: functions of libc that are no longer in its tables do not get the name of the one before.
func TestLibraries(t *testing.T) {
	path := built(t, "-O1")
	pid, _ := start(t, exec.Command(path))
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		m, ok := parseMapping([]byte(strings.TrimSuffix(line, "\n")))
		if !ok || !strings.Contains(m.path, "libc.so") || !strings.Contains(line, " r-xp ") {
			continue
		}
		named, unnamed := 0, 0
		processes := NewProcesses("/proc")
		for address := m.start; address < m.end; address += 4096 {
			frame := processes.Stack(pid, []uint64{address})[0]
			if frame.Module != m.path {
				t.Errorf("%+v", frame)
			}
			if frame.Symbol == "" {
				unnamed++
			} else {
				named++
			}
		}
		if named == 0 || unnamed == 0 {
			t.Errorf("%d addresses have names, %d have none", named, unnamed)
		}
		return
	}
	t.Error("no libc")
}
