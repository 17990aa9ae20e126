// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// What the functions are asked about, include/linux/fs.h.
const (
	mayWrite = 2
	mayRead  = 4
)

// families of system calls.
var (
	opening = []string{"open", "openat", "openat2", "creat", "open_by_handle_at"}
	reading = []string{"read", "readv", "pread64", "preadv", "preadv2", "copy_file_range", "splice", "getdents", "getdents64"}
	writing = []string{"write", "writev", "pwrite64", "pwritev", "pwritev2", "sendfile", "fallocate"}
	// frequent are the system calls that programs make all the time.
	frequent = []string{"read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2", "sendto", "sendmsg"}
	// uring are system calls that io_uring has operations for, io_uring/opdef.c: what those do is passed by no system call.
	uring = []string{"read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2", "splice",
		"fallocate", "openat", "openat2", "ftruncate", "connect", "accept", "accept4", "bind", "listen", "sendto"}
)

// execEvent comes at the end of an exec.
const execEvent = "sched_process_exec"

var (
	succeeded = when{value: returns, max: noError}
	// tried: the call succeeded, or permission was denied.
	tried = []when{{value: returns, max: noError, or: []policy.Range{
		{Min: failure(unix.EACCES), Max: failure(unix.EACCES)}, {Min: failure(unix.EPERM), Max: failure(unix.EPERM)},
	}}}
)

const (
	noteVerdict   = "the verdict of security modules is not seen: the return value is shown as 0"
	noteUring     = "what is done through io_uring is not seen"
	noteSucceeded = "only calls that succeed are seen"
	noteTried     = "calls that succeed or are denied are seen, when they return; " + notePath
	notePath      = "the path is what the program wrote, made absolute: symbolic links and .. in it are not resolved"
	noteNoPort    = "a connection is seen before its source port is chosen"
	noteExec      = "an exec is seen when the program has been set up, before it runs: the event's process is the new program; matchBinaries is about the one before"
	noteScript    = "of a script the interpreter is seen, and the name that it was called by, made absolute: not where symbolic links and .. in it lead"
)

