// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Arguments as a record has them: what stands behind a word, by the kind of the argument. */
#pragma once
#include "hook_files.h"
#include "hook_objects.h"
#include "hook_sockets.h"

/* Reads what stands behind the word of the value. */
static __always_inline void read_kind(struct reading *r, __u64 size)
{
	const volatile struct hook_argument *a = r->argument;
	__u64 word = r->value->number;
	bool user = a->flags & ARGUMENT_USER;

	switch (a->kind) {
	case KIND_NUMBER:
	case KIND_SYSCALL: {
		__u64 *v = reserve(r->s, sizeof(*v));

		if (v)
			*v = word;
		return;
	}
	case KIND_FD:
		read_file(r, file_of(word), word);
		return;
	}
	if (a->flags & ARGUMENT_FROM_FD)
		word = object_of(word, a->kind);
	if (!word) {
		r->flags |= VALUE_ABSENT;
		return;
	}
	if (user)
		bring_in_pages(word);
	switch (a->kind) {
	case KIND_USER_PATH:
		r->flags |= put_user_path(HAND(r->s), r->place, word, size);
		break;
	case KIND_TEXT:
		read_text(r, word, user);
		break;
	case KIND_BYTES:
		if (a->flags & ARGUMENT_VECTOR)
			read_vector(r, word, size, 0, false);
		else
			read_bytes(r, word, size, user);
		break;
	case KIND_IOV_ITER:
		read_iov_iter(r, (void *)word);
		break;
	case KIND_FILENAME:
		read_text(r, (__u64)BPF_CORE_READ((struct filename *)word, name), false);
		break;
	case KIND_FILE:
		read_file(r, (void *)word, 0);
		break;
	case KIND_KIOCB:
		read_file(r, BPF_CORE_READ((struct kiocb *)word, ki_filp), 0);
		break;
	case KIND_PATH:
		read_path(r, BPF_CORE_READ((struct path *)word, dentry), BPF_CORE_READ((struct path *)word, mnt), 0);
		break;
	case KIND_DENTRY:
		read_dentry(r, (void *)word, r->argument->beside < HOOK_ARGUMENTS ? (struct path *)size : NULL);
		break;
	case KIND_BINPRM:
		read_file(r, BPF_CORE_READ((struct linux_binprm *)word, file), 0);
		break;
	case KIND_SOCK:
		read_sock(r->s, r->value, (void *)word, a->constant);
		break;
	case KIND_SOCKET:
		read_sock(r->s, r->value, BPF_CORE_READ((struct socket *)word, sk), 0);
		break;
	case KIND_SKB:
		read_skb(r->s, r->value, (void *)word);
		break;
	case KIND_SOCKADDR:
		if (!read_sockaddr(r->s, r->value, word, user))
			r->flags |= VALUE_UNREADABLE;
		break;
	case KIND_SOCKADDR_UN:
		read_unix_address(r, word, size, user);
		break;
	case KIND_CRED:
		read_cred(r, (void *)word);
		break;
	case KIND_USER_NAMESPACE:
		read_user_namespace(r, (void *)word);
		break;
	case KIND_CAPABILITIES: {
		__u64 *v = reserve(r->s, sizeof(*v));

		if (!v)
			break;
		*v = 0;
		if (user ? bpf_probe_read_user(v, sizeof(*v), (void *)word) : bpf_probe_read_kernel(v, sizeof(*v), (void *)word))
			r->flags |= VALUE_UNREADABLE;
		r->value->number = *v;
		break;
	}
	case KIND_LOAD_INFO: {
		struct load_info *info = (void *)word;

		read_module(r, BPF_CORE_READ(info, mod), BPF_CORE_READ(info, name), SIGNATURE_OK(info));
		break;
	}
	case KIND_MODULE: {
		struct module *module = (void *)word;

		read_module(r, module, module->name, SIGNATURE_OK(module));
		break;
	}
	case KIND_BPF_ATTR:
		read_bpf_attr(r, word, user);
		break;
	case KIND_BPF_MAP:
		read_bpf_map(r, (void *)word);
		break;
	case KIND_BPF_PROG:
		read_bpf_prog(r, (void *)word);
		break;
	case KIND_PERF_EVENT:
		read_perf_event(r, (void *)word);
		break;
	case KIND_NET_DEVICE:
		read_text(r, (__u64)((struct net_device *)word)->name, false);
		break;
	}
}

/*
 * Reads one argument into the record. Its word must have been fetched already. A value that could not be read is in the
 * record too, and says so.
 */
static __noinline int read_argument(struct hook_scratch *s, __u32 place, __u64 size)
{
	struct argument_header *header;
	struct reading r = { .s = s, .place = place };
	__u32 begin;

	if (!s || place >= HOOK_ARGUMENTS)
		return 0;
	r.argument = &hook_arguments[place];
	r.value = &s->values[place];
	header = reserve(s, sizeof(*header));
	if (!header) {
		s->record.flags |= HOOK_RECORD_CUT;
		return 0;
	}
	begin = s->used;
	r.value->structure = begin;
	r.value->known = 1;
	r.value->at = begin;
	r.value->length = 0;
	if (r.value->failed)
		r.flags = VALUE_UNREADABLE;
	else
		read_kind(&r, size);
	r.value->readable = !(r.flags & (VALUE_UNREADABLE | VALUE_ABSENT));
	header->place = place;
	header->kind = r.argument->kind;
	header->flags = r.flags;
	header->detail = r.value->failed;
	header->length = s->used - begin;
	s->used = (s->used + 7) & ~7U;
	if (r.argument->flags & ARGUMENT_UNSENT)
		s->used = begin - sizeof(*header); /* still there for the filters, until the next takes its room */
	else
		s->record.argument_count++;
	return 0;
}
