// SPDX-License-Identifier: Apache-2.0

//go:build linux

package field

import (
	"slices"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// Flags of unshare(2), include/uapi/linux/sched.h.
const (
	newMount = "0x20000"
	newUser  = "0x10000000"
	newPID   = "0x20000000"
)

// scenes of policies that watch.
var scenes = []scene{
	{name: "file-access", do: []string{
		"open $D/watched/a then read 5 then open $D/public then read 5",
		"open $D/watched/a b then write x then mmap rw then mmap r then open $D/public b then write x then mmap rw",
		"truncate $D/watched/a 3 then truncate $D/public 3 then truncate $D/watched/b.log 3",
	}, want: []string{
		"security_file_permission: file $D/watched/a -rw-r--r--, int 4, = int 0",
		"security_file_permission: file $D/watched/a -rw-r--r--, int 2, = int 0",
		"security_mmap_file: file $D/watched/a -rw-r--r--, uint 3, uint 2, = int 0",
		"traced: security_path_truncate: path $D/watched/a -rw-r--r--, = int 0",
		"equal: security_path_truncate: path $D/watched/a, = int 0",
	}},
	{name: "descriptors-of-the-capable", do: []string{
		"open $D/public then open /proc/version then capset 0x0 0x2400 0 then open $D/secret then capset 0x400 0x2400 0 then open $D/secret",
	}, want: []string{
		"fd_install: int *, file $D/public -rw-r--r--",
		"fd_install: int *, file $D/secret -rw-r--r--",
	}},
	{name: "descriptors-of-users", do: []string{"open $D/public then unshare " + newUser + " then open $D/secret"},
		want: []string{"fd_install: int *, file $D/secret -rw-r--r--"}},
	{name: "descriptors-by-namespace", do: []string{
		"open $D/public then unshare " + newMount + " then open $D/secret then unshare " + newPID + " then fork then open $D/public",
	}, want: []string{"fd_install: int *, file $D/secret -rw-r--r--"}},
	{name: "mounts", do: []string{"unshare " + newMount + " then mount field $D/mounted tmpfs then umount $D/mounted then bind $D/watched $D/mounted then umount $D/mounted"},
		unordered: true, want: []string{
			"__x64_sys_mount: string field, string $D/mounted",
			"__x64_sys_mount: string $D/watched, string $D/mounted",
			"security_sb_mount: path $D/mounted*, string tmpfs",
		}},
	{name: "links", do: []string{
		`call 266 "$D/secret -100 "$D/link-to-secret then call 266 "$D/public -100 "$D/link-to-public`,
		`call 265 -100 "$D/secret -100 "$D/hard 0 then call 265 -100 "$D/public -100 "$D/hard-public 0`,
		"open $D/link-to-secret then open $D/link-to-public",
	}, want: []string{
		"__x64_sys_symlinkat: string $D/secret, int -100, string $D/link-to-secret",
		"__x64_sys_linkat: int -100, string $D/secret, string $D/hard",
		"traced: security_inode_follow_link: path *link-to-secret *",
	}, refused: map[string]string{"security_inode_follow_link": none}},
	{name: "becoming-root", do: []string{
		"setuid 0 then setuid 0 then setuid 0",
		"setreuid 0 -1 then setreuid -1 0",
		"setresuid -1 0 -1 then setresuid -1 -1 0 then setresuid 0 5 5 then setfsuid 0 then setfsuid 5",
	}, want: []string{
		`__sys_setuid: int 0 "Sets its user to root"`,
		"__sys_setreuid: int 0, int -1",
		"__sys_setreuid: int -1, int 0",
		"__sys_setresuid: int -1, int 0, int -1, = int 0",
		"__sys_setresuid: int -1, int -1, int 0, = int 0",
		"__sys_setfsuid: int 0",
	}},
	{name: "joining-root", do: []string{
		"setgid 0 then setgid 7",
		"setregid 7 0 then setregid -1 7 then setregid 0 -1",
		"setresgid 0 5 5 then setresgid 5 0 5 then setresgid -1 -1 -1 then setfsgid 0 then setfsgid 5 then try setresgid 1 0 9",
	}, want: []string{
		"__sys_setgid: int 0, = int 0",
		"__sys_setregid: int 7, int 0, = int 0",
		"__sys_setregid: int 0, int -1, = int 0",
		"__sys_setresgid: int 0, int 5, int 5, = int 0",
		"__sys_setresgid: int 5, int 0, int 5, = int 0",
		"__sys_setfsgid: int 0, = int 0",
		"__sys_setresgid: int 1, int 0, int 9, = int 0",
	}},
	{name: "setuid-calls", do: []string{"setuid 0 then setgid 0 then setuid 7"}, want: []string{"__x64_sys_setuid: int 0", "__x64_sys_setuid: int 7"}},
	{name: "raising-privileges", do: []string{
		"capset 0x1 0x3 0 then capset 0 0 0",
		"unshare " + newUser,
		"setresuid 7 7 7 then unshare " + newUser,
	}, want: []string{
		`traced: security_capset: {"process_credentials_arg":{*}}, {"cap_effective_arg":"0000000000000001"}, {"cap_inheritable_arg":"0000000000000000"}, {"cap_permitted_arg":"0000000000000003"} "Changes its capabilities"`,
		"create_user_ns: ",
	}, refused: map[string]string{"security_capset": none}},
	{name: "credentials", do: []string{
		"setresuid 0 0 7",
		"unshare " + newPID + " then fork then setresuid 0 0 7 then setresuid 0 0 7 then setresuid 0 0 8",
		// access(2) asks for the real user, faccessat2(2) with AT_EACCESS for the effective one.
		"setresuid -1 9 -1 then call access \"$D/public 4 then call 439 -100 \"$D/public 4 0x200",
	}, want: []string{
		`commit_creds: {"process_credentials_arg":{*"suid":7,*}}`,
		`commit_creds: {"process_credentials_arg":{*"suid":8,*}}`,
		`has override_creds: override_creds: {"process_credentials_arg":{"uid":0,"gid":0,"euid":9,*"fsuid":0,*}}`,
		`has revert_creds: revert_creds: {"process_credentials_arg":{"uid":0,"gid":0,"euid":9,*"fsuid":9,*}}`,
	}},
	{name: "capability-checks", do: []string{
		"chroot /",
		"unshare " + newPID + " then fork then chroot / then chroot / then capset 0 0 0 then call setpriority 0 0 -5",
	}, want: []string{
		`cap_capable: {"user_ns_arg":{*"is_host":true}}}, {"capability_arg":{"value":18,"name":"CAP_SYS_CHROOT"}}, = int 0`,
		`cap_capable: *{"capability_arg":{"value":23,"name":"CAP_SYS_NICE"}}, = int -1`,
	}},
	{name: "executed-files", do: []string{"spawn $D/program $L nothing then spawn /bin/true"}, want: []string{
		"security_bprm_creds_from_file: file $D/program -rwxr-xr-x",
	}},
	{name: "listed-syscalls", do: []string{"open $D/public then dup-to 99 then call 32 99 then call dup3 99 98 0"}, unordered: true, want: []string{
		"__x64_sys_dup2: ", "__x64_sys_dup: ", "raw_syscalls/sys_enter: size 33", "raw_syscalls/sys_enter: size 32",
	}},
	{name: "executions", do: []string{"spawn $D/program $L nothing then spawn /bin/true"}, want: []string{
		"sched/sched_process_exec: binprm $D/program -rwxr-xr-x",
	}},
	{name: "signals-sent", do: []string{"name watched-one then kill 0 23 then kill 0 28 then name one then kill 0 28"},
		want: []string{"signal/signal_generate: int 28, string watched-one"}},
	{name: "files-opened-by-a-program", do: []string{"open $D/secret then exec $D/program $L open $D/secret and open $D/public and open $D/watched/a"}, want: []string{
		"file_open: file $D/secret -rw-r--r--", "file_open: file $D/watched/a -rw-r--r--",
	}},
	{name: "connections-asked-for", do: []string{
		"network fd00::1 then listen 127.0.0.1 4000 then connect 127.0.0.1 4000 then try connect 127.0.0.1 4001 then try connect 127.0.1.1 4000 then connect-udp 127.0.0.1 4000 then try connect fd00::1 4000",
	}, want: []string{
		"security_socket_connect: sock AF_INET SOCK_STREAM IPPROTO_TCP 0.0.0.0:0>0.0.0.0:0 TCP_CLOSE, sockaddr AF_INET 127.0.0.1:4000, int 16",
	}},
	{name: "tcp-connections", do: []string{
		"network fd00::1 then listen 127.0.0.1 4000 then connect 127.0.0.1 4000 127.0.0.1 5000 then send hello then close then listen fd00::1 4000 then connect fd00::1 4000 then send hello then close",
	}, want: []string{
		"tcp_connect: sock AF_INET SOCK_STREAM IPPROTO_TCP 127.0.0.1:5000>127.0.0.1:4000 TCP_SYN_SENT",
		"tcp_sendmsg: sock AF_INET SOCK_STREAM IPPROTO_TCP 127.0.0.1:5000>127.0.0.1:4000 TCP_ESTABLISHED, int 5",
		"tcp_close: sock AF_INET SOCK_STREAM IPPROTO_TCP 127.0.0.1:5000>127.0.0.1:4000 *",
	}},
	{name: "tcp-accepted", do: []string{
		"network fd00::1 then listen 127.0.0.1 4000 then connect 127.0.0.1 4000 127.0.0.1 5000 then accept then listen fd00::1 4000 then connect fd00::1 4000",
	}, want: []string{
		"tcp_set_state: sock AF_INET SOCK_STREAM IPPROTO_TCP 127.0.0.1:4000>127.0.0.1:5000 TCP_SYN_RECV, state=int 1",
	}, refused: map[string]string{"sk_alloc": none, "tcp_create_openreq_child": none, "__sk_free": none}},
	{name: "terminal-output", do: []string{"open /dev/ptmx b then write typed then open $D/public b then write x"}, want: []string{
		"traced: tty_write: file *ptmx *, bytes typed",
	}, refused: map[string]string{"tty_write": none}},
	{name: "debuggers", do: []string{"ptrace then call 101 0 0 0 0"}, want: []string{"__x64_sys_ptrace: int 16, int 0"}},
	{name: "clock", do: []string{
		"call 227 -1 0 then unshare " + newPID + " then fork then call 227 -2 0 then fork then call 227 -3 0",
		"unshare " + newPID + " then init then fork then call 227 -4 0 then fork then call 227 -5 0",
	}, want: []string{"__x64_sys_clock_settime: int -4", "__x64_sys_clock_settime: int -5"}},
	{name: "bpf-objects", do: []string{"bpf-map field_map 8 4 then bpf-prog field_program then perf-event then bpf-command 12"}, want: []string{
		`traced: security_bpf_map_alloc: {"bpf_map_arg":{"MapType":"BPF_MAP_TYPE_ARRAY","KeySize":4,"ValueSize":8,"MaxEntries":4,"MapName":"field_map"}}`,
		`bpf_check: {"bpf_attr_arg":{"ProgType":"BPF_PROG_TYPE_SOCKET_FILTER","InsnCnt":2,"ProgName":"field_program"}}`,
		`traced: security_perf_event_alloc: {"perf_event_arg":{"Type":"PERF_TYPE_SOFTWARE",*}}`,
	}, refused: map[string]string{"security_perf_event_alloc": none, "security_bpf_map_alloc": none}},
	{name: "modules", do: []string{
		"call 41 9 1 0 then open $D/watched/b.log then open $D/public then call 313 4 \" 0", // socket(AF_X25, ...), finit_module
		"has do_init_module: finit-module $M then delete-module nls_utf8 then init-module $M then delete-module nls_utf8",
		"has do_init_module: try finit-module $D/public then try delete-module field then try init-module $D/public then open $M",
	}, want: []string{
		"traced: security_kernel_module_request: string net-pf-9, = int 0",
		"traced: security_kernel_read_file: file $D/public -rw-r--r--, int 2, = int 0",
		"has do_init_module: security_kernel_read_file: file $M -rw-r--r--, int 2, = int 0",
		`has do_init_module: do_init_module: {"module_arg":{"name":"nls_utf8"*}}`,
		`has do_init_module: free_module: {"module_arg":{"name":"nls_utf8"*}}`,
		"has do_init_module: security_kernel_load_data: int 2, = int 0",
		`has do_init_module: do_init_module: {"module_arg":{"name":"nls_utf8"*}}`,
		`has do_init_module: free_module: {"module_arg":{"name":"nls_utf8"*}}`,
		"has do_init_module: security_kernel_read_file: file $D/public -rw-r--r--, int 2, = int 0",
	}, refused: map[string]string{
		"security_kernel_module_request": "module_request", "security_kernel_read_file": none, "security_kernel_load_data": none,
		"do_init_module": "module_load", "free_module": "module_free",
	}},
	{name: "packets-leaving", do: []string{"network then send-to 127.0.0.1 9 x"}, want: []string{"traced: dev_hard_start_xmit: string lo", "traced: dev_hard_start_xmit: string lo"},
		refused: map[string]string{"dev_hard_start_xmit": none}},
	// Programs of a cgroup are asked where it has any. Before 5.12 also where it has some for the other direction: datagrams that come in
	// are told then if the kernel handles them while it works for the process.
	{name: "datagrams", do: []string{
		"traced: network fd00::1 then receive 127.0.0.1 4000 then receive fd00::1 4000 then send-to 127.0.0.1 4000 x then filter-cgroup /sys/fs/cgroup then send-to 127.0.0.1 4000 x then send-to fd00::1 4000 x",
	}, want: []string{
		"traced: __cgroup_bpf_run_filter_skb: sock AF_INET SOCK_DGRAM IPPROTO_UDP *, skb AF_INET IPPROTO_UDP 127.0.0.1:*>127.0.0.1:4000, int 1",
		"traced: __cgroup_bpf_run_filter_skb: sock AF_INET6 SOCK_DGRAM IPPROTO_UDP *, skb AF_INET6 IPPROTO_UDP fd00::1:*>fd00::1:4000, int 1",
	}, refused: map[string]string{"__cgroup_bpf_run_filter_skb": none}, uncertain: "int 0"},
	{name: "datagrams-sent", do: []string{
		"traced: network then receive 127.0.0.1 4000 then receive 127.0.0.1 4001 then connect-udp 127.0.0.1 4001 then send x then connect-udp 127.0.0.1 4000 then send hello then listen 127.0.0.1 4000 then connect 127.0.0.1 4000 then send hello",
		"traced: network then receive 127.0.0.1 4000 then send-to 127.0.0.1 4000 hey", // the socket is not connected
	}, want: []string{
		"traced: udp_sendmsg: sock AF_INET SOCK_DGRAM IPPROTO_UDP 127.0.0.1:*>127.0.0.1:4000 *, size 5",
		"traced: ip_output: skb AF_INET IPPROTO_UDP 127.0.0.1:*>127.0.0.1:4000",
		"traced: ip_output: skb AF_INET IPPROTO_UDP 127.0.0.1:*>127.0.0.1:4000",
	}, refused: map[string]string{"udp_sendmsg": none, "ip_output": none}},
	{name: "dropped-packets", do: []string{
		"traced: network then receive 127.0.0.1 4000 then send-to 127.0.0.1 4000 x then send-to 127.0.0.1 9 x",
	}, want: []string{
		"since 5.17: kfree_skb_reason: skb AF_INET IPPROTO_UDP 127.0.0.1:*>127.0.0.1:9, reason=int *",
	}, refused: map[string]string{"kfree_skb_reason": withoutReasons()}, check: hasKernelStacks},
	{name: "libraries", do: []string{"open $D/program then mmap rx then open $D/probes then mmap r"}, check: hasMapped},
	{name: "every-syscall", do: []string{"call getsid 0 then call getsid 0 then call getsid 0"}, check: hasEveryCall},
	{name: "probed-functions", do: []string{"exec $D/probes $L 2 hello-there", "exec $D/probes $L -2 goodbye"}, unordered: true, want: []string{
		"probes:add_numbers: int 2, size 40*",
		"probes:add_numbers: int -2, size 40*",
		"probes:greet: string hello-there",
	}},
	{name: "static-probes", do: []string{"exec $D/probes $L 2 hello", "exec $D/probes $L -2 hello"}, want: []string{"field:called: int -2, size 40"}},
	{name: "stacks", do: []string{"call setpriority 0 0 5"}, want: []string{"__x64_sys_setpriority: nice=int 5"}, check: hasStacks},
	{name: "standard-output", do: []string{
		"open $D/public b then write x then dup-to 1 then write field",
		"open $D/public b then dup-to 1 then unshare " + newPID + " then fork then write field",
		"open $D/public b then dup-to 1 then unshare " + newPID + " then init then fork then write entered",
	}, want: []string{"__x64_sys_write: int 1, bytes field, size 5", "__x64_sys_write: int 1, bytes entered, size 7"}},
	{name: "followed-files", do: []string{
		"open $D/watched/c then read 4 then close then open $D/public b then read 4 then write x then close then open $D/watched/a b then dup-to 50 then write y then close",
	}, want: []string{
		"fd_install: int *, file $D/watched/c -rw-r--r-- FOLLOWFD",
		"__x64_sys_read: file $D/watched/c -rw-r--r--, bytes what, size 4",
		"__x64_sys_close: int * UNFOLLOWFD",
		"fd_install: int *, file $D/watched/a -rw-r--r-- FOLLOWFD",
		"__x64_sys_write: file $D/watched/a -rw-r--r--, bytes y, size 1",
		"__x64_sys_close: int 50 UNFOLLOWFD",
	}},
}

// inRun is how many scenes share a run: there is room in hello for what is said of that many.
const inRun = 16

// TestScenes: a policy for each family of what people watch.
func TestScenes(t *testing.T) {
	folder := newFolder(t, "")
	for some := range slices.Chunk(scenes, inRun) {
		play(t, harness.Options{}, folder, some)
	}
}
