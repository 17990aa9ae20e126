// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Arguments as a record has them: what stands behind a word, by the kind of the argument. */
#pragma once
#include "credentials.h"
#include "hook_fetch.h"
#include "hook_sockets.h"
#include "path.h"

/* Entries of an array of struct iovec that are read. */
#define VECTOR_ENTRIES 32
#define UNIX_PATH_MAX 108
/* Bytes of a text, its end included: what is longer than any text that it is compared with must not look like one of them. */
#define TEXT_MAX (PATH_MAX + 2)

/* One argument on its way into the record. */
struct reading {
	struct hook_scratch *s;
	struct value *value;
	const volatile struct hook_argument *argument;
	__u8 flags;
};

/* Sets the argument's text to what was put at the end of data. */
static __always_inline void take_text(struct reading *r, __u32 length)
{
	__u32 at = r->s->used;

	r->value->at = at;
	r->value->length = length;
	r->s->used = at + length;
}

static __always_inline char *end_of_data(struct hook_scratch *s)
{
	return &s->data[s->used & (HOOK_DATA - 1)];
}

static __always_inline void read_text(struct reading *r, __u64 address, bool user)
{
	char *to = end_of_data(r->s);
	long length;

	if (user)
		length = bpf_probe_read_user_str(to, TEXT_MAX, (void *)address);
	else
		length = bpf_probe_read_kernel_str(to, TEXT_MAX, (void *)address);
	if (length < 0 && !user) /* functions of the kernel take pointers to user memory too */
		length = bpf_probe_read_user_str(to, TEXT_MAX, (void *)address);
	if (length < 0) {
		r->flags |= VALUE_UNREADABLE;
		return;
	}
	if (length == TEXT_MAX)
		r->flags |= VALUE_CUT;
	take_text(r, length > 0 ? length - 1 : 0);
}

/* Reads bytes of a buffer; returns how many. */
static __always_inline __u32 read_buffer(struct reading *r, __u64 address, __u64 size, bool user)
{
	char *to = end_of_data(r->s);
	__u64 count = size;

	if (count > r->argument->maximum)
		count = r->argument->maximum;
	barrier_var(count);
	if (count > HOOK_MARGIN)
		count = HOOK_MARGIN;
	if (!user && !bpf_probe_read_kernel(to, count, (void *)address))
		return count;
	if (bpf_probe_read_user(to, count, (void *)address)) { /* functions of the kernel take pointers to user memory too */
		r->flags |= VALUE_UNREADABLE;
		return 0;
	}
	return count;
}

static __always_inline void read_bytes(struct reading *r, __u64 address, __u64 size, bool user)
{
	struct bytes_value *v = reserve(r->s, sizeof(*v));
	__u32 count;

	if (!v)
		return;
	v->size = size;
	count = read_buffer(r, address, size, user);
	if (count < size)
		r->flags |= VALUE_CUT;
	take_text(r, count);
}

struct vector_reading {
	struct reading *r;
	__u64 address, left;
	__u32 length;
	/* the array itself is a copy in kernel memory */
	__u32 copied;
};

static long read_vector_entry(__u32 index, struct vector_reading *v)
{
	struct iovec entry = {};
	struct reading *r = v->r;
	struct hook_scratch *s = r->s;
	__u32 at = s->used + v->length;
	__u64 count;

	if (index >= v->left || at > HOOK_DATA - HOOK_MARGIN)
		return 1;
	if (read_either(&entry, sizeof(entry), v->address + index * sizeof(entry), !v->copied)) {
		r->flags |= VALUE_UNREADABLE;
		return 1;
	}
	count = entry.iov_len;
	if (v->length + count > r->argument->maximum)
		count = r->argument->maximum - v->length;
	barrier_var(count);
	if (count > HOOK_MARGIN)
		return 1;
	if (bpf_probe_read_user(&s->data[at & (HOOK_DATA - 1)], count, entry.iov_base)) {
		r->flags |= VALUE_UNREADABLE;
		return 1;
	}
	v->length += count;
	return v->length >= r->argument->maximum ? 1 : 0;
}

/* Reads what an array of struct iovec points at in user memory; size is that of all together, 0 if not known. */
static __always_inline void read_vector(struct reading *r, __u64 address, __u64 entries, __u64 size, bool copied)
{
	struct bytes_value *value = reserve(r->s, sizeof(*value));
	struct vector_reading v = { .r = r, .address = address, .left = entries, .copied = copied };

	if (!value)
		return;
	bpf_loop(VECTOR_ENTRIES, read_vector_entry, &v, 0);
	value->size = size ? size : v.length;
	if (entries > VECTOR_ENTRIES || v.length >= r->argument->maximum || size > v.length)
		r->flags |= VALUE_CUT;
	take_text(r, BOUNDED(v.length, HOOK_MARGIN));
}

