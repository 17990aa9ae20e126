// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"golang.org/x/sys/unix"
)

// HasCookies says whether one program can tell apart the several places that it is attached to (since 5.15).
var HasCookies = sync.OnceValue(func() bool {
	return features.HaveProgramHelper(ebpf.Kprobe, asm.FnGetAttachCookie) == nil
})

// ProbesSleep says whether programs of uprobes may wait until memory of the process is there (since 5.19).
var ProbesSleep = sync.OnceValue(func() bool {
	p, err := ebpf.NewProgramWithOptions(&ebpf.ProgramSpec{
		Type: ebpf.Kprobe, Flags: unix.BPF_F_SLEEPABLE, License: "Dual BSD/GPL", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	}, ebpf.ProgramOptions{LogDisabled: true})
	if err == nil {
		p.Close()
	}
	return err == nil
})

// sleeps says whether programs of a mechanism run where they may wait.
func (m Mechanism) sleeps() bool { return mechanisms[m].sleeps && ProbesSleep() }
