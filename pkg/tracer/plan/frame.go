// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
)

// frame says by what the return program finds the entry of the same call, where the function may be called again before it returns.
// Of what is not here a thread has one call at a time, or its frame is not known.
func (c *compiler) frame() {
	if calls := c.hook.Calls; len(calls) > 0 && calls[0].Syscall != "" {
		// One at a time; and kernels that move their stacks at each system call (RANDOMIZE_KSTACK_OFFSET) would make a call whose return
		// was missed look like the caller of the next ones.
		return
	}
	config := &c.def.Config
	switch entry := c.site.entry; entry.Mechanism {
	case hook.FEntry, hook.FModifyReturn:
		// both programs run in the frame of the function's trampoline
		config.Flags |= uint32(bpf.HookHookFlagsHOOK_FRAME_IS_CONTEXT)
	case hook.LSM:
		// the entry is seen in a function that the one calls of which the return is seen
		config.Flags |= uint32(bpf.HookHookFlagsHOOK_FRAME_BELOW_CONTEXT)
	case hook.Kprobe, hook.Uprobe, hook.UprobeMulti:
		config.Flags |= uint32(bpf.HookHookFlagsHOOK_FRAME_IS_STACK_POINTER)
		register, popped := c.node.Registers.StackPointer()
		config.FrameOffset, config.FramePopped = register.Offset, popped
	}
}
