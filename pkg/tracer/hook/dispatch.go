// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
)

// maxSyscalls is SYSCALLS of bpf/syscall_abi.h: the numbers of the ABI for 32 bits begin there.
const maxSyscalls = 1024

// maxLayers is how many hooks can want the same system call.
const maxLayers = 16

// Dispatch has the programs where all system calls pass. A table has room for one hook for each system call, so the second
// hook of a call goes into a second layer, with programs of its own. Layers are made when they are needed.
type Dispatch struct {
	host   Host
	types  *btf.Cache
	layers []*layer
}

// layer is one pair of programs, attached one by one when something is in their tables.
type layer struct {
	objects bpf.SyscallsObjects
	links   map[Mechanism]link.Link
	taken   map[Mechanism]map[uint32]*ebpf.Program
}

func (d *Dispatch) newLayer() (*layer, error) {
	l := &layer{links: map[Mechanism]link.Link{}, taken: map[Mechanism]map[uint32]*ebpf.Program{SyscallEnter: {}, SyscallExit: {}}}
	spec, err := kernel.Specification(d.types, bpf.LoadSyscalls, bpf.LoadSyscallsOld)
	if err != nil {
		return nil, err
	}
	if err := d.host.SetConstants(spec.Variables); err != nil {
		return nil, err
	}
	err = spec.LoadAndAssign(&l.objects, &ebpf.CollectionOptions{
		MapReplacements: replacements(spec, d.host.SharedMaps()), Cache: d.types,
	})
	if err != nil {
		return nil, fmt.Errorf("load the programs for system calls: %w", err)
	}
	return l, nil
}

// callers says for whom an attachment's programs run.
func (a Attachment) callers() bpf.SyscallsSyscallCallers {
	if a.Everybody {
		return bpf.SyscallsSyscallCallersCALLERS_ALL
	}
	return bpf.SyscallsSyscallCallersCALLERS_IN_SCOPE
}

// places are those of system calls in tables: of native ones, and of those of the ABI for 32 bits.
func places(syscalls, compat []uint32) (all []uint32) {
	all = append(all, syscalls...)
	for _, n := range compat {
		all = append(all, maxSyscalls+n)
	}
	return all
}

// add enters a program for its system calls.
func (d *Dispatch) add(p *ebpf.Program, a Attachment) error {
	numbers := places(a.Syscalls, a.Compat)
	for _, l := range d.layers {
		if l.hasRoom(a.Mechanism, numbers) {
			return l.add(p, a, numbers)
		}
	}
	if len(d.layers) == maxLayers {
		return fmt.Errorf("more than %d hooks want the same system call", maxLayers)
	}
	l, err := d.newLayer()
	if err != nil {
		return err
	}
	d.layers = append(d.layers, l)
	return l.add(p, a, numbers)
}

// table of a mechanism, that of who calls its programs, and the program that looks into both.
func (l *layer) table(m Mechanism) (table, callers *ebpf.Map, entrance *ebpf.Program) {
	if m == SyscallExit {
		return l.objects.Left, l.objects.LeftCallers, l.objects.SyscallLeft
	}
	return l.objects.Entered, l.objects.EnteredCallers, l.objects.SyscallEntered
}

// remove takes a program out of the tables.
func (d *Dispatch) remove(p *ebpf.Program) error {
	var errs []error
	for _, l := range d.layers {
		for m, taken := range l.taken {
			for n, owner := range taken {
				if owner == p {
					table, callers, _ := l.table(m)
					errs = append(errs, callers.Put(n, uint8(bpf.SyscallsSyscallCallersCALLERS_NONE)), table.Delete(n))
					delete(taken, n)
				}
			}
		}
	}
	return errors.Join(errs...)
}

func (l *layer) hasRoom(m Mechanism, numbers []uint32) bool {
	for _, n := range numbers {
		if l.taken[m][n] != nil {
			return false
		}
	}
	return true
}

func (l *layer) add(p *ebpf.Program, a Attachment, numbers []uint32) error {
	m := a.Mechanism
	table, callers, entrance := l.table(m)
	for _, n := range numbers {
		if err := errors.Join(table.Put(n, p), callers.Put(n, uint8(a.callers()))); err != nil {
			return fmt.Errorf("enter the program for system call %d: %w", n, err)
		}
		l.taken[m][n] = p
	}
	if l.links[m] != nil {
		return nil
	}
	attached, err := link.AttachTracing(link.TracingOptions{Program: entrance, AttachType: ebpf.AttachTraceRawTp})
	if err != nil {
		return fmt.Errorf("attach to all system calls: %w", err)
	}
	l.links[m] = attached
	return nil
}

// Detach ends all programs.
func (d *Dispatch) Detach() error {
	var errs []error
	for _, l := range d.layers {
		for m, attached := range l.links {
			errs = append(errs, attached.Close())
			delete(l.links, m)
		}
	}
	return errors.Join(errs...)
}

// Close frees all programs.
func (d *Dispatch) Close() error {
	err := d.Detach()
	for _, l := range d.layers {
		err = errors.Join(err, l.objects.Close())
	}
	d.layers = nil
	return err
}
