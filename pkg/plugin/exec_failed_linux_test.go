// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
)

// failingExecs is the environment variable that makes this test's program execute files in a folder in vain.
const failingExecs = "TRACE_SEC_TEST_EXECS"

// inVain are files that can't be executed, the error of each, and how often it is tried. The counts are all different, so that
// none stands for another.
var inVain = []struct {
	name, failure string
	errno         unix.Errno
	times         int
}{
	{"missing", "ENOENT", unix.ENOENT, 7},
	{"document", "EACCES", unix.EACCES, 5},
	{"garbage", "ENOEXEC", unix.ENOEXEC, 3},
	{"privileged", "EPERM", unix.EPERM, 2},
	{"document/below", "ENOTDIR", unix.ENOTDIR, 4},
}

// executeInVain tries all of them, the garbage once more by a descriptor, and becomes true.
func executeInVain(t *testing.T, folder string) {
	for _, f := range inVain {
		for range f.times {
			name := filepath.Join(folder, f.name)
			if err := unix.Exec(name, []string{name, "an argument"}, nil); !errors.Is(err, f.errno) {
				t.Fatalf("%s: %v, want %v", name, err, f.errno)
			}
		}
	}
	executeDescriptor(t, filepath.Join(folder, "garbage"))
	t.Fatal(unix.Exec("/bin/true", []string{"true"}, nil))
}

func executeDescriptor(t *testing.T, name string) {
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	empty, err := unix.BytePtrFromString("")
	if err != nil {
		t.Fatal(err)
	}
	argv := []*byte{empty, nil}
	_, _, errno := unix.Syscall6(unix.SYS_EXECVEAT, file.Fd(), uintptr(unsafe.Pointer(empty)), uintptr(unsafe.Pointer(&argv[0])), 0, unix.AT_EMPTY_PATH, 0)
	if errno != unix.ENOEXEC {
		t.Fatalf("execveat: %v, want %v", errno, unix.ENOEXEC)
	}
}

// unexecutable makes the files of inVain, and the command that tries them. One has a capability that the command can't get.
func unexecutable(t *testing.T) (folder string, command []string) {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]struct {
		content []byte
		mode    os.FileMode
	}{"document": {program, 0o644}, "garbage": {[]byte("\x7fELF, but no more"), 0o755}, "privileged": {program, 0o755}} {
		if err := os.WriteFile(filepath.Join(folder, name), file.content, file.mode); err != nil {
			t.Fatal(err)
		}
	}
	// struct vfs_cap_data: revision 2, effective; permitted CAP_SYS_CHROOT, which is bit 18.
	capability := []byte{1, 0, 0, 2, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if err := unix.Setxattr(filepath.Join(folder, "privileged"), "security.capability", capability, 0); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("exec env %s=%s setpriv --bounding-set=-sys_chroot %s -test.run=^TestFailedExecs$", failingExecs, folder, self)
	return folder, []string{"--", "/bin/sh", "-c", script}
}

// Each exec that fails is told with its path and error, as often as it was tried, and none that succeeds.
func TestFailedExecs(t *testing.T) {
	if folder := os.Getenv(failingExecs); folder != "" {
		executeInVain(t, folder)
	}
	folder, command := unexecutable(t)
	code, events, stderr := local(t, append([]string{"--strict", "--event", "exec-failed,exec"}, command...)...)
	if code != exit.OK {
		t.Fatalf("exit code %d; stderr:\n%s", code, stderr)
	}
	if strings.Contains(stderr, "attached") {
		t.Errorf("it tells of hooks that nobody asked for:\n%s", stderr)
	}
	got, want, became := map[string]int{}, map[string]int{" -8": 1}, 0
	for _, f := range inVain {
		want[fmt.Sprintf("%s/%s %d", folder, f.name, -int(f.errno))] = f.times
	}
	for _, e := range events {
		switch failed, is := e.FailedExec(); {
		case is && e.ProcessKprobe.Process == nil:
			t.Errorf("without a process: %+v", e.ProcessKprobe)
		case is && filepath.Base(e.ProcessKprobe.Process.Binary) == filepath.Base(os.Args[0]):
			got[fmt.Sprintf("%s %d", failed.Path, failed.Returned)]++
		case e.ProcessExec != nil && e.ProcessExec.Process.Binary == "/bin/true":
			became++
		}
	}
	if !maps.Equal(got, want) || became != 1 {
		t.Errorf("%d times true, and in vain\n%v, want\n%v", became, got, want)
	}
}

// What people see: one line for what is tried again, or each.
func TestFailedExecsInLines(t *testing.T) {
	folder, command := unexecutable(t)
	for _, test := range []struct {
		flags string
		want  []string
	}{
		{"-o compact", []string{"missing 7× ENOENT", "document 5× EACCES", "garbage 3× ENOEXEC", "privileged 2× EPERM", "below 4× ENOTDIR", "ENOEXEC"}},
		{"-o compact --every", slices.Concat(slices.Repeat([]string{folder + "/missing ENOENT"}, 7), slices.Repeat([]string{folder + "/document EACCES"}, 5),
			slices.Repeat([]string{folder + "/garbage ENOEXEC"}, 3), slices.Repeat([]string{folder + "/privileged EPERM"}, 2),
			slices.Repeat([]string{folder + "/document/below ENOTDIR"}, 4), []string{"ENOEXEC"})},
		{"-o compact --failed=false", nil},
	} {
		args := slices.Concat([]string{"exec", "--local"}, strings.Fields(test.flags), command)
		code, out, stderr := runPlugin(t, built, args...)
		var lines []string
		for line := range strings.Lines(out) {
			if told, failed := strings.CutPrefix(line, "🚫 exec-failed "); failed && strings.Contains(told, filepath.Base(os.Args[0])) {
				lines = append(lines, strings.TrimSuffix(told, "\n"))
			}
		}
		if code != exit.OK || len(lines) != len(test.want) {
			t.Fatalf("%s: exit code %d, %d lines, want %d:\n%s\nstderr:\n%s", test.flags, code, len(lines), len(test.want), out, stderr)
		}
		for i, line := range lines {
			if want := test.want[i]; !strings.HasSuffix(line, " "+want) {
				t.Errorf("%s: %s, want %s", test.flags, line, want)
			}
		}
	}
}
