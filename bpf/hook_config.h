// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What one hook is to do. User space fills these structs before loading and the kernel freezes them, so the verifier knows
 * every value and deletes what the hook does not use. The Go types are generated from here.
 */
#pragma once
#include "kernel_types.h"

/* Arguments, data and return value of a hook together: places 0 to HOOK_ARGUMENTS - 1. */
#define HOOK_ARGUMENTS 16
/* Dereferences on the way to a value. */
#define RESOLVE_STEPS 12
#define HOOK_SELECTORS 16
/* Filters of all selectors of a hook together. */
#define HOOK_FILTERS 96
/* Filters of a judged argument that can be remembered: the first of a hook's. */
#define JUDGED_FILTERS 32
/* No place, no register. */
#define NOWHERE 255

/* Where the first word of a value stands. */
enum value_source {
	/* at context + offset: an argument of a function, a register at a kprobe or uprobe */
	FROM_CONTEXT = 0,
	/* at *(context + base) + offset: a system call's argument in the registers that user space entered with */
	FROM_REGISTERS = 1,
	/* the current task */
	FROM_TASK = 2,
	/* constant */
	FROM_CONSTANT = 3,
	/* user memory at *(context + offset) + constant + *(context + index) * scale: an argument of a usdt */
	FROM_USER_MEMORY = 4,
	/* what the entry program saw in place `offset` */
	FROM_ENTRY = 5,
	/* text at context + the lower 16 bits of *(context + offset), length in the upper 16: __data_loc of a tracepoint */
	FROM_DATA_LOCATION = 6,
	/* context + offset itself */
	FROM_CONTEXT_ADDRESS = 7,
	/* offset if one of some functions of the kernel called, else 0: there are scale / 2 of them, of which walk has by twos how
	 * far behind constant they begin and how long they are */
	FROM_CALLERS = 8,
	/* at context + offset, where programs may read it without a helper: a register at a probe, a typed argument */
	FROM_SLOT = 9,
	/* where the layout of the system call has it: place `offset` there */
	FROM_LAYOUT = 10,
};

enum argument_flags {
	/* pointers lead to user memory */
	ARGUMENT_USER = 1 << 0,
	/* read when the function returns */
	ARGUMENT_AT_RETURN = 1 << 1,
	/* a filter needs it: read before the selectors are tried */
	ARGUMENT_FILTERED = 1 << 2,
	/* the resolved address is the value: a struct inside of another */
	ARGUMENT_ADDRESS = 1 << 3,
	/* is not sent: a size, or what only a filter needs */
	ARGUMENT_UNSENT = 1 << 4,
	/* right shift keeps the sign */
	ARGUMENT_SIGNED = 1 << 5,
	/* an array of struct iovec: one is read after the other */
	ARGUMENT_VECTOR = 1 << 6,
	/* the word is a file descriptor, the value what its file is or has */
	ARGUMENT_FROM_FD = 1 << 7,
};

/* How a value is read and sent; the Go side has a table with one row for each. */
enum argument_kind {
	KIND_NUMBER = 0,
	KIND_TEXT = 1,
	KIND_BYTES = 2,
	KIND_IOV_ITER = 3,
	KIND_FILENAME = 4,
	KIND_FD = 5,
	KIND_FILE = 6,
	KIND_KIOCB = 7,
	KIND_PATH = 8,
	KIND_DENTRY = 9,
	KIND_BINPRM = 10,
	KIND_SOCK = 11,
	KIND_SOCKET = 12,
	KIND_SKB = 13,
	KIND_SOCKADDR = 14,
	KIND_SOCKADDR_UN = 15,
	KIND_CRED = 16,
	KIND_USER_NAMESPACE = 17,
	KIND_CAPABILITIES = 18,
	KIND_LOAD_INFO = 19,
	KIND_MODULE = 20,
	KIND_BPF_ATTR = 21,
	KIND_BPF_MAP = 22,
	KIND_BPF_PROG = 23,
	KIND_PERF_EVENT = 24,
	KIND_NET_DEVICE = 25,
	KIND_SYSCALL = 26,
	/* a path in user memory, made absolute */
	KIND_USER_PATH = 27,
	KIND_ERROR = 31,
};

