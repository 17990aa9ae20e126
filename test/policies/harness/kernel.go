// SPDX-License-Identifier: Apache-2.0

//go:build linux

package harness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/kernelversion"
)

// Prevents says whether this kernel lets programs deny what is asked of security modules. Where it does not, what a policy
// forbids is only punished.
func Prevents() bool { return hook.NewProbes().Unavailable(hook.FModifyReturn) == nil }

// LockedDown says whether the kernel forbids programs what would harm its integrity.
func LockedDown(t testing.TB) bool {
	t.Helper()
	folder := t.TempDir() // securityfs is not mounted everywhere
	if err := unix.Mount("none", folder, "securityfs", unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount(folder, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	state, err := os.ReadFile(filepath.Join(folder, "lockdown"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return err == nil && !strings.Contains(string(state), "[none]")
}

// SetsRegisters says whether the kernel lets programs set the registers of a process at a uprobe: since 6.18.
func SetsRegisters(t testing.TB) bool {
	t.Helper()
	return !kernelversion.Before(6, 18) && !LockedDown(t)
}

// Module is the path of a module that this kernel can load, that needs no other, and that nobody uses.
func Module(t testing.TB) string {
	t.Helper()
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("/usr/lib/modules", unix.ByteSliceToString(name.Release[:]), "kernel/fs/nls/nls_utf8.ko")
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("a test loads a module of the kernel: %v", err)
	}
	return path
}

// tierVariable says what the kernel of a guest has, which whoever starts it knows: "full" or "tracepoint".
const tierVariable = "TRACE_SEC_KERNEL_TIER"

// FullTier says whether this kernel has trampolines and BPF LSM, and not tracepoints only. It is not the product that is asked: guests
// are told (test/vm), and elsewhere a kernel that has no kprobes has none of the others.
func FullTier(t testing.TB) bool {
	t.Helper()
	switch tier := os.Getenv(tierVariable); tier {
	case "full":
		return true
	case "tracepoint":
		return false
	case "":
		_, err := os.Stat("/sys/bus/event_source/devices/kprobe")
		return err == nil
	default:
		t.Fatalf("%s=%s: want full or tracepoint", tierVariable, tier)
		return false
	}
}
