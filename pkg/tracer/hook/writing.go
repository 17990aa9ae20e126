// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// writes says whether the hook sets arguments of a program, in its memory.
func (d *Definition) writes() bool { return d.Config.Flags&uint32(bpf.HookHookFlagsHOOK_SETS) != 0 }

// withoutWriting takes the call that writes out of a program where it is never reached: kernels since 6.12 warn of it in their log
// all the same.
func withoutWriting(p *ebpf.ProgramSpec) {
	for i := range p.Instructions {
		call := &p.Instructions[i]
		if call.IsBuiltinCall() && call.Constant == int64(asm.FnProbeWriteUser) {
			call.OpCode, call.Dst, call.Constant = asm.Mov.Op(asm.ImmSource), asm.R0, 0
		}
	}
}

// writable says why the programs of a hook that sets arguments must not: a kernel that is locked down has no helper for it.
func (d *Definition) writable() error {
	if !d.writes() {
		return nil
	}
	err := features.HaveProgramHelper(ebpf.Kprobe, asm.FnProbeWriteUser)
	if errors.Is(err, ebpf.ErrNotSupported) {
		return fmt.Errorf("%s: Set: programs cannot write into processes on this node, whose kernel is locked down (see /sys/kernel/security/lockdown)", d.Name)
	}
	return err
}
