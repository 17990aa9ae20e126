// SPDX-License-Identifier: Apache-2.0

package syscalls

import (
	"slices"
	"testing"
)

func TestNumber(t *testing.T) {
	for _, test := range []struct {
		abi  ABI
		name string
		want int // -1: none
	}{
		{X64, "read", 0}, {X64, "execve", 59}, {X64, "dup2", 33}, {X64, "openat2", 437},
		{ARM64, "read", 63}, {ARM64, "execve", 221}, {ARM64, "dup2", -1}, {ARM64, "openat2", 437},
		{I386, "dup", 41}, {I386, "socketcall", 102}, {ARM32, "read", 3}, {X64, "socketcall", -1},
		{X64, "reed", -1}, {Native, "read", -1}, {"mips", "read", -1},
	} {
		got, ok := Number(test.abi, test.name)
		if ok != (test.want >= 0) || ok && got != test.want {
			t.Errorf("Number(%s, %s) = %d, %t", test.abi, test.name, got, ok)
		}
	}
}

func TestNames(t *testing.T) {
	if n := Names(Native); !slices.IsSorted(n) || !slices.Contains(n, "dup2") || slices.Contains(n, "socketcall") {
		t.Errorf("64-bit calls: %q", n)
	}
	if Known(ARM64, "arch_specific_syscall") || Known(Native, "syscall_mask") {
		t.Error("a constant that is no system call")
	}
	for function, want := range map[string]string{"newuname": "uname", "read": "read", "umount": "umount2", "xyz": "xyz"} {
		if got := Canonical(Native, function); got != want {
			t.Errorf("Canonical(%s) = %s", function, got)
		}
	}
	if got := Canonical(I386, "sendfile64"); got != "sendfile64" {
		t.Errorf("i386 has a sendfile64, not only %s", got)
	}
	for function, call := range entryNames {
		if !Known(Native, call) {
			t.Errorf("%s stands for %s, which is no system call", function, call)
		}
	}
}

func TestByNumber(t *testing.T) {
	for abi := range columns {
		names, count := ByNumber(abi), 0
		for number, name := range names {
			if name == "" {
				continue
			}
			count++
			if got, ok := Number(abi, name); !ok || got != number {
				t.Errorf("%s: %s has the number %d, not %d", abi, name, got, number)
			}
		}
		if want := len(Names(abi)); count != want {
			t.Errorf("%s: %d names, of %d", abi, count, want)
		}
	}
	if names := ByNumber(Native); names != nil {
		t.Errorf("native, which has no numbers: %q", names)
	}
}

func TestFunction(t *testing.T) {
	for _, test := range []struct {
		abi        ABI
		name, want string
	}{
		{X64, "uname", "newuname"}, {X64, "stat", "newstat"}, {ARM64, "umount2", "umount"}, {X64, "openat", "openat"},
		{X64, "fadvise64", "fadvise64"}, {ARM64, "fadvise64", "fadvise64_64"},
	} {
		if got := Function(test.abi, test.name); got != test.want {
			t.Errorf("Function(%s, %s) = %s", test.abi, test.name, got)
		}
	}
}
