// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"fmt"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/kernelversion"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

const (
	noTracepoint    = "no tracepoint stands in for"
	someCredentials = `{"process_credentials_arg":{*"uid":1,"gid":0,"euid":2,"egid":0,"suid":3,"sgid":0,"fsuid":2,"fsgid":0*}}`
)

// attribute are the arguments of security_inode_setxattr that are its name and value: kernels before 5.12 give no mapping of ids before them.
func attribute() string {
	first := 2
	if kernelversion.Before(5, 12) {
		first = 1
	}
	return fmt.Sprintf("{index: %d, type: string}, {index: %d, type: const_buf, sizeArgIndex: %d}", first, first+1, first+3)
}

// argumentTypes has a row at least for each type of argument.
var argumentTypes = []row{
	{name: "signed-numbers", spec: kprobe("sys_prctl",
		"{index: 0, type: int8}, {index: 1, type: int16}, {index: 2, type: int32}, {index: 3, type: int64}, {index: 4, type: int}"),
		do: []string{"call prctl -1 0x7fff 0x80000000 0x8000000000000000 -1",
			"call prctl 0xffffff80 0x18000 0x17fffffff 0x7fffffffffffffff 0x17fffffff"},
		want: []string{
			"int -1, int 32767, int -2147483648, long -9223372036854775808, int -1",
			"int -128, int -32768, int 2147483647, long 9223372036854775807, int 2147483647",
		}},
	{name: "unsigned-numbers", spec: kprobe("sys_prctl",
		"{index: 0, type: uint8}, {index: 1, type: uint16}, {index: 2, type: uint32}, {index: 3, type: uint64}, {index: 4, type: ulong}"),
		do: []string{"call prctl -1 -1 -1 -1 -1", "call prctl 0xffffff00 0x10000 0x100000000 0x8000000000000000 0"},
		want: []string{"uint 255, uint 65535, uint 4294967295, size 18446744073709551615, size 18446744073709551615",
			"uint 0, uint 0, uint 0, size 9223372036854775808, size 0"}},
	{name: "other-numbers", spec: kprobe("sys_prctl",
		"{index: 0, type: nop}, {index: 1, type: long}, {index: 2, type: size_t}, {index: 3, type: capability}, {index: 4, type: bpf_cmd}"),
		do: []string{"call prctl -1 -5 0xfffffffffffffff0 21 5", "call prctl -1 5 0 63 0"},
		want: []string{
			`long -5, size 18446744073709551600, {"capability_arg":{"value":21,"name":"CAP_SYS_ADMIN"}}, {"bpf_cmd_arg":"BPF_PROG_LOAD"}`,
			`long 5, size 0, {"capability_arg":{"value":63*}}, {"bpf_cmd_arg":"BPF_MAP_CREATE"}`,
		}},
	// In the slot of a narrow parameter of a function the upper bits are whatever they were.
	{name: "numbers-of-functions",
		spec:    kprobe("security_task_prctl", "{index: 0, type: int32}, {index: 1, type: uint64}, {index: 4, type: uint16}"),
		refused: noTracepoint,
		do:      []string{"call prctl 0xffffffffffffffff -1 0 0 0x1fffe"},
		want:    []string{"int -1, size 18446744073709551615, uint 65534"}},
	{name: "tracepoint-numbers",
		spec: tracepoint("raw_syscalls", "sys_enter", "{index: 4, type: syscall64}", matchArgs(4, "InMap", "sys_getsid",
			"sys_getpgid")),
		do:   []string{"call getsid 0 then call getpgid 0 then call umask 022"},
		want: []string{`{"syscall_id":{"id":124,"abi":"x64"}}`, `{"syscall_id":{"id":121,"abi":"x64"}}`}},

	{name: "string", spec: kprobe("sys_access", "{index: 0, type: string, label: what}"),
		do: []string{`call access "/some/path`, `call access "`, "call access 0", "long access 0 4095 x",
			"call access 0xffff800000000000"},
		want: []string{"what=string /some/path", "what=string ", "what=error *",
			"what=string xxxxxxxxxxxxxxxx...xxxxxxxxxxxxxxxx (4095)",
			"what=error Bad address for basic type"}},
	{name: "string-in-kernel", spec: rawTracepoint("sched", "sched_process_exec", "{index: 2, type: string, resolve: filename}"),
		do:   []string{"exec $D/program $L nothing"},
		want: []string{"string *", "string $D/program"}},
	{name: "filename", spec: kprobe("do_filp_open", "{index: 1, type: filename}"), refused: noTracepoint,
		do: []string{"try open $D/none-such"}, want: []string{"string $D/none-such"}},
	{name: "data-loc", spec: tracepoint("sched", "sched_process_exec", "{index: 4, type: data_loc}"),
		do:   []string{"exec $D/program $L nothing"},
		want: []string{"string *", "string $D/program"}},
	{name: "net-device", spec: rawTracepoint("net", "net_dev_start_xmit", "{index: 1, type: net_device}"),
		do: []string{"network then send-to 127.0.0.1 9 x"}, want: []string{"string lo", "string lo"}},

	{name: "char-buf", spec: kprobe("sys_write", "{index: 1, type: char_buf, sizeArgIndex: 3}, {index: 2, type: size_t}"),
		do: []string{"open $D/buffer wct then write some-text", "long write 1 5000 x"},
		want: []string{"bytes some-text, size 9",
			"bytes xxxxxxxxxxxxxxxx...xxxxxxxxxxxxxxxx (4096) of 18446744073709551615, size 18446744073709551615"}},
	{name: "char-buf-returned", spec: kprobe("sys_read", "{index: 1, type: char_buf, sizeArgIndex: 3, returnCopy: true}") +
		"\n  return: true\n  returnArg: {type: long}",
		do:   []string{"open $D/text then read 100 then read 100"},
		want: []string{"bytes what is in it\n, = long 14", "bytes , = long 0"}},
	{name: "char-buf-long", spec: kprobe("sys_pwrite64", "{index: 1, type: char_buf, sizeArgIndex: 3, maxData: true}"),
		do:   []string{"long 18 1 10000 x"},
		want: []string{"bytes xxxxxxxxxxxxxxxx...xxxxxxxxxxxxxxxx (8192) of 18446744073709551615"}},
	{name: "char-iovec", spec: kprobe("sys_writev", "{index: 1, type: char_iovec, sizeArgIndex: 3}"),
		do: []string{"open $D/vector wct then writev one two three",
			"open $D/vector wct then writev a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6"},
		want: []string{"bytes onetwothree", "bytes abcdefghijklmnopqrstuvwxyz012345 of *"}},
	{name: "const-buf",
		spec: kprobe("security_inode_setxattr", attribute()),
		do:   []string{`call setxattr "$D/text "user.name "value 5 0`},
		want: []string{"string user.name, bytes value"}},
	{name: "const-buf-of-user",
		spec: kprobe("sys_setxattr", "{index: 0, type: string}, {index: 2, type: const_buf, sizeArgIndex: 4}"),
		do:   []string{`call setxattr "$D/text "user.name "value 5 0`},
		want: []string{"string $D/text, bytes value"}},
	{name: "iov-iter", spec: kprobe("sock_write_iter", "{index: 1, type: iov_iter}"), refused: noTracepoint,
		do:   []string{"network then listen 127.0.0.1 80 then connect 127.0.0.1 80 then write hello then writev two parts"},
		want: []string{"bytes hello", "bytes twoparts"}},
	{name: "kiocb", spec: kprobe("generic_write_checks", "{index: 0, type: kiocb}, {index: 1, type: iov_iter}"),
		refused: noTracepoint,
		do:      []string{"open $D/kiocb wct then write hello"},
		want:    []string{"file $D/kiocb -rw-r--r--, bytes hello"}},

	{name: "fd", spec: kprobe("sys_pread64", "{index: 0, type: fd}"),
		do: []string{"open $D/text then pread 1 0 then close then try pread 1 0", "call pread -1 0 0 0",
			"call pread 0x100000 0 0 0"},
		want: []string{"file $D/text -rw-r--r--", "file ", "file ", "file "}},
	{name: "file",
		spec: kprobe("security_file_permission", "{index: 0, type: file}, {index: 1, type: int}", matchArgs(0, "Prefix", "$D/")),
		do:   []string{"open $D/text b then pread 5 0 then write x"},
		want: []string{"file $D/text -rw-r--r--, int 4", "file $D/text -rw-r--r--, int 2"}},
	{name: "files-of-a-program", spec: rawTracepoint("sched", "sched_process_exec",
		"{index: 2, type: linux_binprm}, {index: 2, type: file, resolve: file}, {index: 2, type: path, resolve: file.f_path}, {index: 2, type: dentry, resolve: file.f_path.dentry}"),
		do: []string{"exec $D/program $L nothing"},
		want: []string{"*",
			"binprm $D/program -rwxr-xr-x, file $D/program -rwxr-xr-x, path $D/program -rwxr-xr-x, path *program -rwxr-xr-x"}},
	{name: "linux-binprm", spec: kprobe("security_bprm_check", "{index: 0, type: linux_binprm}"),
		do: []string{"exec $D/program $L nothing"}, want: []string{"binprm $D/program -rwxr-xr-x"},
		wantEqual: []string{"binprm * -rwxr-xr-x", "binprm $D/program -rwxr-xr-x"},
	},
	// Since 6.2 the kernel asks another function about descriptors, and at open.
	{name: "path", spec: kprobe("security_path_truncate", "{index: 0, type: path}"),
		do:        []string{"truncate $D/text-cut 7 then open $D/text-cut b then ftruncate 6 then open $D/text-cut wt"},
		want:      repeated("path $D/text-cut -rw-r--r--", 3),
		wantEqual: []string{"path $D/text-cut", "path $D/text-cut -rw-r--r--", "path $D/text-cut -rw-r--r--"}},
	{name: "file-cut",
		spec: kprobe("security_file_truncate", "{index: 0, type: file}"), // since 6.2; before a tracepoint stands in for it
		do:   []string{"open $D/text-cut b then ftruncate 5 then read 2"}, want: []string{"file $D/text-cut -rw-r--r--"}},
	{name: "dentry", spec: kprobe("security_inode_unlink", "{index: 1, type: dentry}"), refused: noTracepoint,
		do: []string{"unlink $D/unlinked"}, want: []string{"path *unlinked -rw-r--r--"}},

	{name: "sock", spec: kprobe("tcp_connect", "{index: 0, type: sock}"),
		do: []string{"network fd00::1 then listen 127.0.0.1 65535 then connect 127.0.0.1 65535 127.0.0.9 1 then listen fd00::1 1 then connect fd00::1 1 fd00::1 65535"},
		want: []string{
			"sock AF_INET SOCK_STREAM IPPROTO_TCP 127.0.0.9:1>127.0.0.1:65535 TCP_SYN_SENT",
			"sock AF_INET6 SOCK_STREAM IPPROTO_TCP fd00::1:65535>fd00::1:1 TCP_SYN_SENT",
		}},
	{name: "socket", spec: kprobe("security_socket_listen", "{index: 0, type: socket}, {index: 1, type: int}"),
		do:   []string{"network then listen 127.0.0.1 443 17"},
		want: []string{"sock AF_INET SOCK_STREAM IPPROTO_TCP 127.0.0.1:443>0.0.0.0:0 TCP_CLOSE, int 17"}},
	// Of the answers that nobody listens nothing is wanted: the kernel may send them from a thread of its own.
	{name: "skb", spec: rawTracepoint("net", "net_dev_queue", "{index: 0, type: skb}", matchArgs(0, "Protocol", "IPPROTO_UDP")),
		do: []string{"network fd00::2 then send-to 127.0.0.1 65535 x then send-to fd00::2 9 x"},
		want: []string{
			"skb AF_INET IPPROTO_UDP 127.0.0.1:*>127.0.0.1:65535",
			"skb AF_INET6 IPPROTO_UDP fd00::2:*>fd00::2:9",
		}},
	{name: "sockaddr", spec: kprobe("security_socket_connect", "{index: 1, type: sockaddr}"),
		do:   []string{"network fd00::3 then listen 127.0.0.1 1 then connect 127.0.0.1 1 then connect-udp fd00::3 65535 then try unix-connect $D/none"},
		want: []string{"sockaddr AF_INET 127.0.0.1:1", "sockaddr AF_INET6 fd00::3:65535", "sockaddr AF_UNIX invalid IP:0"}},
	{name: "sockaddr-of-user", spec: kprobe("sys_connect", "{index: 1, type: sockaddr}"),
		do: []string{"network then connect-udp 127.1.2.3 53"}, want: []string{"sockaddr AF_INET 127.1.2.3:53"}},
	{name: "sockaddr-un", spec: kprobe("security_socket_bind", "{index: 1, type: sockaddr_un}"),
		do:   []string{"unix-listen $D/socket", "unix-listen @hidden"},
		want: []string{"sockaddr_un AF_UNIX $D/socket", "sockaddr_un AF_UNIX @hidden"}},
	{name: "sockaddr-un-of-user", spec: kprobe("sys_bind", "{index: 1, type: sockaddr_un}"),
		do: []string{"unix-listen @twice"}, want: []string{"sockaddr_un AF_UNIX @twice"}},

	{name: "capset",
		spec: kprobe("security_capset",
			"{index: 2, type: cap_effective}, {index: 3, type: cap_inheritable}, {index: 4, type: cap_permitted}"),
		refused: noTracepoint,
		do:      []string{"capset 0x1 0x203 0x2"},
		want:    []string{`{"cap_effective_arg":"0000000000000001"}, {"cap_inheritable_arg":"0000000000000002"}, {"cap_permitted_arg":"0000000000000203"}`}},
	{name: "cred", spec: kprobe("commit_creds", "{index: 0, type: cred}"),
		do:        []string{"setresuid 1 2 3"},
		want:      []string{someCredentials},
		wantEqual: []string{"*", someCredentials}}, // that of its exec comes first
	{name: "user-namespace",
		spec: kprobe("cap_capable", "{index: 1, type: user_namespace}, {index: 2, type: capability}", matchArgs(2, "Equal",
			"CAP_SYS_CHROOT")),
		do:   []string{"chroot /"},
		want: []string{`{"user_ns_arg":{"level":0,"uid":0,"gid":0,"ns":{"inum":*,"is_host":true}}}, {"capability_arg":{"value":18,"name":"CAP_SYS_CHROOT"}}`}},
	{name: "of-the-task", spec: kprobe("sys_umask", "{index: 0, type: int}") + `
  data:
  - {source: current_task, type: cred, resolve: cred}
  - {source: current_task, type: user_namespace, resolve: cred.user_ns}
  - {source: current_task, type: kernel_cap_t, resolve: cred.cap_permitted}
  - {source: current_task, type: cap_effective, resolve: cred.cap_effective}
  - {source: current_task, type: cap_inheritable, resolve: cred.cap_inheritable}
  - {source: current_task, type: cap_permitted, resolve: cred.cap_permitted}
  - {source: current_task, type: string, resolve: comm}
  - {source: current_task, type: path, resolve: fs.pwd}`,
		do: []string{"chdir $D then capset 1 0x203 2 then call umask 18"},
		want: []string{`int 18, data {"process_credentials_arg":{"uid":0,*}, data {"user_ns_arg":{*}}, data {"kernel_cap_t_arg":"0000000000000203"},` +
			` data {"cap_effective_arg":"0000000000000001"}, data {"cap_inheritable_arg":"0000000000000002"}, data {"cap_permitted_arg":"0000000000000203"},` +
			` data string *, data path $D drwxr-xr-x`}},
	{name: "auto",
		spec: rawTracepoint("sched", "sched_process_exec",
			"{index: 0, resolve: tgid}, {index: 0, resolve: comm}, {index: 2, resolve: file.f_inode.i_mode}, {index: 1}"),
		do:   []string{"exec $D/program $L nothing"},
		want: []string{"*", "int *, string program, uint 33261, int *"}},
	{name: "auto-of-record", spec: tracepoint("sched", "sched_process_exec", "{index: 4}, {index: 5}"),
		do: []string{"exec $D/program $L nothing"}, want: []string{"*", "string $D/program, int *"}},

	{name: "bpf-cmd", spec: kprobe("security_bpf", "{index: 0, type: bpf_cmd}, {index: 2, type: uint32}"),
		do: []string{"bpf-map some_map 8 4"}, want: []string{`{"bpf_cmd_arg":"BPF_MAP_CREATE"}, uint *`}},
	{name: "bpf-attr", spec: kprobe("bpf_check", "{index: 1, type: bpf_attr}"),
		do:   []string{"bpf-prog some_program"},
		want: []string{`{"bpf_attr_arg":{"ProgType":"BPF_PROG_TYPE_SOCKET_FILTER","InsnCnt":2,"ProgName":"some_program"}}`}},
	{name: "bpf-map", spec: kprobe("security_bpf_map_alloc", "{index: 0, type: bpf_map}"), refused: noTracepoint,
		do:   []string{"bpf-map some_map 8 4"},
		want: []string{`{"bpf_map_arg":{"MapType":"BPF_MAP_TYPE_ARRAY","KeySize":4,"ValueSize":8,"MaxEntries":4,"MapName":"some_map"}}`}},
	{name: "bpf-prog", spec: kprobe("security_bpf_prog", "{index: 0, type: bpf_prog}"), refused: noTracepoint,
		do:   []string{"bpf-prog some_program"},
		want: []string{`{"bpf_prog_arg":{"ProgType":"BPF_PROG_TYPE_SOCKET_FILTER","InsnCnt":2,"ProgName":"some_program"}}`}},
	{name: "perf-event", spec: kprobe("security_perf_event_alloc", "{index: 0, type: perf_event}"), refused: noTracepoint,
		do: []string{"perf-event"}, want: []string{`{"perf_event_arg":{"Type":"PERF_TYPE_SOFTWARE","Config":"2"}}`}},
	{name: "load-info", spec: kprobe("load_module", "{index: 0, type: load_info}"), refused: noTracepoint,
		do:   []string{`call 175 "this-is-no-module-at-all-but-it-is-longer-than-the-header-of-an-elf-file-has-to-be 80 "`},
		want: []string{`{"module_arg":{*}}`}},
	{name: "module", spec: rawTracepoint("module", "module_load", "{index: 0, type: module}"), refused: "module_load",
		do: []string{"nothing"}, want: nil},
	{name: "module-unsigned", // kernels built without CONFIG_MODULE_SIG have no such field
		spec: rawTracepoint("sched", "sched_process_wait", "{index: 0, type: module}"), do: []string{"nothing"}, want: nil},
	{name: "load-info-built-without", refused: "CONFIG_MODULES",
		spec: rawTracepoint("sched", "sched_process_wait", "{index: 0, type: load_info}"), do: []string{"nothing"}, want: nil},
}

func TestArgumentTypes(t *testing.T) {
	runRows(t, harness.Options{}, argumentTypes, func(folder string) {
		write(t, folder+"/text", "what is in it\n")
		write(t, folder+"/text-cut", "what is in it\n")
		write(t, folder+"/unlinked", "")
		write(t, folder+"/long", "")
	})
}

// TestEveryArgumentType: no type is without a row.
func TestEveryArgumentType(t *testing.T) {
	covered := map[string]bool{}
	for i := range argumentTypes {
		for _, h := range argumentTypes[i].parsed(t).Hooks {
			for _, a := range append(h.Args, h.Data...) {
				covered[a.Type.Name] = true
			}
		}
	}
	var all []string
	for _, at := range policy.ArgumentTypes() {
		all = append(all, at.Name)
	}
	if without := missing(all, covered); len(without) > 0 {
		t.Errorf("no row has an argument of type %v", without)
	}
}