// equals are the tracepoints that stand in for functions, by function: together the rows of one see all its calls that
// tracepoints can see.
var equals = map[string][]equal{
	"security_file_permission": {
		{enter: reading, arguments: []seen{fileOf(argument(0)), is(mayRead)}, note: noteVerdict},
		{enter: []string{"sendfile"}, arguments: []seen{fileOf(argument(1)), is(mayRead)}},
		{enter: writing, arguments: []seen{fileOf(argument(0)), is(mayWrite)}},
		{enter: []string{"copy_file_range", "splice"}, arguments: []seen{fileOf(argument(2)), is(mayWrite)}},
	},
	"security_mmap_file": {
		{enter: []string{"mmap"}, arguments: []seen{fileOf(argument(4)), argument(2), argument(3)}, note: noteVerdict},
	},
	"security_path_truncate": {
		{enter: []string{"truncate"}, arguments: []seen{pathAt(argument(0))}, note: notePath},
	},
	"security_file_truncate": {
		{enter: []string{"ftruncate"}, arguments: []seen{fileOf(argument(0))}, note: noteVerdict},
		{exit: []string{"open"}, arguments: []seen{fileOf(returns)}, when: []when{succeeded, truncates(1)}},
		{exit: []string{"openat"}, arguments: []seen{fileOf(returns)}, when: []when{succeeded, truncates(2)}},
		{exit: []string{"creat"}, arguments: []seen{fileOf(returns)}, when: []when{succeeded, bitOf(is(1<<truncateBit), truncateBit, true)}, note: "files that openat2 truncates are not seen"},
	},
	"security_file_open": {
		{exit: opening, arguments: []seen{fileOf(returns)}, when: []when{succeeded}, note: noteSucceeded},
	},
	"fd_install": {
		{exit: opening, arguments: []seen{returns, fileOf(returns)}, when: []when{succeeded}, note: "only descriptors of opened files are seen, not those of sockets, pipes and copies"},
	},
	"tcp_connect": {
		{event: "inet_sock_set_state", arguments: []seen{withoutPort(inState(slot(0), tcpSynSent))}, when: append(isTCP, newState(tcpSynSent, tcpSynSent)), note: noteNoPort},
	},
	"tcp_close": closing,
	"tcp_set_state": {
		{event: "inet_sock_set_state", arguments: []seen{slot(0), slot(2)}, when: isTCP},
	},
	"inet_csk_listen_start": {
		{event: "inet_sock_set_state", arguments: []seen{slot(0)}, when: append(isTCP, newState(tcpListen, tcpListen))},
	},
	"inet_csk_accept": {
		{exit: []string{"accept", "accept4"}, result: socketOf(returns), when: []when{succeeded, isOf(socketOf(returns), bpf.HookFilterSubjectSUBJECT_PROTOCOL, unix.IPPROTO_TCP)}},
	},
	"tcp_sendmsg": {
		{enter: []string{"write", "sendto"}, arguments: []seen{socketOf(argument(0)), nil, argument(2)}, when: []when{socketIsTCP}, note: "what is sent by sendmsg, writev and sendfile is not seen"},
	},
	"security_socket_sendmsg": sending,
	"security_socket_connect": {
		{enter: []string{"connect"}, arguments: []seen{socketOf(argument(0)), argument(1), argument(2)}, note: noteVerdict},
	},
	"security_socket_bind": {
		{enter: []string{"bind"}, arguments: []seen{socketOf(argument(0)), argument(1), argument(2)}, note: noteVerdict},
	},
	"security_socket_listen": {
		{enter: []string{"listen"}, arguments: []seen{socketOf(argument(0)), argument(1)}, note: noteVerdict},
	},
	"commit_creds":   changingCredentials,
	"create_user_ns": creatingUserNamespace,
	"cap_capable": {
		{event: "cap_capable", arguments: []seen{slot(0), slot(1), slot(3), calledBy(withoutAudit, unaudited, "which checks are not audited is not seen")}, result: slot(4)},
	},
	"security_bprm_check":            execRows,
	"security_bprm_creds_for_exec":   execRows,
	"security_bprm_committing_creds": execRows,
	"security_bprm_committed_creds":  execRows,
	"security_bprm_creds_from_file": {
		{event: execEvent, arguments: []seen{slot(2), fileOfBinprm(2)}},
	},
	"security_sb_mount": {
		{enter: []string{"mount"}, arguments: []seen{argument(0), pathAt(argument(1)), argument(2), argument(3), argument(4)}, note: noteVerdict},
	},
	"do_init_module": {
		{event: "module_load", arguments: []seen{slot(0)}},
	},
	"free_module": {
		{event: "module_free", arguments: []seen{slot(0)}},
	},
	"security_kernel_module_request": {
		{event: "module_request", arguments: []seen{slot(0)}},
	},
	"security_bpf": {
		{enter: []string{"bpf"}, arguments: []seen{argument(0), argument(1), argument(2)}, note: noteVerdict},
	},
	"bpf_check": {
		{enter: []string{"bpf"}, arguments: []seen{nil, argument(1)}, when: []when{{value: argument(0), min: unix.BPF_PROG_LOAD, max: unix.BPF_PROG_LOAD}}, note: "programs are seen before they are checked, those that are refused too"},
	},
	"__sys_setuid":    plain("setuid", 1),
	"__sys_setgid":    plain("setgid", 1),
	"__sys_setreuid":  plain("setreuid", 2),
	"__sys_setregid":  plain("setregid", 2),
	"__sys_setresuid": plain("setresuid", 3),
	"__sys_setresgid": plain("setresgid", 3),
	"__sys_setfsuid":  plain("setfsuid", 1),
	"__sys_setfsgid":  plain("setfsgid", 1),
}

// execRows: what the program was called as is in the memory of the new program, where nobody has changed it yet.
var execRows = []equal{{
	event: execEvent, arguments: []seen{slot(2)},
	parts: []part{{0, "filename", of(field(slot(2), "linux_binprm", "exec"), bpf.HookArgumentKindKIND_USER_PATH, 0)}},
	note:  noteScript,
}}

// plain is a function that does what a system call does, with the same arguments.
func plain(name string, count int) []equal {
	e := equal{exit: []string{name}, result: returns}
	for i := range count {
		e.arguments = append(e.arguments, argument(i))
	}
	return []equal{e}
}

// bit b of argument n of a system call is set, or is not.
func bit(n, b int, set bool) when { return bitOf(argument(n), b, set) }

// bitOf is bit b of a number.
func bitOf(number seen, b int, set bool) when {
	flag := func(node *Node, e *equal) (source, error) {
		from, err := number(node, e)
		from.ShiftLeft, from.ShiftRight = uint8(63-b), 63
		return from, err
	}
	return when{value: flag, min: 1, max: 1, negated: !set}
}

// withoutAudit is CAP_OPT_NOAUDIT, include/linux/security.h.
const withoutAudit = 2

// unaudited are the functions that ask for capabilities with this option. A shorter list would do on most kernels: which of
// them call, and which jump, is the compiler's choice.
var unaudited = []string{"ns_capable_noaudit", "has_ns_capability_noaudit", "has_capability_noaudit", "kallsyms_show_value",
	"cap_vm_enough_memory", "security_vm_enough_memory_mm"}

// truncates: argument n of an open, its flags, says that the file is emptied.
func truncates(n int) when { return bit(n, truncateBit, true) }

// Bits of flags, the same on every architecture that we know: O_TRUNC, AT_REMOVEDIR of unlinkat.
const (
	truncateBit        = 9
	removeDirectoryBit = 9
)

// failure is what a call returns that fails with an error.
func failure(errno unix.Errno) uint64 { return -uint64(errno) }
