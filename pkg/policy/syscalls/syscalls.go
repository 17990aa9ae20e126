// SPDX-License-Identifier: Apache-2.0

// Package syscalls knows the names and numbers of Linux system calls on every ABI that a policy can name, whatever the
// machine it runs on: a policy is checked on a laptop for nodes of other architectures.
package syscalls

import (
	"slices"
	"strings"
)

//go:generate go run generate.go

// ABI is one way into the kernel, by the names that policies and events have for them.
type ABI string

// The ABIs. Native stands for the 64-bit one of the node, whichever that is.
const (
	Native ABI = ""
	X64    ABI = "x64"
	ARM64  ABI = "arm64"
	I386   ABI = "i386"
	ARM32  ABI = "arm32"
)

// columns of the table.
var columns = map[ABI]int{X64: 0, ARM64: 1, I386: 2, ARM32: 3}

// row is one system call; the numbers are in the order of the columns.
type row struct {
	name    string
	numbers [4]int16
}

// entryNames are functions of the kernel whose name is not that of the system call (arch/x86/entry/syscalls): users write
// what they see in kallsyms.
var entryNames = map[string]string{
	"newuname": "uname", "newstat": "stat", "newlstat": "lstat", "newfstat": "fstat", "umount": "umount2",
	"fadvise64_64": "fadvise64", "sendfile64": "sendfile", "sysctl": "_sysctl",
}

// Number returns a system call's number; false where the ABI has none of that name. Native has no numbers: say which.
func Number(abi ABI, name string) (int, bool) {
	column, known := columns[abi]
	at, found := find(name)
	if !known || !found || table[at].numbers[column] < 0 {
		return 0, false
	}
	return int(table[at].numbers[column]), true
}

// Known says whether the ABI has a system call of that name; for Native, whether any 64-bit one has.
func Known(abi ABI, name string) bool {
	if abi == Native {
		return Known(X64, name) || Known(ARM64, name)
	}
	_, ok := Number(abi, name)
	return ok
}

// Canonical returns the name that an ABI's system call has, for the name of its kernel function without sys_: uname for
// newuname. What it does not know it returns as it is.
func Canonical(abi ABI, name string) string {
	if canonical, ok := entryNames[name]; ok && !Known(abi, name) {
		return canonical
	}
	return name
}

// Function returns the name of the kernel function that serves a system call of a 64-bit ABI, without sys_: newuname for
// uname, the reverse of Canonical.
func Function(abi ABI, name string) string {
	for function, canonical := range entryNames {
		if canonical == name && !(abi == X64 && name == "fadvise64") {
			return function
		}
	}
	return name
}

// ByNumber lists the names of an ABI's system calls by their numbers; empty for numbers that are not taken.
func ByNumber(abi ABI) (names []string) {
	for _, r := range table {
		n, ok := Number(abi, r.name)
		if !ok {
			continue
		}
		for len(names) <= n {
			names = append(names, "")
		}
		names[n] = r.name
	}
	return names
}

// Names lists the system calls of an ABI, sorted; for Native, those that any 64-bit one has.
func Names(abi ABI) (names []string) {
	for _, r := range table {
		if Known(abi, r.name) {
			names = append(names, r.name)
		}
	}
	return names
}

func find(name string) (int, bool) {
	return slices.BinarySearchFunc(table, name, func(r row, name string) int { return strings.Compare(r.name, name) })
}
