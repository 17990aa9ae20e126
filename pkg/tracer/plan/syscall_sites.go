// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"fmt"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy/syscalls"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

// fewSyscalls is how many calls of one hook get programs of their own where they have functions of their own; more share
// one where all system calls pass, which costs each call of the node a little and attaches at once.
const fewSyscalls = 4

// wrappers are how the functions of system calls begin, by architecture; they have one argument, the registers.
var wrappers = map[string]string{"amd64": "__x64_sys_", "arm64": "__arm64_sys_"}

// numberOffset is where struct pt_regs has the number of the system call.
var numberOffset = map[string]uint32{"amd64": 120, "arm64": 280}

// lengths are the system calls that return how much of a buffer they filled.
var lengths = map[string]bool{
	"read": true, "pread64": true, "readv": true, "preadv": true, "preadv2": true, "recvfrom": true, "readlink": true,
	"readlinkat": true, "getdents": true, "getdents64": true, "getrandom": true, "getcwd": true, "getxattr": true,
	"lgetxattr": true, "fgetxattr": true, "listxattr": true, "llistxattr": true, "flistxattr": true,
}

// endless are the system calls that do not return, or return as something else.
var endless = map[string]bool{"exit": true, "exit_group": true, "rt_sigreturn": true, "sigreturn": true, "execve": true, "execveat": true}

// FunctionOf is the kernel function of a call: of a system call the one that the kernel's table of calls has.
func (n *Node) FunctionOf(call policy.Call) (string, error) {
	if call.Syscall == "" {
		return call.Function, nil
	}
	native, _ := n.abis()
	if call.ABI != syscalls.Native && call.ABI != native {
		return "", fmt.Errorf("%s: only system calls of the native ABI can be made to fail", call)
	}
	return wrappers[n.Registers.Architecture] + syscalls.Function(native, call.Syscall), nil
}

// syscallSites are the places where system calls of a hook can be seen, best first.
func (n *Node) syscallSites(p *policy.Policy, h *policy.Hook, calls []policy.Call) (routes []route, refused []Refusal) {
	everywhere, err := n.everySyscall(h, calls)
	if err != nil {
		return nil, []Refusal{{string(hook.SyscallEnter), err}}
	}
	if len(calls) == 1 && len(everywhere.entry.Compat) == 0 {
		native, _ := n.abis()
		name := wrappers[n.Registers.Architecture] + syscalls.Function(native, calls[0].Syscall)
		if f, _, err := n.lookup(name); err == nil {
			if n.arms(p) && overrides(h) {
				routes = append(routes, route{n.overriding(n.wrapper(h, calls[0], f, hook.Kprobe, hook.Kretprobe, n.firstRegister()))})
			}
			routes = append(routes,
				route{n.wrapper(h, calls[0], f, hook.FEntry, hook.FExit, 0)},
				route{n.wrapper(h, calls[0], f, hook.Kprobe, hook.Kretprobe, n.firstRegister())})
		} else {
			refused = append(refused, Refusal{string(hook.FEntry), err})
		}
	}
	return append(routes, route{everywhere}), refused
}

// firstRegister is where a kprobe finds the function's argument.
func (n *Node) firstRegister() uint16 {
	register, _ := n.Registers.Argument(0) // every architecture has one
	return uint16(register.Offset)
}

// userRegisters is a site where the registers that user space entered with are behind the pointer at base.
func (n *Node) userRegisters(base uint16) *site {
	s := &site{user: true}
	s.word = func(index int) (source, error) {
		register, err := n.Registers.SyscallArgument(index)
		return inRegisters(base, register.Offset), err
	}
	s.register = func(r layout.Register) source { return inRegisters(base, r.Offset) }
	s.config.Flags = uint32(bpf.HookHookFlagsHOOK_IS_SYSCALL)
	s.config.FunctionBase, s.config.FunctionOffset = uint32(base), numberOffset[n.Registers.Architecture]
	s.spec, s.untyped = n.Kernel.Spec()
	return s
}

func returnsLength(calls []policy.Call) bool {
	for _, c := range calls {
		if !lengths[c.Syscall] {
			return false
		}
	}
	return true
}

// wrapper sees one system call by its function.
func (n *Node) wrapper(h *policy.Hook, call policy.Call, f function, entry, exit hook.Mechanism, base uint16) *site {
	s := n.userRegisters(base)
	s.backend = string(entry)
	s.entry, s.result = attached(hook.Entry, entry, f.name), attached(hook.Return, exit, f.name)
	s.returned = func() (source, error) {
		if exit == hook.FExit {
			return at(word), nil // behind the one argument
		}
		return at(n.Registers.Result().Offset), nil
	}
	if exit == hook.FExit && onlyNumbers(h) && !endless[call.Syscall] {
		s.both = attached(hook.Both, exit, f.name)
	}
	if returnsLength([]policy.Call{call}) {
		s.config.Flags |= uint32(bpf.HookHookFlagsHOOK_RETURNS_LENGTH)
	}
	return s
}

// everySyscall sees system calls where all pass.
func (n *Node) everySyscall(h *policy.Hook, calls []policy.Call) (*site, error) {
	s := n.userRegisters(0)
	s.backend = string(hook.SyscallEnter)
	s.entry, s.result = attached(hook.Entry, hook.SyscallEnter), attached(hook.Return, hook.SyscallExit)
	for _, call := range calls {
		number, err := n.syscall(call.ABI, call.Syscall)
		if err != nil {
			return nil, err
		}
		for _, a := range []*hook.Attachment{s.entry, s.result} {
			if number&compatBit != 0 {
				a.Compat = append(a.Compat, uint32(number))
			} else {
				a.Syscalls = append(a.Syscalls, uint32(number))
			}
		}
	}
	if len(s.entry.Compat) > 0 && len(s.entry.Syscalls) > 0 {
		return nil, fmt.Errorf("system calls of two ABIs in one hook; write one for each")
	}
	if len(s.entry.Compat) > 0 {
		s.notes = append(s.notes, "arguments of the ABI for 32 bits are shown as 64 bits")
		n.compatRegisters(s)
	}
	s.returned = func() (source, error) { return at(word), nil }
	if seenAtReturn(h, calls) {
		both := *s.result
		both.Stage = hook.Both
		s.both = &both
	}
	if returnsLength(calls) {
		s.config.Flags |= uint32(bpf.HookHookFlagsHOOK_RETURNS_LENGTH)
	}
	return s, nil
}

// compatArguments are the registers of the i386 ABI's arguments, arch/x86/entry/entry_64_compat.S.
var compatArguments = []string{"rbx", "rcx", "rdx", "rsi", "rdi", "rbp"}

func (n *Node) compatRegisters(s *site) {
	if n.Registers.Architecture != "amd64" {
		return // the 32-bit ABI of arm64 uses the same registers
	}
	s.word = func(index int) (source, error) {
		if index < 0 || index >= len(compatArguments) {
			return source{}, noArgument("a system call", index)
		}
		register, _ := n.Registers.Lookup(compatArguments[index])
		return inRegisters(0, register.Offset), nil
	}
}
