// SPDX-License-Identifier: Apache-2.0

// Package bpf holds the kernel side: C, one file per kind of hook, and what bpf2go makes of it, which is committed so that
// building needs no clang. The Go types of records are generated from records.h, the only place where their layout stands.
//
// Nothing here depends on a kernel version; the programs need Linux 6.1 or later (dynptr, cgroup ancestors) with BTF, on
// amd64 or arm64, and CAP_BPF and CAP_PERFMON to be loaded. They are held by file descriptors only: whoever loaded them
// takes them along when it ends.
package bpf

//go:generate go tool bpf2go -target amd64,arm64 -cc clang -strip llvm-strip -cflags "-O2 -g -mcpu=v3 -Wall -Werror" -type record_class -type record_flags -type record_header -type task_key -type namespaces -type credentials -type image_record -type fork_record -type exit_record -type cgroup_record -type counters Process process.bpf.c
//go:generate go tool bpf2go -target amd64,arm64 -cc clang -strip llvm-strip -cflags "-O2 -g -mcpu=v3 -Wall -Werror" TaskIterator task_iterator.bpf.c
