// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// operators are those of Tetragon's CRD (pkg/k8s/apis/cilium.io/v1alpha1/types.go).
const operators = `Equal NotEqual Prefix NotPrefix Postfix NotPostfix GreaterThan LessThan GT LT Mask SPort NotSPort SPortPriv NotSportPriv
	DPort NotDPort DPortPriv NotDPortPriv SAddr NotSAddr DAddr NotDAddr Protocol Family State InMap NotInMap CapabilitiesGained InRange
	NotInRange SubString SubStringIgnCase CelExpr FileType NotFileType`

// many is how many values filters are tried with.
const many = 1000

// values makes as many as there are.
func values(format string) (all []string) {
	for i := range many {
		all = append(all, fmt.Sprintf(format, i))
	}
	return all
}

// seek is a row about a number of a system call that does nothing: lseek of no file. each are the numbers.
func seek(name, argument, operator string, of []string, each string, want ...string) row {
	index := 2
	if strings.Contains(argument, "64") {
		index = 1
	}
	return row{
		name: name, spec: kprobe("sys_lseek", fmt.Sprintf("{index: %d, type: %s}", index, argument),
			matchArgs(index, operator, of...)),
		do: []string{fmt.Sprintf("each lseek %d %s", index, each)}, want: want,
	}
}

// access is a row about a text that is given to a system call. each are the commands of provoke.
func access(name, operator string, of []string, do []string, want ...string) row {
	return row{
		name: name, spec: kprobe("sys_access", "{index: 0, type: string}", matchArgs(0, operator, of...)),
		do: []string{strings.Join(do, " then ")}, want: want,
	}
}

func x(count int) string { return strings.Repeat("x", count) }

// accessed are the commands for texts, of which the words have no blanks.
func accessed(texts ...string) (do []string) {
	for _, text := range texts {
		do = append(do, `call access "`+text)
	}
	return do
}

