// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//go:build ignore

/*
 * Where all system calls pass, once: the programs of the hooks that want a call stand in a table by its number, so that a
 * call that nobody wants costs a look into a table, however many hooks there are, and one of a process that is not in the
 * scope little more.
 */
#include "scope.h"
#include "syscall_abi.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PLACES (2 * SYSCALLS)

/* Who has a program for a call run. */
enum syscall_callers {
	CALLERS_NONE = 0,
	/* processes in the scope */
	CALLERS_IN_SCOPE = 1,
	/* all: the program looks for itself */
	CALLERS_ALL = 2,
};

const enum syscall_callers *keep_syscall_callers __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, PLACES);
	__type(key, __u32);
	__type(value, __u32);
} entered SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, PLACES);
	__type(key, __u32);
	__type(value, __u32);
} left SEC(".maps");

/* enum syscall_callers by the same numbers. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PLACES);
	__type(key, __u32);
	__type(value, __u8);
} entered_callers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PLACES);
	__type(key, __u32);
	__type(value, __u8);
} left_callers SEC(".maps");

static __always_inline long number_of(struct pt_regs *regs)
{
	struct pt_regs___entered_x86 *x86 = (void *)regs;
	struct pt_regs___entered_arm64 *arm64 = (void *)regs;

	if (bpf_core_field_exists(x86->orig_ax))
		return x86->orig_ax;
	return arm64->syscallno;
}

static __always_inline bool is_wanted(struct task_struct *task, void *callers, __u32 place)
{
	__u8 *who = bpf_map_lookup_elem(callers, &place);

	if (!who || *who == CALLERS_NONE)
		return false;
	return *who == CALLERS_ALL || current_in_scope(task);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(syscall_entered, struct pt_regs *regs, long number)
{
	struct task_struct *task = current_task();
	__u32 place = place_of_call(task, number);

	if (is_wanted(task, &entered_callers, place))
		bpf_tail_call(ctx, &entered, place);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(syscall_left, struct pt_regs *regs, long result)
{
	struct task_struct *task = current_task();
	__u32 place = place_of_call(task, number_of(regs));

	if (is_wanted(task, &left_callers, place))
		bpf_tail_call(ctx, &left, place);
	return 0;
}
