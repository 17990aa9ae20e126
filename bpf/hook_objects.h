// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Objects of the kernel that are neither files nor connections. */
#pragma once
#include "credentials.h"
#include "hook_reading.h"

/* include/uapi/linux/un.h */
#define UNIX_PATH_MAX 108

static __always_inline void read_unix_address(struct reading *r, __u64 address, __u64 size, bool user)
{
	struct unix_address_value *v = reserve(r->s, sizeof(*v));
	char *to;
	__u16 family = 0;

	if (!v)
		return;
	if (user ? bpf_probe_read_user(&family, sizeof(family), (void *)address)
		 : bpf_probe_read_kernel(&family, sizeof(family), (void *)address)) {
		r->flags |= VALUE_UNREADABLE;
		return;
	}
	v->family = family;
	v->reserved = 0;
	r->value->number = family;
	to = end_of_data(r->s);
	/* Without a size a name that begins with 0 has none that could be seen: all of it is taken, user space trims it. */
	if (size < sizeof(family) || size > UNIX_PATH_MAX + sizeof(family))
		size = UNIX_PATH_MAX + sizeof(family);
	size -= sizeof(family);
	barrier_var(size);
	if (size > UNIX_PATH_MAX)
		return;
	address += sizeof(family);
	read_either(to, size, address, user);
	if (size && *to) { /* a path ends before its size where that is the size of the room for it */
		long length = user ? bpf_probe_read_user_str(to, size + 1, (void *)address)
				   : bpf_probe_read_kernel_str(to, size + 1, (void *)address);

		size = length > 0 && length <= UNIX_PATH_MAX + 1 ? length - 1 : 0;
	}
	take_text(r, size);
}

/* Kernels without CONFIG_MODULE_SIG look at no signature. */
#define SIGNATURE_OK(of) (bpf_core_field_exists((of)->sig_ok) && BPF_CORE_READ(of, sig_ok))

static __always_inline void read_module(struct reading *r, struct module *module, const char *name, bool signature_ok)
{
	struct module_value *v = reserve(r->s, sizeof(*v));

	if (!v)
		return;
	v->taints = module ? BPF_CORE_READ(module, taints) : 0;
	v->signature_ok = signature_ok;
	v->reserved = 0;
	if (name) /* it has none before the kernel has looked into it */
		read_text(r, (__u64)name, false);
}

static __always_inline void read_bpf_attr(struct reading *r, __u64 address, bool user)
{
	struct bpf_program_value *v = reserve(r->s, sizeof(*v));
	const __u32 name_offset = 48; /* union bpf_attr, include/uapi/linux/bpf.h: prog_type, insn_cnt, …, prog_name */

	if (!v)
		return;
	__builtin_memset(v, 0, sizeof(*v));
	if (user) {
		bpf_probe_read_user(v, 8, (void *)address);
		bpf_probe_read_user(v->name, sizeof(v->name), (void *)(address + name_offset));
	} else {
		bpf_probe_read_kernel(v, 8, (void *)address);
		bpf_probe_read_kernel(v->name, sizeof(v->name), (void *)(address + name_offset));
	}
}

static __always_inline void read_bpf_prog(struct reading *r, struct bpf_prog *prog)
{
	struct bpf_program_value *v = reserve(r->s, sizeof(*v));

	if (!v)
		return;
	v->type = BPF_CORE_READ(prog, type);
	v->instructions = BPF_CORE_READ(prog, len);
	bpf_probe_read_kernel(v->name, sizeof(v->name), BPF_CORE_READ(prog, aux, name));
}

static __always_inline void read_bpf_map(struct reading *r, struct bpf_map *map)
{
	struct bpf_map_value *v = reserve(r->s, sizeof(*v));

	if (!v)
		return;
	v->type = BPF_CORE_READ(map, map_type);
	v->key_size = BPF_CORE_READ(map, key_size);
	v->value_size = BPF_CORE_READ(map, value_size);
	v->max_entries = BPF_CORE_READ(map, max_entries);
	bpf_core_read(v->name, sizeof(v->name), &map->name);
}

static __always_inline void read_perf_event(struct reading *r, struct perf_event *event)
{
	struct perf_event_value *v = reserve(r->s, sizeof(*v));
	const __u32 first_dynamic_type = 6; /* PERF_TYPE_MAX: from here the types of PMUs, kprobe's among them */

	if (!v)
		return;
	v->type = BPF_CORE_READ(event, attr.type);
	v->reserved = 0;
	v->config = BPF_CORE_READ(event, attr.config);
	v->probe_offset = BPF_CORE_READ(event, attr.probe_offset);
	if (v->type >= first_dynamic_type)
		read_text(r, BPF_CORE_READ(event, attr.kprobe_func), true);
	r->flags &= ~VALUE_UNREADABLE; /* most events have no such function */
}

static __always_inline void read_cred(struct reading *r, const struct cred *cred)
{
	struct credentials *v = reserve(r->s, sizeof(*v));

	if (v)
		fill_credentials(v, cred);
}

static __always_inline void read_user_namespace(struct reading *r, struct user_namespace *ns)
{
	struct user_namespace_value *v = reserve(r->s, sizeof(*v));

	if (!v)
		return;
	v->level = BPF_CORE_READ(ns, level);
	v->uid = BPF_CORE_READ(ns, owner.val);
	v->gid = BPF_CORE_READ(ns, group.val);
	v->inum = BPF_CORE_READ(ns, ns.inum);
}