var numberOperators = []row{
	seek("equal-int32", "int32", "Equal", []string{"-2147483648", "2147483647",
		"0x10"}, "-2147483648 -2147483647 2147483647 2147483646 16 15 -1 0x100000010",
		"int -2147483648", "int 2147483647", "int 16", "int 16"),
	seek("not-equal-int64", "int64", "NotEqual", []string{"-9223372036854775808", "9223372036854775807", "-1"},
		"0x8000000000000000 0x8000000000000001 0x7fffffffffffffff -1 0", "long -9223372036854775807", "long 0"),
	seek("equal-uint64", "uint64", "Equal", []string{"18446744073709551615", "0", "010"}, "-1 -2 0 1 8 10",
		"size 18446744073709551615", "size 0", "size 8"),
	seek("equal-many", "uint32", "Equal", values("%d"), "0 999 1000 0xffffffff", "uint 0", "uint 999"),
	seek("greater-int8", "int8", "GreaterThan", []string{"-3"}, "0x80 0xfc 0xfd 0xfe 0x7f", "int -2", "int 127"),
	seek("greater-uint64", "uint64", "GT", []string{"9223372036854775807"}, "0x7fffffffffffffff 0x8000000000000000 -1 1",
		"size 9223372036854775808", "size 18446744073709551615"),
	seek("less-uint32", "uint32", "LessThan", []string{"2147483648"}, "0 0x7fffffff 0x80000000 0xffffffff", "uint 0",
		"uint 2147483647"),
	seek("less-int64", "int64", "LT", []string{"-9223372036854775807"}, "0x8000000000000000 0x8000000000000001 0 -1",
		"long -9223372036854775808"),
	seek("in-range", "int16", "InRange", []string{"-5:5", "100", "32766:32767"}, "-6 -5 0 5 6 99 100 101 32765 32766 32767 32768",
		"int -5", "int 0", "int 5", "int 100", "int 32766", "int 32767"),
	seek("not-in-range", "uint64", "NotInRange", []string{"1:18446744073709551615"}, "0 1 -1", "size 0"),
	seek("in-map", "uint32", "InMap", append(values("%d00"), "4294967295"), "0 1 99900 99901 100000 0xffffffff", "uint 0",
		"uint 99900", "uint 4294967295"),
	seek("not-in-map", "int32", "NotInMap", values("-%d"), "0 -999 -1000 1", "int -1000", "int 1"),
	seek("mask", "int32", "Mask", []string{"0x80000000", "2"}, "-1 1 2 3 4 0x7fffffff 0x80000000", "int -1", "int 2", "int 3",
		"int 2147483647", "int -2147483648"),
	seek("mask-uint64", "uint64", "Mask", []string{"0x8000000000000000"}, "-1 1 0x7fffffffffffffff", "size 18446744073709551615"),
	{name: "in-map-of-list", spec: "lists:\n- {name: calls, type: syscalls, values: [sys_getsid, sys_getpgid]}\n" +
		tracepoint("raw_syscalls", "sys_enter", "{index: 4, type: syscall64}, {index: 5, type: uint64}", matchArgs(4, "InMap",
			"list:calls")),
		do:   []string{"call getsid 7 then call umask 18 then call getpgid 9"},
		want: []string{`{"syscall_id":{"id":124*, size 7`, `{"syscall_id":{"id":121*, size 9`}},
	// The slot of a narrow parameter has garbage above it.
	{name: "equal-in-a-slot", spec: kprobe("security_task_prctl", "{index: 0, type: int}", matchArgs(0, "Equal", "-7")),
		refused: noTracepoint,
		do:      []string{"call prctl 0xfffffffffffffff9 then call prctl 0xfffffff9 then call prctl -8"},
		want:    []string{"int -7", "int -7"}},
	{name: "expression", spec: kprobe("sys_lseek", "{index: 1, type: uint64}, {index: 2, type: int32}",
		`matchArgs: [{operator: CelExpr, values: ["arg1 < 0 && arg0 + 1 == 8 || and(arg1, 6) == 6"]}]`),
		do:   []string{"call lseek -1 7 -1 then call lseek -1 7 1 then call lseek -1 8 1 then call lseek -1 0 6 then call lseek -1 9 0"},
		want: []string{"size 7, int -1", "size 0, int 6"}},
	// With args, the names of an expression are those of its entries, which are places and not the numbers of arguments.
	{name: "expression-of-places", spec: kprobe("sys_lseek", "{index: 2, type: int32}, {index: 1, type: uint64}, {index: 0, type: int32}",
		`matchArgs: [{args: [1, 0], operator: CelExpr, values: ["arg0 == 5 && arg1 == 6"]}]`),
		do:   []string{"call lseek -1 5 6 then call lseek -1 6 5 then call lseek 6 5 -1 then call lseek 5 6 -1"},
		want: []string{"int 6, size 5, int -1"}},
	{name: "expression-of-data", spec: kprobe("sys_lseek", "{index: 1, type: int64}, {index: 0, type: int32}",
		`matchData: [{args: [1], operator: CelExpr, values: ["arg0 == 7"]}]`) +
		"\n  data: [{type: uint64, source: pt_regs, resolve: rdi}, {type: uint32, source: pt_regs, resolve: rsi}]",
		do: []string{"call lseek -1 7 9 then call lseek 7 -1 9"}, want: []string{"long 7, int -1, *"}},
	{name: "places", spec: kprobe("sys_lseek", "{index: 2, type: int32}, {index: 1, type: int64}, {index: 0, type: int32}",
		`matchArgs: [{args: [0], operator: Equal, values: ["77"]}]`),
		do:   []string{"call lseek -1 78 77 then call lseek -1 77 78 then call lseek 77 78 79"},
		want: []string{"int 77, long 78, int -1"}},
	{name: "one-argument-twice", spec: kprobe("sys_lseek", "{index: 1, type: int8}, {index: 1, type: int64}, {index: 1, type: int64}",
		`matchArgs: [{index: 1, operator: Equal, values: ["7"]}, {args: [2], operator: NotEqual, values: ["7"]}]`),
		do:   []string{"call lseek -1 7 0 then call lseek -1 0x107 0 then call lseek -1 0x108 0"},
		want: []string{"int 7, long 263, long 263"}},
	{name: "the-only-argument", spec: kprobe("sys_lseek", "{index: 1, type: int64}", `matchArgs: [{operator: Equal, values: ["7"]}]`),
		do:   []string{"call lseek 7 8 7 then call lseek -1 7 0"},
		want: []string{"long 7"}},
	{name: "beyond-the-type", spec: kprobe("sys_lseek", "{index: 1, type: int32}", matchArgs(1, "InRange", "5:4294967295")),
		do:   []string{"call lseek -1 4 0 then call lseek -1 5 0 then call lseek -1 0x7fffffff 0 then call lseek -1 -1 0"},
		want: []string{"int 5", "int 2147483647"}},
	{name: "returned", spec: "kprobes:\n- call: sys_lseek\n  returnArg: {index: 0, type: int64}\n  args: [{index: 0, type: int32}]\n" +
		`  selectors:` + "\n  - " + `matchReturnArgs: [{operator: LT, values: ["0"]}]`,
		do: []string{"call lseek -1 0 0 then open $D/program then call lseek 3 0 0"}, want: []string{"int -1, = long -9"}},
	{name: "expression-of-return", spec: "kprobes:\n- call: sys_lseek\n  returnArg: {index: 0, type: int64}\n  args: [{index: 0, type: int32}]\n" +
		`  selectors:` + "\n  - " + `matchReturnArgs: [{operator: CelExpr, values: ["arg0 < 0 && arg0 + 9 == 0"]}]`,
		do: []string{"call lseek -1 0 0 then open $D/program then call lseek 3 0 0 then call lseek 3 0 99"}, want: []string{"int -1, = long -9"}},
	{name: "in-map-of-all", spec: "lists:\n- {name: calls, type: generated_syscalls}\n" +
		tracepoint("raw_syscalls", "sys_enter", "{index: 4, type: syscall64}, {index: 5, type: uint64}",
			"matchArgs: ["+filter(4, "InMap", "list:calls")+", "+filter(5, "Equal", "0x123456789")+"]"),
		do: []string{"call getsid 0x123456789 then call 1000 0x123456789"}, want: []string{`{"syscall_id":{"id":124*, size 4886718345`}},
	{name: "gained-of-set",
		spec: kprobe("security_capset",
			"{index: 1, type: cap_effective, resolve: cap_effective}, {index: 2, type: cap_effective}",
			"matchArgs: [{args: [0, 1], operator: CapabilitiesGained, values: [CAP_NET_RAW, CAP_CHOWN]}]"), refused: noTracepoint,
		do: []string{"capset 0x2 0x2003 0 then capset 0x3 0x2003 0 then capset 0x1 0x2003 0 then capset 0x2000 0x2003 0"},
		want: []string{`{"cap_effective_arg":"0000000000000002"}, {"cap_effective_arg":"0000000000000003"}`,
			`{"cap_effective_arg":"0000000000000001"}, {"cap_effective_arg":"0000000000002000"}`}},
	{name: "gained-by-exec", spec: rawTracepoint("sched", "sched_process_exec",
		"{index: 0, type: cap_effective, resolve: real_parent.cred.cap_effective}, {index: 0, type: cap_permitted, resolve: cred.cap_effective}",
		"matchArgs: [{args: [0, 1], operator: CapabilitiesGained}]"),
		do:   []string{"spawn $D/program $L nothing then capset 0 0x3ff 0 then spawn $D/program $L nothing"},
		want: []string{`{"cap_effective_arg":"0000000000000000"}, *`}},
}

