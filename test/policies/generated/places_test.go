// SPDX-License-Identifier: Apache-2.0

//go:build linux

package generated

import (
	"os"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// object is a mapping of a policy.
type object = map[string]any

// place is where a hook can be, with the types of its arguments.
type place struct {
	kind  policy.HookKind
	hook  object
	types []string
	// first is the number of the first argument.
	first int
}

func function(name string, types ...string) place {
	return place{kind: policy.Kprobe, hook: object{"call": name, "syscall": false}, types: types}
}

func syscall(name string, types ...string) place {
	return place{kind: policy.Kprobe, hook: object{"call": name, "syscall": true}, types: types}
}

func tracepoint(subsystem, event string, first int, types ...string) place {
	return place{policy.Tracepoint, object{"subsystem": subsystem, "event": event}, types, first}
}

func rawTracepoint(event string, types ...string) place {
	return place{kind: policy.RawTracepoint, hook: object{"subsystem": "raw", "event": event, "raw": true}, types: types}
}

func lsm(name string, types ...string) place {
	return place{kind: policy.LSM, hook: object{"hook": name}, types: types}
}

// places of every kind; more than half of them are served by every kernel.
func places() []place {
	self, err := os.Executable()
	if err != nil {
		panic(err) // the test runs
	}
	return []place{
		function("security_file_permission", "file", "int"),
		function("security_mmap_file", "file", "uint64", "uint64"),
		function("security_path_truncate", "path"),
		function("security_file_open", "file"),
		function("fd_install", "int", "file"),
		function("tcp_connect", "sock"),
		function("tcp_close", "sock", "int64"),
		function("tcp_sendmsg", "sock", "nop", "size_t"),
		function("security_socket_connect", "socket", "sockaddr", "int"),
		function("security_socket_bind", "socket", "sockaddr_un", "int"),
		function("commit_creds", "cred"),
		function("cap_capable", "cred", "user_namespace", "capability", "uint32"),
		function("security_bprm_check", "linux_binprm"),
		function("security_sb_mount", "string", "path", "string", "uint64"),
		function("do_init_module", "module"),
		function("security_bpf", "bpf_cmd", "bpf_attr", "uint32"),
		function("vfs_write", "file", "char_buf", "size_t"),
		function("ip_output", "nop", "sock", "skb"),
		function("there_is_no_such_function", "int"),
		syscall("sys_write", "fd", "char_buf", "size_t"),
		syscall("sys_pread64", "int", "char_buf", "size_t", "int64"),
		syscall("sys_openat", "int", "string", "int32", "uint32"),
		syscall("sys_writev", "fd", "char_iovec", "int"),
		syscall("sys_connect", "int", "sockaddr", "uint32"),
		syscall("sys_bind", "int", "sockaddr_un", "int"),
		syscall("sys_setuid", "uint32"),
		syscall("sys_execve", "string", "nop"),
		syscall("sys_mount", "string", "string", "string", "ulong"),
		syscall("sys_dup3", "int", "int", "int"),
		syscall("i386/sys_write", "int", "char_buf", "size_t"),
		tracepoint("raw_syscalls", "sys_enter", 4, "syscall64", "uint64"),
		tracepoint("sched", "sched_process_exec", 5, "string", "int", "int"),
		tracepoint("sock", "inet_sock_set_state", 5, "uint64", "int", "int", "uint16", "uint16"),
		tracepoint("task", "task_rename", 5, "int32", "string", "string", "int16"),
		rawTracepoint("sched_process_exec", "nop", "int", "linux_binprm"),
		rawTracepoint("sys_enter", "nop", "syscall64"),
		rawTracepoint("inet_sock_set_state", "sock", "int", "int"),
		lsm("file_open", "file"),
		lsm("bprm_check_security", "linux_binprm"),
		lsm("socket_connect", "socket", "sockaddr", "int"),
		{kind: policy.Uprobe, hook: object{"path": self, "symbols": []string{"runtime.mmap"}}, types: []string{"uint64", "int", "string", "char_buf"}},
	}
}

// sections of spec by kind.
var sections = map[policy.HookKind]string{
	policy.Kprobe: "kprobes", policy.Fentry: "fentries", policy.Tracepoint: "tracepoints", policy.RawTracepoint: "tracepoints",
	policy.LSM: "lsmhooks", policy.Uprobe: "uprobes",
}
