// SPDX-License-Identifier: Apache-2.0

package render

import (
	_ "embed" // for go:embed
	"strconv"
	"strings"
	"sync"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy/syscalls"
)

//go:generate go run generate_syscalls.go

// syscallArgumentsText has a line for each system call, as "dup2(unsigned int oldfd, unsigned int newfd)".
//
//go:embed syscall_arguments.txt
var syscallArgumentsText string

// syscallArguments are the arguments of system calls as C declares them, by name.
var syscallArguments = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(syscallArgumentsText) {
		if name, arguments, ok := strings.Cut(strings.TrimSuffix(line, ")\n"), "("); ok {
			all[name] = arguments
		}
	}
	return all
})

// syscallNames are the names of system calls by ABI and number.
var syscallNames = sync.OnceValue(func() map[string][]string {
	names := map[string][]string{}
	for _, abi := range [...]syscalls.ABI{syscalls.X64, syscalls.ARM64, syscalls.I386, syscalls.ARM32} {
		names[string(abi)] = syscalls.ByNumber(abi)
	}
	return names
})

// syscallName is a system call's name, with the ABI in front where it is not the node's own: all nodes are 64-bit machines.
func syscallName(id event.SyscallID) string {
	names := syscallNames()[id.Abi]
	if uint64(id.ID) >= uint64(len(names)) || names[id.ID] == "" {
		return "unknown"
	}
	if abi := syscalls.ABI(id.Abi); abi == syscalls.I386 || abi == syscalls.ARM32 {
		return id.Abi + "/" + names[id.ID]
	}
	return names[id.ID]
}

func isSyscallEnter(e *event.Event) bool {
	t := e.ProcessTracepoint
	return t != nil && t.Subsys == "raw_syscalls" && t.Event == "sys_enter"
}

// enterDetails is the system call that is entered, with what the policy asked for of its arguments. A policy that asks for
// the number as an integer does not say of which ABI it is: then the number itself is shown.
func enterDetails(e *event.Event) []piece {
	text := "unknown"
	if id := argument(e, 0).SyscallID; id != nil {
		text = syscallName(*id)
		if declared, ok := syscallArguments()[text]; ok {
			text += "(" + strings.Join(assigned(e, declared), ", ") + ")"
		}
	} else if n, ok := argument(e, 0).Integer(); ok {
		text = strconv.FormatInt(n, 10)
	}
	return []piece{{tonePlain, text}}
}

// assigned are declared arguments with their values, which follow the number; those that the policy did not ask for are ?,
// and then Tetragon puts a blank after a pointer's type.
func assigned(e *event.Event, declared string) (all []string) {
	if declared == "" {
		return nil
	}
	for i, a := range strings.Split(declared, ", ") {
		star := strings.LastIndexByte(a, '*') + 1
		switch n := argument(e, i+1).SizeArg; {
		case n != nil && star > 0:
			a += "=0x" + strconv.FormatUint(*n, 16)
		case n != nil:
			a += "=" + strconv.FormatUint(*n, 10)
		case star > 0:
			a = a[:star] + " " + a[star:] + "=?"
		default:
			a += "=?"
		}
		all = append(all, a)
	}
	return all
}