func TestNumberOperators(t *testing.T) { runRows(t, harness.Options{}, numberOperators, nil) }

var textOperators = []row{
	access("equal-text", "Equal", []string{"/etc/passwd", "", x(4095), x(4096), "12345678", "12345678901234567890123456789012"},
		append(accessed("/etc/passwd", "/etc/passwd/", "/etc/passw", "/etc/passwe", "", "12345678", "1234567", "123456789",
			"12345678901234567890123456789012", "12345678901234567890123456789013", "1234567890123456789012345678901"),
			"long access 0 4094 x", "long access 0 4095 x", "long access 0 4096 x", "long access 0 4097 x",
			"long access 0 4094 x y", "call access 0"),
		"string /etc/passwd", "string ", "string 12345678", "string 12345678901234567890123456789012", "string *(4095)",
		"string *(4096)"),
	access("equal-many-texts", "Equal", values("value-number-%d"), accessed("value-number-0", "value-number-500",
		"value-number-999", "value-number-1000", "value-number-"),
		"string value-number-0", "string value-number-500", "string value-number-999"),
	access("not-equal-text", "NotEqual", []string{"/a", "/b"}, append(accessed("/a", "/b", "/c", "/"), "call access 0"),
		"string /c", "string /", "error *"),
	access("prefix", "Prefix", []string{"/etc/", "/usr/lib", "1234567890123456789012345678901234567", x(300)},
		append(accessed("/etc/", "/etc/passwd", "/etc", "/etcetera", "/usr/lib64", "/usr/li",
			"1234567890123456789012345678901234567890", "123456789012345678901234567890123456"),
			"long access 0 299 x", "long access 0 300 x", "long access 0 301 x", "long access 0 299 x y"),
		"string /etc/", "string /etc/passwd", "string /usr/lib64", "string 1234567890123456789012345678901234567890",
		"string *(300)", "string *(301)"),
	access("not-prefix", "NotPrefix", []string{"/etc/", "/usr"}, accessed("/etc/passwd", "/usr/bin", "/var", "etc/"),
		"string /var", "string etc/"),
	access("prefix-many", "Prefix", values("/folder-%d/"), accessed("/folder-0/a", "/folder-999/a", "/folder-1000/a",
		"/folder-99"), "string /folder-0/a", "string /folder-999/a"),
	access("postfix", "Postfix", []string{".so", ".conf", x(300)}, append(accessed("/lib/a.so", ".so", "so", "/lib/a.so.1",
		"/etc/a.conf"),
		"long access 0 299 x", "long access 0 4000 x", "long access 0 300 x y"),
		"string /lib/a.so", "string .so", "string /etc/a.conf", "string *(4000)"),
	access("not-postfix", "NotPostfix", []string{".so", ".conf"}, accessed("/lib/a.so", "/lib/a.so.1", "a.conf"),
		"string /lib/a.so.1"),
	access("substring", "SubString", []string{"cron", "shadow"}, append(accessed("/etc/crontab", "cron", "cro", "/etc/Cron",
		"my-shadow", "shado-w"),
		"long access 0 4000 x cron", "long access 0 4000 x cro"),
		"string /etc/crontab", "string cron", "string my-shadow", "string *cron (4004)"),
	access("substring-any-case", "SubStringIgnCase", []string{"PassWD", "[@z"}, accessed("/etc/passwd", "/etc/PASSWD-",
		"/etc/passwx", "a[@Zb", "a{`zb"),
		"string /etc/passwd", "string /etc/PASSWD-", "string a[@Zb"),
	{name: "equal-bytes",
		spec: kprobe("sys_write", "{index: 1, type: char_buf, sizeArgIndex: 3}", matchArgs(1, "Equal", "hello", "a b")),
		do:   []string{"open $D/bytes wct then write hello then write hello1 then write hell then write hello"},
		want: []string{"bytes hello", "bytes hello"}},
	{name: "prefix-of-returned-bytes",
		spec: kprobe("sys_read", "{index: 1, type: char_buf, sizeArgIndex: 3, returnCopy: true}", matchArgs(1, "Prefix",
			"what is")) +
			"\n  return: true\n  returnArg: {type: long}",
		do:   []string{"open $D/text then read 6 then close then open $D/text then read 100 then read 100"},
		want: []string{"bytes what is in it\n, = long 14"}},
	{name: "equal-unix-address",
		spec: kprobe("sys_bind", "{index: 1, type: sockaddr_un}", matchArgs(1, "Equal", "@hidden", "$D/socket")),
		do:   []string{"unix-listen $D/socket then unix-listen @hidden then unix-listen @hidden2 then unix-listen $D/socket2"},
		want: []string{"sockaddr_un AF_UNIX $D/socket", "sockaddr_un AF_UNIX @hidden"}},
	// The original has no @ before abstract names.
	{name: "equal-abstract-name",
		spec: kprobe("sys_bind", "{index: 1, type: sockaddr_un}", matchArgs(1, "Equal", "concealed")),
		do:   []string{"unix-listen @concealed then unix-listen @concealed2"}, want: []string{"sockaddr_un AF_UNIX @concealed"}},
	{name: "not-prefix-of-abstract-name",
		spec: kprobe("sys_bind", "{index: 1, type: sockaddr_un}", matchArgs(1, "NotPrefix", "abstract", "/")),
		do:   []string{"unix-listen @abstract1 then unix-listen @other then unix-listen $D/other"}, want: []string{"sockaddr_un AF_UNIX @other"}},
	{name: "prefix-of-unix-address",
		spec: kprobe("security_socket_bind", "{index: 1, type: sockaddr_un}", matchArgs(1, "Prefix", "@prefix", "$D/a")),
		do:   []string{"unix-listen $D/abc then unix-listen @prefix1 then unix-listen @prefi"},
		want: []string{"sockaddr_un AF_UNIX $D/abc", "sockaddr_un AF_UNIX @prefix1"}},
}