struct hook_argument {
	/* enum argument_kind, value_source, argument_flags */
	__u8 kind, source, flags;
	/* bytes that are read where a walk or user memory ends in a number: 1, 2, 4 or 8 */
	__u8 size;
	/* the number is (word << shift_left) >> shift_right: narrower types and bit fields */
	__u8 shift_left, shift_right;
	/* place of what an argument cannot be read without, or NOWHERE: of a buffer its size, of KIND_DENTRY the struct path of the
	 * directory, of KIND_USER_PATH the descriptor of the directory that it may be relative to */
	__u8 beside;
	/* entries of walk */
	__u8 steps;
	__u32 offset;
	__u16 base;
	/* context offset of the index register of FROM_USER_MEMORY; NOWHERE for none */
	__u16 index;
	/* FROM_REGISTERS: 1 for registers and pointers of the ABI for 32 bits */
	__u32 scale;
	/* bytes of a buffer that are read at most */
	__u32 maximum;
	/* FROM_CONSTANT: the value; FROM_USER_MEMORY: see there; of KIND_SOCK: the state to show, 0 for that of the socket; of
	 * KIND_USER_PATH: 1 for the directory that the path is in */
	__u64 constant;
	/* address = first word; before each but the first entry: address = *address; address += entry */
	__u32 walk[RESOLVE_STEPS];
};

/* What a filter is about: a number, except for SUBJECT_TEXT and the addresses. */
enum filter_subject {
	SUBJECT_NUMBER = 0,
	SUBJECT_TEXT = 1,
	SUBJECT_SOURCE_PORT = 2,
	SUBJECT_DESTINATION_PORT = 3,
	SUBJECT_PROTOCOL = 4,
	SUBJECT_FAMILY = 5,
	SUBJECT_STATE = 6,
	SUBJECT_FILE_TYPE = 7,
	SUBJECT_SOURCE = 8,
	SUBJECT_DESTINATION = 9,
	SUBJECT_PID = 10,
	SUBJECT_NAMESPACE_PID = 11,
	/* inode number of the namespace `place` */
	SUBJECT_NAMESPACE = 12,
	/* the set `place` of the current credentials: effective, inheritable, permitted */
	SUBJECT_CAPABILITIES = 13,
	/* bits of the set in `other` that the set in `place` has not */
	SUBJECT_GAINED = 14,
	/* bits of the namespaces that are others than at exec */
	SUBJECT_NAMESPACE_CHANGES = 15,
	/* bits of the set `place` that are others than at exec */
	SUBJECT_CAPABILITY_CHANGES = 16,
	/* bits of process_state.marks */
	SUBJECT_MARKS = 17,
	/* 1 if the process is in a user namespace other than the host's */
	SUBJECT_IN_USER_NAMESPACE = 18,
	/* the value of the expression of `count` operations that begins at `first` */
	SUBJECT_EXPRESSION = 19,
	/* as SUBJECT_MARKS, of the parent */
	SUBJECT_PARENT_MARKS = 20,
	/* bits of the selections of workloads that hold for the process, or for the owner of a tracked socket */
	SUBJECT_WORKLOADS = 21,
	/* as SUBJECT_MARKS, of the program that executed the one that runs now */
	SUBJECT_MARKS_BEFORE = 22,
};

enum filter_match {
	/* the number lies in one of count ranges; operands are pairs, sorted, disjoint */
	MATCH_RANGE = 0,
	/* the number has a bit in common with operand */
	MATCH_MASK = 1,
	/* one of count texts; each operand is length << 32 | index of the operand at which it begins */
	MATCH_EQUAL = 2,
	MATCH_PREFIX = 3,
	MATCH_POSTFIX = 4,
	MATCH_SUBSTRING = 5,
	/* one of count prefixes of IPv6 (IPv4 mapped): four operands, address and mask */
	MATCH_ADDRESS = 6,
};

