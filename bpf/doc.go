// SPDX-License-Identifier: Apache-2.0

// Package bpf holds the kernel side: C, one file per kind of hook, and what bpf2go makes of it, which is committed so that
// building needs no clang. The Go types of records are generated from records.h, the only place where their layout stands.
//
// Nothing here depends on a kernel version; the programs need Linux 6.1 or later (loops by a helper, dynptr, cgroup ancestors)
// with BTF, on amd64 or arm64, and CAP_BPF and CAP_PERFMON to be loaded. Those that are built with OLD_KERNEL (…Old), of the
// same source, need 5.10, and before 5.11 CAP_SYS_RESOURCE as well. They are held by file descriptors only: whoever loaded them
// takes them along when it ends.
package bpf

//go:generate go tool bpf2go -target amd64,arm64 -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -g -mcpu=v3 -Wall -Werror" -type record_class -type record_flags -type record_header -type task_key -type namespaces -type credentials -type image_record -type fork_record -type exit_record -type cgroup_record -type counters -type scope_state -type share Process process.bpf.c
//go:generate go tool bpf2go -no-global-types -target amd64,arm64 -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -g -mcpu=v3 -Wall -Werror -DOLD_KERNEL" ProcessOld process.bpf.c
//go:generate go tool bpf2go -target amd64,arm64 -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -g -mcpu=v3 -Wall -Werror" TaskIterator task_iterator.bpf.c
//go:generate go tool bpf2go -no-global-types -target amd64,arm64 -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -g -mcpu=v3 -Wall -Werror -DOLD_KERNEL" TaskIteratorOld task_iterator.bpf.c
//go:generate go tool bpf2go -target amd64,arm64 -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -g -mcpu=v3 -Wall -Werror" -type hook_record -type argument_header -type bytes_value -type file_value -type socket_value -type unix_address_value -type user_namespace_value -type module_value -type bpf_program_value -type bpf_map_value -type perf_event_value -type value_source -type argument_flags -type argument_kind -type filter_subject -type filter_match -type filter_flags -type expression_operation -type hook_actions -type hook_flags -type rate_scope -type hook_stage -type hook_record_flags -type argument_header_flags -type process_origin -type namespaces Hook hook.bpf.c
//go:generate go tool bpf2go -no-global-types -target amd64,arm64 -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -g -mcpu=v3 -Wall -Werror -DOLD_KERNEL" HookOld hook.bpf.c
//go:generate go tool bpf2go -target amd64,arm64 -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -g -mcpu=v3 -Wall -Werror" -type syscall_callers Syscalls syscalls.bpf.c
//go:generate go tool bpf2go -no-global-types -target amd64,arm64 -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -g -mcpu=v3 -Wall -Werror -DOLD_KERNEL" SyscallsOld syscalls.bpf.c
//go:generate go tool bpf2go -target amd64,arm64 -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -g -mcpu=v3 -Wall -Werror" ProcessState process_state.bpf.c
//go:generate go tool bpf2go -no-global-types -target amd64,arm64 -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -g -mcpu=v3 -Wall -Werror -DOLD_KERNEL" ProcessStateOld process_state.bpf.c
//go:generate go tool bpf2go -target amd64,arm64 -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -g -mcpu=v3 -Wall -Werror" Enforcer enforcer.bpf.c