func TestTextOperators(t *testing.T) {
	runRows(t, harness.Options{}, textOperators, func(folder string) { write(t, folder+"/text", "what is in it\n") })
}

// read is a row about the files that are read.
func read(name, operator string, of []string, do string, want ...string) row {
	return row{
		name: name, spec: kprobe("security_file_permission", "{index: 0, type: file}, {index: 1, type: int}",
			"matchArgs: ["+filter(0, operator, of...)+", "+filter(1, "Equal", "4")+", "+filter(0, "Prefix", "$D")+"]"),
		do: []string{do}, want: want,
	}
}

const (
	readAll    = "open $D/file-a then pread 1 0 then open $D/file-b then pread 1 0 then open $D/folder/file-a then pread 1 0 then open $D/folder d then getdents then open $D/fifo b then try write 1 then read 1"
	regularA   = "file $D/file-a -rw-r--r--, int 4"
	regularB   = "file $D/file-b -rw-r--r--, int 4"
	regularInA = "file $D/folder/file-a -rw-r--r--, int 4"
	folder     = "file $D/folder drwxr-xr-x, int 4"
	fifo       = "file $D/fifo prw-r--r--, int 4"
)

var fileOperators = []row{
	read("equal-file", "Equal", []string{"$D/file-a", "$D/folder"}, readAll, regularA, folder),
	read("not-equal-file", "NotEqual", []string{"$D/file-a", "$D/folder"}, readAll, regularB, regularInA, fifo),
	read("prefix-of-file", "Prefix", []string{"$D/f", "$D/nothing"}, readAll, regularA, regularB, regularInA, folder, fifo),
	read("prefix-of-folder", "Prefix", []string{"$D/folder/"}, readAll, regularInA),
	read("not-prefix-of-file", "NotPrefix", []string{"$D/fo", "$D/fi"}, readAll),
	read("postfix-of-file", "Postfix", []string{"-a"}, readAll, regularA, regularInA),
	read("not-postfix-of-file", "NotPostfix", []string{"-a", "fifo"}, readAll, regularB, folder),
	read("substring-of-file", "SubString", []string{"/folder/f"}, readAll, regularInA),
	read("substring-of-file-any-case", "SubStringIgnCase", []string{"/FILE-B"}, readAll, regularB),
	read("file-type", "FileType", []string{"dir", "fifo"}, readAll, folder, fifo),
	read("not-file-type", "NotFileType", []string{"regular", "dir"}, readAll, fifo),
	{name: "equal-descriptor", spec: kprobe("sys_pread64", "{index: 0, type: fd}", matchArgs(0, "Equal", "$D/file-b")),
		do:   []string{readAll},
		want: []string{"file $D/file-b -rw-r--r--"}},
	{name: "type-of-descriptor", spec: kprobe("sys_read", "{index: 0, type: fd}", matchArgs(0, "FileType", "pipe")),
		do:   []string{readAll},
		want: []string{"file $D/fifo prw-r--r--"}},
}

