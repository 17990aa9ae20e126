// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What the kernel side hands to user space. The Go types are generated from these (go generate), so this is the only place
 * where a layout is written down. Every struct is free of padding; a record is one struct and then its strings, one after
 * the other without terminators, with the lengths that the struct gives.
 */
#pragma once
#include "kernel_types.h"

/* The longest path that is reported; the kernel's own limit (PATH_MAX). */
#define PATH_MAX 4096
/* Bytes of argv that are read, argv[0] included: what is longer is cut and marked. */
#define ARGUMENTS_MAX 8192
/* Bytes of the path of a cgroup; pod and container names take about 120. */
#define CGROUP_PATH_MAX 1024
/* Levels of a cgroup path; kubelets use 3 to 6, a cluster in a container (kind) some more. */
#define CGROUP_LEVELS 16

/* What the verifier must be told: a length that was computed is not beyond its buffer. */
#define BOUNDED(length, max) ((length) > (max) ? (max) : (length))

/* Kinds of records, and of the counters that belong to them. */
enum record_class {
	CLASS_EXEC = 0,
	CLASS_FORK = 1,
	CLASS_EXIT = 2,
	CLASS_CGROUP = 3,
	CLASS_HOOK = 4,
	/* a process was put into a cgroup outside of the scope */
	CLASS_MOVE = 5,
	/* a cgroup was removed: a record_header alone */
	CLASS_CGROUP_GONE = 6,
	CLASS_COUNT = 7,
};

enum record_flags {
	/* argv did not fit, or could not be read */
	RECORD_ARGUMENTS_CUT = 1 << 0,
	RECORD_ARGUMENTS_UNREADABLE = 1 << 1,
	/* a path has more components or bytes than we follow: its front is missing */
	RECORD_EXECUTABLE_CUT = 1 << 2,
	RECORD_CWD_CUT = 1 << 3,
	/* what runs is the interpreter of the file that was executed (a script, binfmt_misc) */
	RECORD_INTERPRETED = 1 << 4,
	/* the parent is outside of the scope; parent_* say who it is */
	RECORD_PARENT_OUTSIDE = 1 << 5,
	/* record of the task iterator: the process is a kernel thread */
	RECORD_KERNEL_THREAD = 1 << 6,
};

/* A process: the thread group id in the initial pid namespace, and when its leader started (boot time, ns). Together they
 * name a process for as long as the machine runs: exec keeps both, even from another thread than the leader. */
struct task_key {
	__u64 start;
	__u32 tgid;
	__u32 reserved;
};

struct record_header {
	/* enum record_class */
	__u32 class;
	/* enum record_flags */
	__u32 flags;
	/* boot time in ns */
	__u64 time;
	struct task_key process;
	struct task_key parent;
	/* id of the process's cgroup in the hierarchy that scopes */
	__u64 cgroup;
};

/* Inode numbers of namespaces, in the order of event.Namespaces. */
struct namespaces {
	__u32 uts, ipc, mnt, pid, pid_for_children, net, time, time_for_children, cgroup, user;
};

struct credentials {
	__u32 uid, gid, euid, egid, suid, sgid, fsuid, fsgid;
	__u32 securebits;
	__s32 user_ns_level;
	__u32 user_ns_uid, user_ns_gid;
	__u32 user_ns_inum, reserved;
	__u64 permitted, effective, inheritable;
};

/* A process image, at exec or from the task iterator. */
struct image_record {
	struct record_header header;
	/* pid in the process's own pid namespace, how deep that one is nested, and the pid in the namespace of the iterator's
	 * reader (0 in the record of an exec) */
	__u32 namespace_pid;
	__u32 pid_namespace_level;
	__u32 reader_pid;
	__u32 auid;
	/* of the executed file */
	__u64 inode;
	__u32 links;
	__u32 mode;
	__u32 file_uid;
	__u32 file_gid;
	struct namespaces namespaces;
	struct credentials credentials;
	char comm[16];
	char parent_comm[16];
	__u32 cgroup_level;
	/* lengths of the strings that follow, in this order */
	__u32 cgroup_path_length;
	__u32 filename_length;
	__u32 executable_length;
	__u32 cwd_length;
	__u32 parent_executable_length;
	__u32 arguments_length;
	__u32 reserved;
	/* ids of the cgroups from the root (level 0) down; 0 below the process's own */
	__u64 cgroup_ids[CGROUP_LEVELS];
};

struct fork_record {
	struct record_header header;
	/* who called fork; the parent, unless CLONE_PARENT was given */
	struct task_key forker;
	__u32 namespace_pid;
	__u32 pid_namespace_level;
	char comm[16];
};

struct exit_record {
	struct record_header header;
	/* as wait(2) returns it: signal in bits 0–6, core dumped in bit 7, exit code in bits 8–15 */
	__u32 code;
	__u32 uid;
	char comm[16];
};

/* A cgroup was made, or a process was put into it; its path follows. */
struct cgroup_record {
	struct record_header header;
	__u32 level;
	__u32 cgroup_path_length;
	__u64 cgroup_ids[CGROUP_LEVELS];
};

/* Per-CPU counters, one per class. */
struct counters {
	/* records that were handed over, by either ring */
	__u64 sent;
	/* events of which no record found room in the ring; of a call with a record at its entry and one at its return it is one. Of forks,
	 * which are no events, also those that were not told because their target held too much. */
	__u64 ring_full;
	/* the same of enforcement events, in the ring for what floods must not keep out */
	__u64 enforcements_full;
	/* calls that were told at their entry, but whose return found no room: they are told without it */
	__u64 returns_lost;
	/* calls given up because the function was called again before it returned, although what it returns decides whether they are
	 * events */
	__u64 nested;
	/* events that the rate limit of a policy left out */
	__u64 rate_limited;
	/* events that were not told because their target held too much of the ring (share.h) */
	__u64 throttled;
	/* records of targets whose share of the ring could not be noted, so that they were not held to it */
	__u64 shares_full;
	/* records that found no room to be put together: too many programs interrupted each other */
	__u64 busy;
	/* processes that could not be noted as descendants, so that they and theirs are not traced */
	__u64 scope_full;
	/* processes whose state could not be noted (process_states): they match no program */
	__u64 states_full;
	/* cost of the program of this class, in ns and runs */
	__u64 nanoseconds;
	__u64 runs;
};
