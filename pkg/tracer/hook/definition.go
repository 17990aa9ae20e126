// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"fmt"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// Limits of one hook, as the kernel side has them.
var (
	MaxArguments = len(bpf.HookCallContexts{}.Calls[0].Words)
	MaxSelectors = 16
	MaxFilters   = 96
	MaxWalk      = len(bpf.HookHookArgument{}.Walk)
	// MaxLayouts is HOOK_LAYOUTS of bpf/hook_layouts.h.
	MaxLayouts = 16
)

// Nowhere is no place: an argument without a size, a memory reference without an index register.
const Nowhere = 255

// Definition is one hook in the kernel side's terms.
type Definition struct {
	// Name for messages.
	Name      string
	Config    bpf.HookHookConfig
	Arguments []bpf.HookHookArgument
	Filters   []bpf.HookHookFilter
	Selectors []bpf.HookHookSelector
	// Operands of the filters.
	Operands []uint64
	// RateLimited: a selector has a rate limit, so repeats must be remembered.
	RateLimited bool
	// Beside is what is loaded for the same hook already: a repeat there is one here. May be nil.
	Beside *Loaded
	// Registers are set by ACTION_OVERRIDE of a uprobe.
	Registers []Assignment
	// Attachments are where its programs are attached: one for each stage, or one for both.
	Attachments []Attachment
	// Layouts of its system calls, where arguments (FROM_LAYOUT) stand differently in each; else none.
	Layouts []CallLayout
}

// CallLayout is where the arguments of some system calls stand.
type CallLayout struct {
	// Syscalls and Compat as in Attachment.
	Syscalls, Compat []uint32
	// Words by place: as many as the hook has arguments.
	Words []bpf.HookLayoutWord
}

// Stage is when a program of a hook runs.
type Stage string

// The stages: Both is one program at the return that sees the arguments as well.
const (
	Entry  Stage = "hook_entry"
	Return Stage = "hook_return"
	Both   Stage = "hook_both"
	// Hashing is Entry of an LSM hook that reads the file's IMA hash, for which it may sleep.
	Hashing Stage = "hook_hashing"
)

// Attachment is one program and its place.
type Attachment struct {
	Stage     Stage
	Mechanism Mechanism
	// Symbols are kernel functions, LSM hooks or tracepoints by name: one, except for KprobeMulti. Cookies belong to them.
	Symbols []string
	Cookies []uint64
	// TracepointID of a Tracepoint, as tracefs has it.
	TracepointID uint64
	// Syscalls of SyscallEnter and SyscallExit by number; Compat are those of the ABI for 32 bits.
	Syscalls, Compat []uint32
	// Everybody: SyscallEnter and SyscallExit call the program for processes outside of the scope too. Load sets it.
	Everybody bool
	// Executable is the file of a uprobe, as a path that cannot be exchanged; Offsets are in the file, RefCtrOffsets empty or as
	// long.
	Executable             string
	Offsets, RefCtrOffsets []uint64
	// Mappings, if it is not 0, has the kernel tell a perf event of each mapping of files in memory, which is for a program
	// that sees that; the event's attr.config1 is this number.
	Mappings uint64
}

// everybody says whether the programs have to see processes outside of the scope: they may handle a tracked socket.
func (d *Definition) everybody() bool {
	return d.Config.Flags&uint32(bpf.HookHookFlagsHOOK_TRACKS_SOCKETS) != 0
}

// dispatched says whether the programs are called from where all system calls pass.
func (d *Definition) dispatched() bool {
	return !slices.ContainsFunc(d.Attachments, func(a Attachment) bool {
		return a.Mechanism != SyscallEnter && a.Mechanism != SyscallExit
	})
}

func (d *Definition) check() error {
	for _, limit := range []struct {
		what       string
		count, max int
	}{
		{"arguments, data and return value", len(d.Arguments), MaxArguments},
		{"selectors", len(d.Selectors), MaxSelectors},
		{"filters in all selectors", len(d.Filters), MaxFilters},
		{"layouts of system calls", len(d.Layouts), MaxLayouts},
	} {
		if limit.count > limit.max {
			return fmt.Errorf("%s: %d %s, the kernel programs have room for %d", d.Name, limit.count, limit.what, limit.max)
		}
	}
	return nil
}
