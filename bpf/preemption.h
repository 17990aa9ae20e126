// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Kernels that preempt (since 7.0 all do) run a second task on the CPU while a program of the first is at work there; the
 * second one's event is then missed, because the kernel takes it for a recursion. So a program holds its CPU from its first
 * instruction on, where the kernel lets it (6.10). What is missed all the same is counted.
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