static __always_inline void read_iov_iter(struct reading *r, struct iov_iter *iter)
{
	__u64 count = BPF_CORE_READ(iter, count), offset = BPF_CORE_READ(iter, iov_offset);
	__u8 type = BPF_CORE_READ(iter, iter_type);

	if (type == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
		read_bytes(r, (__u64)BPF_CORE_READ(iter, ubuf) + offset, count, true);
	} else if (type == bpf_core_enum_value(enum iter_type, ITER_IOVEC)) {
		struct iov_iter___old *old = (void *)iter;
		__u64 address;

		if (bpf_core_field_exists(iter->__iov))
			address = (__u64)BPF_CORE_READ(iter, __iov);
		else
			address = (__u64)BPF_CORE_READ(old, iov);
		read_vector(r, address, BPF_CORE_READ(iter, nr_segs), count, true);
	} else { /* memory of the kernel: a socket's, a pipe's */
		r->flags |= VALUE_UNREADABLE;
	}
}

/* Puts the path of a dentry in a mount behind its file_value. */
static __always_inline void read_path(struct reading *r, struct dentry *dentry, struct vfsmount *mnt, __u32 fd)
{
	struct file_value *v = reserve(r->s, sizeof(*v));
	struct fs_struct *fs = bpf_get_current_task_btf()->fs;
	struct inode *inode = FIELD(struct dentry, dentry, d_inode);
	__u32 at = PATH_MAX, length;

	if (!v)
		return;
	v->inode = FIELD(struct inode, inode, i_ino);
	v->mode = FIELD(struct inode, inode, i_mode);
	v->fd = fd;
	r->value->number = v->mode;
	if (!path_resolve_in(r->s->path, &at, dentry, mnt, &fs->root))
		r->flags |= VALUE_PATH_CUT;
	length = PATH_MAX - BOUNDED(at, PATH_MAX);
	barrier_var(length);
	if (length > PATH_MAX)
		return;
	bpf_probe_read_kernel(end_of_data(r->s), length, &r->s->path[at & (PATH_MAX - 1)]);
	take_text(r, length);
}

static __always_inline void read_file(struct reading *r, struct file *file, __u32 fd)
{
	if (!file) {
		r->flags |= VALUE_ABSENT;
		return;
	}
	read_path(r, FIELD(struct file, file, f_path.dentry), FIELD(struct file, file, f_path.mnt), fd);
}

static __always_inline struct file *file_of(__u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = task->files->fdt;
	struct file **files = table->fd, *file = NULL;

	if (fd >= table->max_fds)
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

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

/* Puts a path of user memory behind a file_value; one that is relative begins with the working directory. */
static __always_inline void read_user_path(struct reading *r, __u64 address)
{
	struct file_value *v = reserve(r->s, sizeof(*v));
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	__u32 at = PATH_MAX, begin, length = 0;
	char first = 0;
	long written;

	if (!v)
		return;
	__builtin_memset(v, 0, sizeof(*v));
	begin = r->s->used;
	if (bpf_probe_read_user(&first, sizeof(first), (void *)address)) {
		r->flags |= VALUE_UNREADABLE;
		return;
	}
	if (first != '/') {
		if (!path_resolve(r->s->path, &at, &fs->pwd, &fs->root))
			r->flags |= VALUE_PATH_CUT;
		length = PATH_MAX - BOUNDED(at, PATH_MAX);
		barrier_var(length);
		if (length > PATH_MAX)
			return;
		bpf_probe_read_kernel(end_of_data(r->s), length, &r->s->path[at & (PATH_MAX - 1)]);
		if (length != 1) { /* not the root, which ends with a slash itself */
			r->s->data[(begin + length) & (HOOK_DATA - 1)] = '/';
			length++;
		}
		r->s->used += length;
	}
	written = bpf_probe_read_user_str(end_of_data(r->s), PATH_MAX, (void *)address);
	r->s->used = begin;
	if (written < 0)
		r->flags |= VALUE_UNREADABLE;
	else
		take_text(r, length + written - 1);
}

/* What a descriptor's file is, or has: the socket. */
static __always_inline __u64 object_of(__u32 fd, __u8 kind)
{
	struct file *file = file_of(fd);
	const __u32 type_bits = 00170000, socket = 0140000; /* S_IFMT, S_IFSOCK, include/uapi/linux/stat.h */

	if (kind != KIND_SOCKET)
		return (__u64)file;
	if ((BPF_CORE_READ(file, f_inode, i_mode) & type_bits) != socket)
		return 0;
	return (__u64)BPF_CORE_READ(file, private_data);
}

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
	switch (a->kind) {
	case KIND_USER_PATH:
		read_user_path(r, word);
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
		read_path(r, (void *)word, NULL, 0);
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

		read_module(r, BPF_CORE_READ(info, mod), BPF_CORE_READ(info, name), BPF_CORE_READ(info, sig_ok));
		break;
	}
	case KIND_MODULE: {
		struct module *module = (void *)word;

		read_module(r, module, module->name, BPF_CORE_READ(module, sig_ok));
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
	struct reading r = { .s = s };
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
