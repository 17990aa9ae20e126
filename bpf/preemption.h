// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Kernels that preempt may run another task on the CPU while a program is at work there. Counters and scratch areas are per
 * CPU, so a program holds it, where the kernel lets it (6.10). An event of the other task that comes while the program itself
 * is preempted, at its very end where it lets go of the CPU, is missed all the same: the kernel takes it for a recursion. It counts
 * that. Programs of BPF LSM and of kprobes are never left out so.
 */
#pragma once
#include "kernel_types.h"
#include <bpf/bpf_helpers.h>

extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;

static __always_inline void hold_cpu(void)
{
	if (bpf_preempt_disable)
		bpf_preempt_disable();
}

static __always_inline void release_cpu(void)
{
	if (bpf_preempt_enable)
		bpf_preempt_enable();
}