func TestFileOperators(t *testing.T) {
	runRows(t, harness.Options{}, fileOperators, func(in string) {
		harness.Folder(t, in+"/folder")
		for _, name := range []string{"/file-a", "/file-b", "/folder/file-a"} {
			write(t, in+name, "text")
		}
		harness.Fifo(t, in+"/fifo")
	})
}

// connections are what the rows about sockets provoke; each has a name below.
const connections = "network fd00:1::1 fd00:2::1 then listen 127.1.0.5 80 then connect 127.1.0.5 80 127.0.0.1 1023" +
	" then listen 127.2.0.5 1024 then connect 127.2.0.5 1024 127.0.0.2 1024" +
	" then listen 127.0.0.1 65535 then connect 127.0.0.1 65535 127.0.0.3 65535" +
	" then listen fd00:1::1 1023 then connect fd00:1::1 1023 fd00:1::1 1" +
	" then listen fd00:2::1 443 then connect fd00:2::1 443 ::1 65534"

const (
	connection1 = "sock AF_INET SOCK_STREAM IPPROTO_TCP 127.0.0.1:1023>127.1.0.5:80 TCP_SYN_SENT"
	connection2 = "sock AF_INET SOCK_STREAM IPPROTO_TCP 127.0.0.2:1024>127.2.0.5:1024 TCP_SYN_SENT"
	connection3 = "sock AF_INET SOCK_STREAM IPPROTO_TCP 127.0.0.3:65535>127.0.0.1:65535 TCP_SYN_SENT"
	connection4 = "sock AF_INET6 SOCK_STREAM IPPROTO_TCP fd00:1::1:1>fd00:1::1:1023 TCP_SYN_SENT"
	connection5 = "sock AF_INET6 SOCK_STREAM IPPROTO_TCP ::1:65534>fd00:2::1:443 TCP_SYN_SENT"
)

