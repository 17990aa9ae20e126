// SPDX-License-Identifier: Apache-2.0

//go:build linux

package report

import (
	"strconv"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy/syscalls"
)

// abis are those of a machine: for 64 bits, and for 32.
type abis struct{ native, compat syscalls.ABI }

// machineABIs by Go's name of the architecture.
var machineABIs = map[string]abis{"amd64": {syscalls.X64, syscalls.I386}, "arm64": {syscalls.ARM64, syscalls.ARM32}}

// entryPrefixes are what the functions of system calls are called in events, as Tetragon's have them, before the name.
var entryPrefixes = map[syscalls.ABI]string{
	syscalls.X64: "__x64_sys_", syscalls.ARM64: "__arm64_sys_", syscalls.I386: "__ia32_sys_", syscalls.ARM32: "__arm64_compat_sys_",
}

// syscallNames are the names of functions of system calls by number.
type syscallNames struct{ native, compat abiNames }

type abiNames struct {
	prefix string
	names  []string
}

func namesOf(a abis) syscallNames {
	return syscallNames{
		native: numbered(a.native, func(name string) string { return syscalls.Function(a.native, name) }),
		compat: numbered(a.compat, func(name string) string { return name }),
	}
}

// numbered lists the names of an ABI; function says what the function that serves a system call is called.
func numbered(abi syscalls.ABI, function func(name string) string) abiNames {
	n := abiNames{entryPrefixes[abi], syscalls.ByNumber(abi)}
	for i, name := range n.names {
		if name != "" {
			n.names[i] = n.prefix + function(name)
		}
	}
	return n
}

// x32 is set in the numbers of the native ABI by processes of the x32 ABI, arch/x86/include/uapi/asm/unistd.h.
const x32 = 0x40000000

// of is the name of a system call's function; one without a name is called by its number.
func (n *abiNames) of(number uint32) string {
	number &^= x32
	if int64(number) < int64(len(n.names)) && n.names[number] != "" {
		return n.names[number]
	}
	return n.prefix + strconv.FormatUint(uint64(number), 10)
}
