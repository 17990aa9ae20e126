// SPDX-License-Identifier: Apache-2.0

package render

import (
	"strconv"
	"sync"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy/syscalls"
)

// syscallNames are the names of system calls by ABI and number.
var syscallNames = sync.OnceValue(func() map[event.SyscallID]string {
	names := map[event.SyscallID]string{}
	for _, abi := range [...]syscalls.ABI{syscalls.X64, syscalls.ARM64, syscalls.I386, syscalls.ARM32} {
		for _, name := range syscalls.Names(abi) {
			if number, ok := syscalls.Number(abi, name); ok {
				names[event.SyscallID{ID: uint32(number), Abi: string(abi)}] = name
			}
		}
	}
	return names
})

// syscallName is a system call's name, with the ABI in front where it is not the node's own: all nodes are 64-bit machines.
func syscallName(id event.SyscallID) string {
	name := syscallNames()[id]
	if name == "" {
		return "unknown"
	}
	if abi := syscalls.ABI(id.Abi); abi == syscalls.I386 || abi == syscalls.ARM32 {
		return id.Abi + "/" + name
	}
	return name
}

func isSyscallEnter(e *event.Event) bool {
	t := e.ProcessTracepoint
	return t != nil && t.Subsys == "raw_syscalls" && t.Event == "sys_enter"
}

// enterDetails is the system call that is entered. A policy that asks for the number as an integer does not say of which
// ABI it is: then the number itself is shown.
func enterDetails(e *event.Event) []piece {
	text := "unknown"
	if id := argument(e, 0).SyscallID; id != nil {
		text = syscallName(*id)
	} else if n, ok := integer(argument(e, 0)); ok {
		text = strconv.FormatInt(n, 10)
	}
	return []piece{{tonePlain, text}}
}