// connect is a row about the sockets that connect.
func connect(name, operator string, of []string, want ...string) row {
	return row{name: name, spec: kprobe("tcp_connect", "{index: 0, type: sock}", matchArgs(0, operator, of...)),
		do: []string{connections}, want: want}
}

// bound is connect of filters on the source port, which where tracepoints stand in is chosen later.
func bound(name, operator string, of []string, want ...string) row {
	r := connect(name, operator, of, want...)
	r.refused = "before its source port is chosen"
	return r
}

func none() []string { return nil }

var socketOperators = []row{
	connect("destination-port", "DPort", []string{"80", "65535"}, connection1, connection3),
	connect("destination-ports", "DPort", []string{"443:1023", "0"}, connection4, connection5),
	connect("not-destination-port", "NotDPort", []string{"80", "1000:65535"}, connection5),
	connect("destination-privileged", "DPortPriv", none(), connection1, connection4, connection5),
	connect("not-destination-privileged", "NotDPortPriv", none(), connection2, connection3),
	bound("source-port", "SPort", []string{"1023", "65534:65535"}, connection1, connection3, connection5),
	bound("not-source-port", "NotSPort", []string{"1:1023"}, connection2, connection3, connection5),
	bound("source-privileged", "SPortPriv", none(), connection1, connection4),
	bound("not-source-privileged", "NotSportPriv", none(), connection2, connection3, connection5),
	connect("destination", "DAddr", []string{"127.1.0.0/16", "fd00:1::/32"}, connection1, connection4),
	connect("any-ipv6-destination", "DAddr", []string{"::/0"}, connection4, connection5),
	connect("any-ipv4-destination", "DAddr", []string{"0.0.0.0/0"}, connection1, connection2, connection3),
	connect("not-destination", "NotDAddr", []string{"127.0.0.0/15", "fd00:2::1"}, connection2, connection4),
	connect("source", "SAddr", []string{"127.0.0.2", "::1"}, connection2, connection5),
	connect("not-source", "NotSAddr", []string{"127.0.0.0/30", "::1/128"}, connection4),
	connect("protocol", "Protocol", []string{"IPPROTO_TCP"}, connection1, connection2, connection3, connection4, connection5),
	connect("other-protocol", "Protocol", []string{"udp", "132"}),
	connect("family", "Family", []string{"AF_INET6"}, connection4, connection5),
	connect("state", "State", []string{"TCP_SYN_SENT"}, connection1, connection2, connection3, connection4, connection5),
	connect("other-state", "State", []string{"TCP_ESTABLISHED", "TCP_CLOSE"}),
	connect("many-addresses", "DAddr", append(values("10.0.0.%[1]d/32")[:200], "127.0.0.1/32"), connection3),
	{name: "of-address", spec: kprobe("security_socket_connect", "{index: 1, type: sockaddr}",
		"matchArgs: ["+filter(1, "SPort", "1:1023")+", "+filter(1, "SAddr", "127.0.0.0/8",
			"fd00:2::/32")+", "+filter(1, "Family", "AF_INET", "AF_INET6")+"]"),
		do: []string{connections}, want: []string{"sockaddr AF_INET 127.1.0.5:80", "sockaddr AF_INET6 fd00:2::1:443"}},
	{name: "of-packet", spec: rawTracepoint("net", "net_dev_queue", "{index: 0, type: skb}",
		"matchArgs: ["+filter(0, "DPort", "53")+", "+filter(0, "Protocol", "IPPROTO_UDP")+", "+filter(0, "DAddr", "127.0.0.53",
			"fd00::/16")+"]"),
		do:   []string{"network fd00:1::1 then send-to 127.0.0.53 53 x then send-to 127.0.0.53 54 x then send-to 127.0.0.54 53 x then send-to fd00:1::1 53 x then try connect 127.0.0.53 53"},
		want: []string{"skb AF_INET IPPROTO_UDP 127.0.0.1:*>127.0.0.53:53", "skb AF_INET6 IPPROTO_UDP fd00:1::1:*>fd00:1::1:53"}},
	{name: "family-of-unix",
		spec: kprobe("security_socket_bind", "{index: 1, type: sockaddr_un}", matchArgs(1, "Family", "AF_UNIX")),
		do:   []string{"unix-listen @family then network then listen 127.0.0.1 80"}, want: []string{"sockaddr_un AF_UNIX @family"}},
}

func TestSocketOperators(t *testing.T) { runRows(t, harness.Options{}, socketOperators, nil) }

// named finds the operators of a policy, as they are spelled there.
var named = regexp.MustCompile(`operator: (\w+)`)

// TestEveryOperator: no operator is without a row.
func TestEveryOperator(t *testing.T) {
	covered := map[string]bool{}
	for _, rows := range [][]row{numberOperators, textOperators, fileOperators, socketOperators} {
		for i := range rows {
			for _, match := range named.FindAllStringSubmatch(rows[i].spec, -1) {
				covered[match[1]] = true
			}
		}
	}
	if without := missing(strings.Fields(operators), covered); len(without) > 0 {
		t.Errorf("no row has operators %v", without)
	}
}
