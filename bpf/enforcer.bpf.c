// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//go:build ignore

/* Attached to a function that a policy names as enforcer: makes it fail in a thread for which a hook has left a note. */
#include "hook_config.h"
#include "hook_notes.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("fmod_ret/enforcer")
int enforcer(void *ctx)
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
