// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
)

// place is where a loop passes and a hook can be.
type place struct {
	mechanism hook.Mechanism
	loop      string
	// policy is a hook of a TracingPolicy with %s for the prefix of the paths that match.
	policy string
	// armed: without the right to enforce there is no such program.
	armed bool
	// symbol is what the empty program is attached to.
	symbol string
}

// hooks of policies, as their texts begin: kprobes are served by whatever the kernel has.
const (
	permission = `  kprobes:
  - {call: security_file_permission, syscall: false, %sargs: [{index: 0, type: file}, {index: 1, type: int}], %%s}`
	opened = `  kprobes:
  - {call: security_file_open, syscall: false, %sargs: [{index: 0, type: file}], %%s}`
	executed = `  kprobes:
  - {call: security_bprm_check, syscall: false, %sargs: [{index: 0, type: linux_binprm}], %%s}`
	returning = "return: true, returnArg: {index: 0, type: int}, "

	selector = `selectors: [{matchArgs: [{index: 0, operator: Prefix, values: ["%s/"]}]}]`
	// denying has a selector that denies and never matches.
	denying = `selectors: [{matchArgs: [{index: 0, operator: Equal, values: ["/nowhere"]}], matchActions: [{action: Override, argError: -1}]},
      {matchArgs: [{index: 0, operator: Prefix, values: ["%s/"]}]}]`
)

// lsmHook and many are the other kinds of hooks of a policy.
const (
	lsmHook = `  lsmhooks:
  - {hook: %s, args: [{index: 0, type: %s}], %s}`
	many = `  lists:
  - {name: many, values: [security_file_permission, security_file_open, security_file_ioctl, security_file_lock,
      security_file_fcntl, security_file_receive, security_file_truncate, security_mmap_file, security_file_set_fowner]}
  kprobes:
  - {call: "list:many", syscall: false, args: [{index: 0, type: file}], ` + selector + `}`
)

func hookOf(text, returned, filters string) string {
	return fmt.Sprintf(fmt.Sprintf(text, returned), filters)
}

// places by tier, best first; those that a kernel lacks are left out of the table.
var places = []place{
	{hook.FEntry, "pread+pwrite", hookOf(permission, "", selector), false, "security_file_permission"},
	{hook.FEntry, "open+close", hookOf(opened, "", selector), false, "security_file_open"},
	{hook.FEntry, "exec", hookOf(executed, "", selector), false, "security_bprm_check"},
	{hook.FExit, "pread+pwrite", hookOf(permission, returning, selector), false, "security_file_permission"},
	{hook.FModifyReturn, "pread+pwrite", hookOf(permission, "", denying), true, "security_file_permission"},
	{hook.FModifyReturn, "open+close", hookOf(opened, "", denying), true, "security_file_open"},
	{hook.LSM, "pread+pwrite", fmt.Sprintf(lsmHook, "file_permission", "file", selector), false, "file_permission"},
	{hook.LSM, "open+close", fmt.Sprintf(lsmHook, "file_open", "file", selector), false, "file_open"},
	{hook.Kprobe, "pread+pwrite", hookOf(permission, "", selector), false, "security_file_permission"},
	{hook.Kprobe, "open+close", hookOf(opened, "", selector), false, "security_file_open"},
	{hook.Kprobe, "exec", hookOf(executed, "", selector), false, "security_bprm_check"},
	{hook.KprobeMulti, "pread+pwrite", many, false, "security_file_permission"},
	{hook.SyscallEnter, "pread+pwrite", hookOf(permission, "", selector), false, "sys_enter"},
	{hook.SyscallExit, "open+close", hookOf(opened, "", selector), false, "sys_exit"},
	{hook.RawTracepoint, "exec", hookOf(executed, "", selector), false, "sched_process_exec"},
}

// program is how an empty program is loaded and attached.
type program struct {
	kind   ebpf.ProgramType
	at     ebpf.AttachType
	attach func(*ebpf.Program, place) (link.Link, error)
}

func tracing(at ebpf.AttachType) program {
	return program{ebpf.Tracing, at, func(p *ebpf.Program, _ place) (link.Link, error) {
		return link.AttachTracing(link.TracingOptions{Program: p, AttachType: at})
	}}
}

var programs = map[hook.Mechanism]program{
	hook.FEntry:        tracing(ebpf.AttachTraceFEntry),
	hook.FExit:         tracing(ebpf.AttachTraceFExit),
	hook.FModifyReturn: tracing(ebpf.AttachModifyReturn),
	hook.SyscallEnter:  tracing(ebpf.AttachTraceRawTp),
	hook.SyscallExit:   tracing(ebpf.AttachTraceRawTp),
	hook.RawTracepoint: tracing(ebpf.AttachTraceRawTp),
	hook.LSM: {ebpf.LSM, ebpf.AttachLSMMac, func(p *ebpf.Program, _ place) (link.Link, error) {
		return link.AttachLSM(link.LSMOptions{Program: p})
	}},
	hook.Kprobe: {ebpf.Kprobe, ebpf.AttachNone, func(p *ebpf.Program, at place) (link.Link, error) {
		return link.Kprobe(at.symbol, p, nil)
	}},
	hook.KprobeMulti: {ebpf.Kprobe, ebpf.AttachTraceKprobeMulti, func(p *ebpf.Program, at place) (link.Link, error) {
		return link.KprobeMulti(p, link.KprobeMultiOptions{Symbols: []string{at.symbol}})
	}},
}

// empty attaches a program that does nothing.
func (p place) empty() (end func() error, err error) {
	row := programs[p.mechanism]
	spec := &ebpf.ProgramSpec{
		Type: row.kind, AttachType: row.at, License: "Dual BSD/GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	}
	if row.kind != ebpf.Kprobe {
		spec.AttachTo = p.symbol
	}
	loaded, err := ebpf.NewProgram(spec)
	if err != nil {
		return nil, err
	}
	attached, err := row.attach(loaded, p)
	if err != nil {
		loaded.Close()
		return nil, err
	}
	return func() error {
		defer loaded.Close()
		return attached.Close()
	}, nil
}
