// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/nearest"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy/syscalls"
)

// listPrefix marks a value or a call that is the name of a list.
const listPrefix = "list:"

// symbol is what a kernel function can be called; the compiler adds suffixes such as .isra.0.
var symbol = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.$]*$`)

// syscallSpellings are what policies write before sys_, with the ABI that it means.
var syscallSpellings = []struct {
	prefix string
	abi    syscalls.ABI
}{
	{"sys_", syscalls.Native},
	{"__x64_sys_", syscalls.X64}, {"x64/sys_", syscalls.X64}, {"x64/__x64_sys_", syscalls.X64},
	{"__arm64_sys_", syscalls.ARM64}, {"arm64/sys_", syscalls.ARM64}, {"arm64/__arm64_sys_", syscalls.ARM64},
	{"__ia32_sys_", syscalls.I386}, {"__ia32_compat_sys_", syscalls.I386}, {"i386/sys_", syscalls.I386},
	{"i386/__ia32_sys_", syscalls.I386}, {"i386/__ia32_compat_sys_", syscalls.I386},
	{"__arm64_compat_sys_", syscalls.ARM32}, {"arm32/sys_", syscalls.ARM32}, {"arm32/__arm64_compat_sys_", syscalls.ARM32},
}

// parseSyscall reads a system call's name in any of its spellings; ok is false if it has the form of none.
func parseSyscall(text string) (call Call, ok bool) {
	for _, s := range syscallSpellings {
		if name, found := strings.CutPrefix(text, s.prefix); found && name != "" {
			return Call{Syscall: syscalls.Canonical(s.abi, name), ABI: s.abi}, true
		}
	}
	return Call{}, false
}

// checkedSyscall reads the name of a system call that exists.
func checkedSyscall(text string) (Call, error) {
	call, ok := parseSyscall(text)
	switch {
	case !ok && syscalls.Known(syscalls.Native, text):
		return call, fmt.Errorf("system calls are written with sys_: sys_%s", text)
	case !ok:
		return call, fmt.Errorf("%s is not a system call (sys_…): for a kernel function write syscall: false", shown(text))
	case !syscalls.Known(call.ABI, call.Syscall):
		hint := nearest.Name(call.Syscall, syscalls.Names(call.ABI))
		if hint != "" {
			hint = "; did you mean sys_" + hint + "?"
		}
		return call, fmt.Errorf("there is no system call %s%s%s", call.Syscall, of(call.ABI), hint)
	}
	return call, nil
}

func of(abi syscalls.ABI) string {
	if abi == syscalls.Native {
		return ""
	}
	return " on " + string(abi)
}

// checkedFunction reads the name of a kernel function.
func checkedFunction(text string) (Call, error) {
	if !symbol.MatchString(text) {
		return Call{}, fmt.Errorf("%s is not the name of a kernel function", shown(text))
	}
	return Call{Function: text}, nil
}

// checkedCall reads either: what has the form of a system call is one.
func checkedCall(text string) (Call, error) {
	if _, ok := parseSyscall(text); ok {
		return checkedSyscall(text)
	}
	return checkedFunction(text)
}
