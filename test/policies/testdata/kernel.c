/* SPDX-License-Identifier: Apache-2.0 */
/* BPF and perf. */
#include "provoke.h"
#include <linux/bpf.h>
#include <linux/perf_event.h>

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

const struct command kernel_commands[] = {
	{"bpf-map", 3, run_bpf_map, "NAME VALUE-SIZE ENTRIES"},
	{"bpf-prog", 1, run_bpf_prog, "NAME"},
	{"bpf-command", 1, run_bpf_command, "NUMBER"},
	{"perf-event", 0, run_perf_event, ""},
	{},
};