enum filter_flags {
	FILTER_NEGATED = 1 << 0,
	FILTER_IGNORE_CASE = 1 << 1,
	/* needs nothing that is costly to read */
	FILTER_CHEAP = 1 << 2,
	/* tried when the function returns */
	FILTER_AT_RETURN = 1 << 3,
	/* of a selector that neither tells nor stops anything: a path of which the front is not known does not match. With others it
	 * does, as it might be the one that is asked for. */
	FILTER_LETS_BE = 1 << 4,
	/* of a mark: the program counts by the name that the call gave it, too */
	FILTER_NAMED = 1 << 5,
};

struct hook_filter {
	/* enum filter_subject, filter_match, filter_flags */
	__u8 subject, match, flags;
	__u8 place, other;
	__u8 reserved[3];
	/* operands: index of the first, and how many (see filter_match) */
	__u32 first, count;
	/* mask of MATCH_MASK; of MATCH_RANGE what number and ends are XORed with so that unsigned order is the right one */
	__u64 operand;
};

enum hook_actions {
	ACTION_POST = 1 << 0,
	ACTION_KILL = 1 << 1,
	ACTION_SIGNAL = 1 << 2,
	ACTION_OVERRIDE = 1 << 3,
	ACTION_NOTIFY_ENFORCER = 1 << 4,
	ACTION_CLEAN_UP_NOTIFICATION = 1 << 5,
	ACTION_TRACK_SOCK = 1 << 6,
	ACTION_UNTRACK_SOCK = 1 << 7,
	ACTION_SET = 1 << 8,
	ACTION_KERNEL_STACK = 1 << 9,
	ACTION_USER_STACK = 1 << 10,
	/* what is told is no change any more: the selector asks for changes of namespaces, of capabilities */
	ACTION_TAKE_NAMESPACES = 1 << 11,
	ACTION_TAKE_CAPABILITIES = 1 << 12,
};

struct hook_selector {
	/* filters: index of the first in the hook's, and how many */
	__u16 first, count;
	/* enum hook_actions, of the entry and of the return */
	__u16 actions, return_actions;
	/* signal of ACTION_SIGNAL and ACTION_NOTIFY_ENFORCER, error (negative) of ACTION_OVERRIDE and ACTION_NOTIFY_ENFORCER */
	__u32 signal;
	__s32 error;
	/* place of the argument of ACTION_TRACK_SOCK, ACTION_UNTRACK_SOCK and ACTION_SET, and what that writes */
	__u8 place, rate_scope;
	__u16 reserved;
	__u32 value;
	/* ns within which a repeat is not posted; 0: no limit */
	__u64 rate_interval;
};

/* Whose repeats a rate limit counts together. */
enum rate_scope {
	RATE_THREAD = 0,
	RATE_PROCESS = 1,
	RATE_GLOBAL = 2,
};

