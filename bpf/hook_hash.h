// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Hashes of files, which LSM hooks may wait for. */
#pragma once
#include "hook_act.h"

/* Reads the IMA hash of the file that an LSM hook is about to s->path, from where post takes it. May sleep to compute it. */
static __always_inline void read_hash(__u64 *ctx, struct hook_scratch *s)
{
	struct file *file = NULL;
	long algorithm;

	if (hook.flags & HOOK_HASHES_BINPRM)
		file = ((struct linux_binprm *)ctx[0])->file;
	else
		file = (struct file *)ctx[0];
	if (!file)
		return;
	algorithm = bpf_ima_file_hash(file, s->path, HASH_MAX);
	if (algorithm < 0)
		return;
	s->record.hash_algorithm = algorithm;
	s->record.hash_length = HASH_MAX;
}
