// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"fmt"
	"strings"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

// site is a place where calls of a hook can be seen, and where their arguments stand there.
type site struct {
	backend string
	via     string
	notes   []string
	// entry sees the call before it does anything; result its return; both is a program at the return that sees the arguments
	// as they were. A site has entry, or both, or all.
	entry, result, both *hook.Attachment
	// word says where the first word of the hook's argument is; nil-safe errors where the site has no such argument.
	word func(index int) (source, error)
	// part says where a field behind an argument is that the site sees apart, false for other fields; may be nil.
	part func(index int, field string) (source, bool, error)
	// returned says where the result is.
	returned func() (source, error)
	// parameter is the kernel's type of an argument; nil where the kernel does not say.
	parameter func(index int) (btf.Type, error)
	// returnedType is the kernel's type of the result; nil where the kernel does not say.
	returnedType func() (btf.Type, error)
	// fieldType is the policy's type of an argument where the site knows it without the kernel's type information.
	fieldType func(index int) (*policy.ArgumentType, error)
	// fits refuses a type that an argument cannot be read as; nil where the kernel's type information says it.
	fits func(index int, t *policy.ArgumentType) error
	// jump is how far what a policy's Override names is from the place of a uprobe, in bytes; nil where there is no such action.
	jump func(policy.Action) (int64, error)
	// register says where a processor's register is; nil where the registers are not seen.
	register func(layout.Register) source
	// user: pointers among the arguments lead to user memory.
	user bool
	// executed: it is seen after an exec what the hook is about before it.
	executed bool
	// implies: it stands in for a function, and what it does not see of that is a constant.
	implies bool
	// seldom: it, and others of its route, see system calls that programs do not make all the time.
	seldom bool
	// denies: what the entry returns is what the call returns.
	denies bool
	// conditions of a site that sees more than the hook asks for.
	conditions []condition
	config     bpf.HookHookConfig
	functions  []string
	// hook is what is read and asked here; nil: what the policy has.
	hook *policy.Hook
	// spec is the type information for walks, nil where untyped says why there is none.
	spec    *btf.Spec
	untyped error
}

// route is the sites that together see all calls of a hook: one, or several tracepoints that share the work.
type route []*site

// source is where a word is.
type source struct {
	bpf.HookHookArgument
	// override: the kind is the source's and not that of the argument's type, as the site has the value in another form.
	override bool
	// kernel: pointers on the way lead to kernel memory, though those of the site lead to user memory.
	kernel bool
	// beside is what the value cannot be read without: of a path the descriptor or struct path of its directory.
	beside *source
	// note is what is less well about it.
	note string
	// lacks is what of the value is not there yet, so that filters on it would compare nothing.
	lacks *lack
}

// lack is what filters compare of a value and a site does not see.
type lack struct {
	subject bpf.HookFilterSubject
	reason  string
}

// condition is a filter of the site itself: the number that source yields lies in one of the ranges, which are sorted and apart.
type condition struct {
	source  source
	subject bpf.HookFilterSubject
	ranges  []policy.Range
	negated bool
}

func at(offset uint32) source {
	return source{HookHookArgument: bpf.HookHookArgument{Source: uint8(bpf.HookValueSourceFROM_CONTEXT), Offset: offset}}
}

func inRegisters(base uint16, offset uint32) source {
	return source{HookHookArgument: bpf.HookHookArgument{Source: uint8(bpf.HookValueSourceFROM_REGISTERS), Base: base, Offset: offset}}
}

func constant(value uint64) source {
	return source{HookHookArgument: bpf.HookHookArgument{Source: uint8(bpf.HookValueSourceFROM_CONSTANT), Constant: value}}
}

// word of 8 bytes: the size of a slot in the context of tracing programs.
const word = 8

// noArgument is the error of a site that lacks an argument.
func noArgument(backend string, index int) error {
	return fmt.Errorf("%s does not see argument %d", backend, index)
}

// enforces says whether one of the hook's entry actions has to deny or kill.
func enforces(h *policy.Hook) bool {
	for _, s := range h.Selectors {
		for _, a := range s.Actions {
			if a.Kind.Enforces() {
				return true
			}
		}
	}
	return false
}

// overrides says whether one of the hook's entry actions replaces what it returns.
func overrides(h *policy.Hook) bool {
	for _, s := range h.Selectors {
		for _, a := range s.Actions {
			if a.Kind == policy.Override {
				return true
			}
		}
	}
	return false
}

// signals says whether one of the hook's entry actions sends a signal.
func signals(h *policy.Hook) bool {
	for _, s := range h.Selectors {
		for _, a := range s.Actions {
			if a.Kind == policy.Sigkill || a.Signal != 0 {
				return true
			}
		}
	}
	return false
}

// executes says whether a hook is about a program that is about to be executed.
func executes(h *policy.Hook) bool {
	for _, c := range h.Calls {
		if strings.HasPrefix(strings.TrimPrefix(c.Function, security), "bprm_") || c.Syscall == "execve" || c.Syscall == "execveat" {
			return true
		}
	}
	return h.Event == execEvent
}
