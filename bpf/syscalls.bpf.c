// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//go:build ignore

/*
 * Where all system calls pass, once: the programs of the hooks that want a call stand in a table by its number, so that a
 * call that nobody wants costs a look into the table, however many hooks there are.
 */
#include "syscall_abi.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Numbers of system calls; every architecture has fewer. */
#define SYSCALLS 1024
/* The ABI for 32 bits has numbers of its own: its programs stand behind those of the native one. */
#define COMPAT SYSCALLS

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2 * SYSCALLS);
	__type(key, __u32);
	__type(value, __u32);
} entered SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2 * SYSCALLS);
	__type(key, __u32);
	__type(value, __u32);
} left SEC(".maps");

/* The x32 ABI sets this bit in the numbers of the native one, arch/x86/include/uapi/asm/unistd.h. */
#define X32 0x40000000

static __always_inline __u32 place_of(long number)
{
	return is_compat() ? COMPAT + (number & (SYSCALLS - 1)) : number & ~X32;
}

static __always_inline long number_of(struct pt_regs *regs)
{
	struct pt_regs___entered_x86 *x86 = (void *)regs;
	struct pt_regs___entered_arm64 *arm64 = (void *)regs;

	if (bpf_core_field_exists(x86->orig_ax))
		return BPF_CORE_READ(x86, orig_ax);
	return BPF_CORE_READ(arm64, syscallno);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(syscall_entered, struct pt_regs *regs, long number)
{
	bpf_tail_call(ctx, &entered, place_of(number));
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(syscall_left, struct pt_regs *regs, long result)
{
	bpf_tail_call(ctx, &left, place_of(number_of(regs)));
	return 0;
}
