// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy/syscalls"
)

// HookKind is a kind of place that a policy can watch. Kinds are bits, so that tables can name several.
type HookKind uint16

// The kinds, one per section; a tracepoint with raw: true is a kind of its own.
const (
	Kprobe HookKind = 1 << iota
	Fentry
	Tracepoint
	RawTracepoint
	LSM
	Uprobe
	USDT
	Loader
)

// Sets of kinds.
const (
	function  = Kprobe | Fentry
	inKernel  = function | Tracepoint | RawTracepoint | LSM
	inProgram = Uprobe | USDT
	anyHook   = inKernel | inProgram
)

// hookNames in the order of the bits.
var hookNames = [...]string{"kprobe", "fentry", "tracepoint", "raw tracepoint", "LSM hook", "uprobe", "usdt", "loader"}

// String is the name, of a set the names.
func (k HookKind) String() string {
	var set []string
	for i, name := range hookNames {
		if k&(1<<i) != 0 {
			set = append(set, name)
		}
	}
	return strings.Join(set, ", ")
}

// one is the name with its article.
func (k HookKind) one() string {
	if k == LSM {
		return "an " + k.String()
	}
	return "a " + k.String()
}

// Hook is one entry of a section: what is watched, what is read there, and what is done about it.
type Hook struct {
	Position
	Kind HookKind

	// Calls of a Kprobe or Fentry, lists resolved: one unless call is a list. An LSM hook has one with its name, without
	// bpf_lsm_. All share the arguments and selectors.
	Calls []Call
	// Pattern, if set, stands for further kernel functions: those that can be traced on the node and match it.
	Pattern *regexp.Regexp
	// Subsystem and Event of a Tracepoint or RawTracepoint.
	Subsystem, Event string
	// Program of a Uprobe or USDT.
	Program *Program

	Args, Data []Argument
	// Return: the hook has a return probe too. It may be without ReturnArg: ReturnCopy of an argument needs it.
	Return    bool
	ReturnArg *Argument
	// ReturnArgAction is done with the returned value (TrackSock, UntrackSock); nil for none.
	ReturnArgAction *Action
	// Selectors are tried in this order, the first that matches decides. None: every call is posted.
	Selectors []Selector

	Message string
	Tags    []string
	// IgnoreCallNotFound: a missing function is no error.
	IgnoreCallNotFound bool
}

// Call is a function of the kernel or a system call.
type Call struct {
	// Function is the kernel function's name; empty for a system call.
	Function string
	// Syscall is the system call's name without sys_; empty for a function.
	Syscall string
	// ABI of the system call; Native unless the policy names one.
	ABI syscalls.ABI
}

// String is the call as Tetragon's events spell it on the native ABI: sys_write for a system call.
func (c Call) String() string {
	switch {
	case c.Syscall == "":
		return c.Function
	case c.ABI == syscalls.Native:
		return "sys_" + c.Syscall
	}
	return string(c.ABI) + "/sys_" + c.Syscall
}

// Program is where in a file a uprobe or a usdt is.
type Program struct {
	Path, BTFPath string
	// InContainer: Path is looked up in each target container instead of on the node.
	InContainer bool
	// Symbols, Offsets and Addresses: one of them is set for a uprobe.
	Symbols            []Symbol
	Offsets, Addresses []uint64
	// RefCtrOffsets is empty or as long as the one that is set.
	RefCtrOffsets []uint64
	// Digests, one of which the file must have; empty for any file.
	Digests []Digest
	// IgnoreDigestFailure: another file is no error, the hook is left out.
	IgnoreDigestFailure bool
	// Provider and Name of a usdt.
	Provider, Name string
}

// Symbol is a place by name: Offset bytes after the symbol's start.
type Symbol struct {
	Name   string
	Offset uint64
}

// Digest of a file: Algorithm is sha1, sha256, sha384, sha512 or build-id.
type Digest struct {
	Algorithm string
	Sum       []byte
}

// Argument is one value that a hook reads.
type Argument struct {
	Position
	// Index of the function's argument, of a tracepoint's field or of a raw tracepoint's argument, from 0. Of an entry in
	// Data: its place there.
	Index int
	Type  *ArgumentType
	// Resolve is the way from the argument to the value through kernel types; empty for the argument itself.
	Resolve []Step
	// BTFType and BTFTypeModule override the type from which Resolve starts.
	BTFType, BTFTypeModule string
	// Source of an entry in Data.
	Source Source
	// Register of an entry in Data with SourceRegisters.
	Register Register
	// SizeIndex is the argument that holds the buffer's size, from 0; -1 for none.
	SizeIndex int
	// ReturnCopy: the buffer is read when the function returns.
	ReturnCopy bool
	// MaxData: as much of the buffer as can be had instead of 4 KiB.
	MaxData bool
	Label   string
}

// Step of a Resolve: a field's name, or an array's element if Field is empty.
type Step struct {
	Field   string
	Element int
}

// Source is where an entry of Data is read.
type Source string

// The sources. SourceArguments is that of Args.
const (
	SourceArguments Source = ""
	SourceTask      Source = "current_task"
	SourceRegisters Source = "pt_regs"
)

// Name is what the hook is called in messages: security_file_open, sched/sched_process_exec, /bin/bash:readline.
func (h *Hook) Name() string {
	switch {
	case h.Kind == Loader:
		return "loader"
	case h.Kind == USDT:
		return h.Program.Path + ":" + h.Program.Provider + ":" + h.Program.Name
	case h.Kind == Uprobe:
		return h.Program.Path + ":" + some(h.Program.places())
	case h.Event != "":
		return h.Subsystem + "/" + h.Event
	}
	var calls []string
	for _, call := range h.Calls {
		calls = append(calls, call.String())
	}
	if h.Pattern != nil {
		calls = append(calls, "/"+h.Pattern.String()+"/")
	}
	return some(calls)
}

// some joins names; of a list of hundreds the first.
func some(names []string) string {
	const most = 5
	if more := len(names) - most; more > 0 {
		names = append(names[:most:most], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ",")
}

// places of a uprobe in words: symbol, symbol+0x10, +0x1000 for an offset, 0x401000 for an address.
func (p *Program) places() (all []string) {
	for _, s := range p.Symbols {
		if name := s.Name; s.Offset == 0 {
			all = append(all, name)
		} else {
			all = append(all, fmt.Sprintf("%s+%#x", name, s.Offset))
		}
	}
	for _, offset := range p.Offsets {
		all = append(all, fmt.Sprintf("+%#x", offset))
	}
	for _, address := range p.Addresses {
		all = append(all, fmt.Sprintf("%#x", address))
	}
	return all
}

// Does says whether one of the hook's actions is such.
func (h *Hook) Does(such func(*Action) bool) bool {
	all := h.actions()
	return slices.ContainsFunc(all, func(a Action) bool { return such(&a) })
}

// actions are all of the hook.
func (h *Hook) actions() (all []Action) {
	for i := range h.Selectors {
		all = append(all, h.Selectors[i].Actions...)
		all = append(all, h.Selectors[i].ReturnActions...)
	}
	return all
}
