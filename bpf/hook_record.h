// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What a hook hands to user space: a hook_record, then argument_count times an argument_header with its bytes, then the
 * stacks. The Go types are generated from here. */
#pragma once
#include "records.h"

enum hook_stage {
	STAGE_ENTRY = 1,
	STAGE_RETURN = 2,
};

enum hook_record_flags {
	/* entry: a record of the return follows, which completes or cancels it */
	HOOK_RECORD_WAITS = 1 << 0,
	/* return: its filters did not match, the entry is void */
	HOOK_RECORD_VOID = 1 << 1,
	/* not all arguments had room */
	HOOK_RECORD_CUT = 1 << 2,
	/* entered by the ABI for 32 bits */
	HOOK_RECORD_COMPAT = 1 << 3,
	/* return: no record told of the entry, and none will */
	HOOK_RECORD_ALONE = 1 << 4,
};

struct hook_record {
	struct record_header header;
	/* number of the hook in the session, and of the function or system call of a hook with several */
	__u32 hook;
	__u32 function;
	__u32 tid;
	/* enum hook_stage, bits */
	__u32 stage;
	/* enum hook_record_flags */
	__u32 flags;
	/* which selector matched; -1: the hook has none */
	__s32 selector;
	/* enum hook_actions: what was done, and what would have been if enforcing were armed */
	__u32 done, would;
	/* boot time in ns of the entry: joins the records of entry and return of one thread */
	__u64 entered;
	__u32 argument_count;
	/* bytes that follow: of all arguments, and of each stack (8 for each address) */
	__u32 argument_length;
	__u32 kernel_stack_length;
	__u32 user_stack_length;
	/* of the file's hash, which comes last: enum hash_algo, include/uapi/linux/hash_info.h, and how many bytes of it there are */
	__u32 hash_algorithm;
	__u32 hash_length;
	/* the process in the pid namespace of the tracer, in whose /proc it is; 0 if it is not there */
	__u32 tracer_namespace_pid;
	/* of a call whose return is told apart: how many calls of the function around it wait for theirs, in the same thread */
	__u32 depth;
};

enum argument_header_flags {
	/* the text or buffer is longer than what follows */
	VALUE_CUT = 1 << 0,
	/* could not be read; detail is the depth at which (0: the value itself) */
	VALUE_UNREADABLE = 1 << 1,
	/* a path's front is missing */
	VALUE_PATH_CUT = 1 << 2,
	/* the pointer was NULL */
	VALUE_ABSENT = 1 << 3,
};

struct argument_header {
	/* place in the hook's arguments; enum argument_kind; enum argument_header_flags */
	__u8 place, kind, flags, detail;
	/* bytes of the struct of its kind and its text, without the padding to 8 that follows */
	__u32 length;
};

/* In the number of a system call: of the ABI for 32 bits. */
#define COMPAT_SYSCALL (1ULL << 32)

/* KIND_NUMBER, KIND_CAPABILITIES, KIND_SYSCALL (with COMPAT_SYSCALL) have the one word. Text of KIND_TEXT, KIND_FILENAME and
 * KIND_NET_DEVICE stands alone. */

struct bytes_value {
	/* size of the buffer, of which as many bytes as there are follow */
	__u64 size;
};

/* KIND_FD, KIND_FILE, KIND_KIOCB, KIND_PATH, KIND_DENTRY, KIND_BINPRM: the path follows. */
struct file_value {
	__u64 inode;
	__u32 mode;
	/* of KIND_FD */
	__u32 fd;
};

/* KIND_SOCK, KIND_SOCKET, KIND_SKB, KIND_SOCKADDR. Addresses are IPv6 or IPv4 mapped into it, in network order; ports in the
 * host's. */
struct socket_value {
	__u64 source[2], destination[2];
	__u16 source_port, destination_port;
	__u16 family, protocol;
	/* up to here it is what repeats are told by */
	/* address of the struct sock */
	__u64 cookie;
	__u32 mark, priority;
	__u32 hash, length;
	__u16 type, state;
	__u32 reserved;
};

/* KIND_SOCKADDR_UN: the name follows, an abstract one with its leading zero byte. */
struct unix_address_value {
	__u32 family;
	__u32 reserved;
};

struct user_namespace_value {
	__s32 level;
	__u32 uid, gid, inum;
};

/* KIND_LOAD_INFO, KIND_MODULE: the name follows. */
struct module_value {
	__u64 taints;
	__u32 signature_ok;
	__u32 reserved;
};

/* KIND_BPF_ATTR, KIND_BPF_PROG */
struct bpf_program_value {
	__u32 type, instructions;
	char name[16];
};

struct bpf_map_value {
	__u32 type, key_size, value_size, max_entries;
	char name[16];
};

/* The name of the probed function follows. */
struct perf_event_value {
	__u32 type;
	__u32 reserved;
	__u64 config, probe_offset;
};
