// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//go:build ignore

/* Attached to a function that a policy names as enforcer: one of these makes it fail in a thread for which a hook has left a note. */
#include "hook_config.h"
#include "hook_notes.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The error of the current thread's note, which is taken; 0 if there is none. */
static __always_inline int noted_error(void)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct enforcer_note *note = bpf_map_lookup_elem(&enforcer_notes, &thread);
	__s32 error;

	if (!note)
		return 0;
	error = note->error;
	bpf_map_delete_elem(&enforcer_notes, &thread);
	return error < 0 && error >= -4095 ? error : 0;
}

/* What it returns is what the function returns, unless it is 0. */
SEC("fmod_ret/enforcer")
int enforcer(void *ctx)
{
	return noted_error();
}

/* The same of a kprobe, by a helper that kernels with error injection have. */
SEC("kprobe/enforcer")
int enforcer_overriding(struct pt_regs *ctx)
{
	int error = noted_error();

	if (error)
		bpf_override_return(ctx, (long)error);
	return 0;
}
