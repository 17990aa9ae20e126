// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Credentials of the kernel as a record has them. */
#pragma once
#include "records.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

static __always_inline void fill_credentials(struct credentials *to, const struct cred *cred)
{
	to->uid = BPF_CORE_READ(cred, uid.val);
	to->gid = BPF_CORE_READ(cred, gid.val);
	to->euid = BPF_CORE_READ(cred, euid.val);
	to->egid = BPF_CORE_READ(cred, egid.val);
	to->suid = BPF_CORE_READ(cred, suid.val);
	to->sgid = BPF_CORE_READ(cred, sgid.val);
	to->fsuid = BPF_CORE_READ(cred, fsuid.val);
	to->fsgid = BPF_CORE_READ(cred, fsgid.val);
	to->securebits = BPF_CORE_READ(cred, securebits);
	bpf_core_read(&to->permitted, sizeof(to->permitted), &cred->cap_permitted);
	bpf_core_read(&to->effective, sizeof(to->effective), &cred->cap_effective);
	bpf_core_read(&to->inheritable, sizeof(to->inheritable), &cred->cap_inheritable);
	to->user_ns_level = BPF_CORE_READ(cred, user_ns, level);
	to->user_ns_uid = BPF_CORE_READ(cred, user_ns, owner.val);
	to->user_ns_gid = BPF_CORE_READ(cred, user_ns, group.val);
	to->user_ns_inum = BPF_CORE_READ(cred, user_ns, ns.inum);
	to->reserved = 0;
}
