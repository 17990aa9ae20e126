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

// writable says why the programs of a hook that sets arguments must not: a kernel that is locked down has no helper for it.
func (d *Definition) writable() error {
	if d.Config.Flags&uint32(bpf.HookHookFlagsHOOK_SETS) == 0 {
		return nil
	}
	err := features.HaveProgramHelper(ebpf.Kprobe, asm.FnProbeWriteUser)
	if errors.Is(err, ebpf.ErrNotSupported) {
		return fmt.Errorf("%s: Set: programs cannot write into processes on this node, whose kernel is locked down (see /sys/kernel/security/lockdown)", d.Name)
	}
	return err
}