enum hook_flags {
	/* there is a return program too: the entry leaves a note for it */
	HOOK_HAS_RETURN = 1 << 0,
	/* what this program returns is what the function returns, if it is not 0 */
	HOOK_DENIES = 1 << 1,
	/* enforcing actions act; else it is only told what they would do */
	HOOK_ARMED = 1 << 2,
	/* `function` of the record is the 32 bits at *(context + function_base) + function_offset: a system call's number */
	HOOK_IS_SYSCALL = 1 << 3,
	/* `function` of the record is the cookie that the program was attached with */
	HOOK_HAS_COOKIE = 1 << 4,
	/* may run for a process that is not the current one: that of the socket in `sock_place`, if it is tracked */
	HOOK_TRACKS_SOCKETS = 1 << 5,
	/* the return value says how much of a buffer was filled */
	HOOK_RETURNS_LENGTH = 1 << 6,
	/* has ACTION_SET: a helper that not every kernel allows is needed */
	HOOK_SETS = 1 << 7,
	/* the returned socket is tracked, or no longer */
	HOOK_TRACKS_RESULT = 1 << 8,
	HOOK_UNTRACKS_RESULT = 1 << 9,
	/* HOOK_DENIES by bpf_override_return, which few kernels have */
	HOOK_OVERRIDES = 1 << 10,
	/* the hash of the file in the first argument is wanted; of that of the struct linux_binprm there */
	HOOK_HASHES = 1 << 11,
	HOOK_HASHES_BINPRM = 1 << 12,
	/* ACTION_OVERRIDE is a note for the program that sets registers of the process */
	HOOK_SETS_REGISTERS = 1 << 13,
	/* runs for processes in the scope only: who calls it has asked */
	HOOK_IN_SCOPE = 1 << 14,
	/* the container runtime on its way into a container is neither told of nor acted upon */
	HOOK_WITHOUT_RUNTIME = 1 << 15,
	/* it is about a program that is about to be executed: where that is the container's, it does not matter who executes it */
	HOOK_AT_EXEC = 1 << 16,
	/* the argument in place `judged` is a file whose path alone is compared: what filters say of it is remembered */
	HOOK_JUDGES = 1 << 17,
	/* it matters which selections of workloads hold: for `workloads`, for a filter, or for who asks about a socket later */
	HOOK_TELLS_WORKLOADS = 1 << 18,
	/* 1 is what the function may return too, and no error */
	HOOK_DISCARDS = 1 << 19,
	/* the reader is woken for each record: what it looks up can be had only while the process lives */
	HOOK_WAKES = 1 << 20,
	/* its programs may sleep: user memory that is not there is brought in */
	HOOK_SLEEPS = 1 << 21,
	/* a selector has a rate limit */
	HOOK_LIMITS = 1 << 22,
	/* a selector has filters at the return: only there it is known whether a call is an event */
	HOOK_RETURN_DECIDES = 1 << 23,
	/* its programs hold the CPU while they run: where the kernel preempts them, it leaves them out for the next task meanwhile, which
	 * it takes for a recursion. Needs a verifier that lets global functions be called then (6.15). */
	HOOK_HOLDS_CPU = 1 << 24,
	/* there are filters that are tried before others because they cost less: FILTER_CHEAP */
	HOOK_FILTERS_CHEAPLY = 1 << 25,
	/* the frame of a call is where the context is, at the entry and at the return; or it is only known to be not above that of the
	 * return */
	HOOK_FRAME_IS_CONTEXT = 1 << 26,
	HOOK_FRAME_BELOW_CONTEXT = 1 << 27,
	/* the frame of a call is the stack pointer, at context + frame_offset */
	HOOK_FRAME_IS_STACK_POINTER = 1 << 28,
	/* all selectors do the same: which one matched is only told */
	HOOK_ACTS_ALIKE = 1 << 29,
};

struct hook_config {
	/* number of the hook in the session */
	__u32 hook;
	/* enum hook_flags */
	__u32 flags;
	/* number of the function among the hook's */
	__u32 function;
	/* argument count, selector count; 0 selectors: everything is posted */
	__u16 arguments, selectors;
	/* the first of the filters are no selector's: all of them have to hold at the entry before selectors are tried */
	__u32 conditions;
	/* how many layouts the system calls have, 0: what FROM_LAYOUT is for does not occur */
	__u32 layouts;
	/* place of the return value, or NOWHERE */
	__u32 return_place;
	__u32 function_base, function_offset;
	/* of HOOK_TRACKS_SOCKETS */
	__u32 sock_place;
	/* of HOOK_WITHOUT_RUNTIME: inode number of the namespace that the runtime runs in */
	__u32 runtime_mount_namespace;
	/* of HOOK_JUDGES: place of the argument, and a number that no hook with other filters has */
	__u32 judged, judging;
	/* enum hook_actions: those of all selectors together */
	__u32 actions;
	/* of HOOK_FRAME_IS_STACK_POINTER: where it stands, and how much higher it is at the return */
	__u32 frame_offset, frame_popped;
	/* bits of the selections of workloads that all have to hold for the process (of HOOK_TELLS_WORKLOADS) */
	__u64 workloads;
};
