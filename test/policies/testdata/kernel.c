/* SPDX-License-Identifier: Apache-2.0 */
/* BPF and perf. */
#include "provoke.h"
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/mman.h>

static long run_bpf_map(int n, char **w)
{
	union bpf_attr attr = {};

	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = 4;
	attr.value_size = number(w[2]);
	attr.max_entries = number(w[3]);
	snprintf(attr.map_name, sizeof(attr.map_name), "%s", w[1]);
	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static long run_bpf_prog(int n, char **w)
{
	struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr = {};

	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insn_cnt = 2;
	attr.insns = (unsigned long)code;
	attr.license = (unsigned long)"GPL";
	snprintf(attr.prog_name, sizeof(attr.prog_name), "%s", w[1]);
	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static long run_bpf_command(int n, char **w)
{
	union bpf_attr attr = {};

	syscall(SYS_bpf, number(w[1]), &attr, sizeof(attr));
	return 0;
}

static long run_perf_event(int n, char **w)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_PAGE_FAULTS};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

/* What leaves the sockets of a cgroup passes a program that lets it. */
static long run_filter_cgroup(int n, char **w)
{
	struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr = {};
	int program, cgroup = open(w[1], O_RDONLY | O_DIRECTORY);

	attr.prog_type = BPF_PROG_TYPE_CGROUP_SKB;
	attr.insn_cnt = 2;
	attr.insns = (unsigned long)code;
	attr.license = (unsigned long)"GPL";
	program = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (cgroup < 0 || program < 0)
		return -1;
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = program;
	attr.link_create.target_fd = cgroup;
	attr.link_create.attach_type = BPF_CGROUP_INET_EGRESS;
	return syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr)); /* until the process ends */
}

static long run_init_module(int n, char **w)
{
	int fd = open(w[1], O_RDONLY);
	off_t size = lseek(fd, 0, SEEK_END);
	void *image = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);

	return image == MAP_FAILED ? -1 : syscall(SYS_init_module, image, size, "");
}

static long run_finit_module(int n, char **w)
{
	return syscall(SYS_finit_module, open(w[1], O_RDONLY), "", n > 2 ? number(w[2]) : 0);
}

static long run_delete_module(int n, char **w) { return syscall(SYS_delete_module, w[1], O_NONBLOCK); }

const struct command kernel_commands[] = {
	{"bpf-map", 3, run_bpf_map, "NAME VALUE-SIZE ENTRIES"},
	{"bpf-prog", 1, run_bpf_prog, "NAME"},
	{"bpf-command", 1, run_bpf_command, "NUMBER"},
	{"perf-event", 0, run_perf_event, ""},
	{"filter-cgroup", 1, run_filter_cgroup, "PATH: of its directory"},
	{"init-module", 1, run_init_module, "PATH: from memory"},
	{"finit-module", 1, run_finit_module, "PATH [FLAGS]"},
	{"delete-module", 1, run_delete_module, "NAME"},
	{},
};
