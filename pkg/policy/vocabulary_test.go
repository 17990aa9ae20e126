// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// crdTypes are the argument types of the CRD, by the hooks that can have them.
var crdTypes = map[string]HookKind{
	"int sint8 int8 uint8 sint16 int16 uint16 uint32 sint32 int32 ulong uint64 size_t long sint64 int64 nop bpf_cmd capability": anyHook,
	"string char_buf char_iovec const_buf fd sockaddr sockaddr_un":                                                              anyHook,
	"unsigned_long SINT64": anyHook,
	"auto":                 anyHook &^ Kprobe,
	"skb sock socket file filename path dentry kiocb iov_iter":                                          inKernel,
	"bpf_attr perf_event bpf_map bpf_prog user_namespace cred load_info module net_device linux_binprm": inKernel,
	"kernel_cap_t cap_inheritable cap_permitted cap_effective":                                          inKernel,
	"syscall64": Tracepoint | RawTracepoint,
	"data_loc":  Tracepoint,
}

func TestArgumentTypes(t *testing.T) {
	for names, hooks := range crdTypes {
		for name := range strings.SplitSeq(names, " ") {
			name = strings.ReplaceAll(name, "_long", " long")
			for kind := Kprobe; kind < Loader; kind <<= 1 {
				text := hookText(kind, fmt.Sprintf("{index: 0, type: %s}", name), "")
				if hooks&kind == 0 {
					refused(t, text, "args[0]")
				} else if got := parse(t, text).Args[0].Type; got != LookupArgumentType(name) || got == nil {
					t.Errorf("type %s on a %s is %v", name, kind, got)
				}
			}
		}
	}
	// Whatever a system call is given by a program, it is not an object of the kernel.
	for _, name := range []string{"file", "sock", "cred", "linux_binprm", "iov_iter"} {
		refused(t, policyText("  kprobes:\n  - {call: sys_dup, args: [{index: 0, type: "+name+"}]} #HERE"), "a system call is given numbers and addresses")
	}
}

func TestArgumentsRefused(t *testing.T) {
	for _, test := range []struct {
		kind       HookKind
		args, want string
	}{
		{Kprobe, "{index: 0, type: strng}", `unknown type "strng"; did you mean string?`},
		{Kprobe, "{index: 0, type: dns}", `unknown type "dns"; want one of auto, bpf_attr, `},
		{Kprobe, "{type: int}", "index is missing"},
		{Kprobe, "{index: 0}", "type is missing"},
		{Kprobe, "{index: -1, type: int}", "-1 is out of range"},
		{Kprobe, "{index: a, type: int}", "want a number"},
		{Kprobe, "{index: 0, type: int, lable: a}", "did you mean label?"},
		{Kprobe, "{index: 0, type: int, sizeArgIndex: 1}", "only buffers have it"},
		{Kprobe, "{index: 0, type: char_buf, sizeArgIndex: 16}", "16 is out of range: 0 to 15"},
		{Kprobe, "{index: 0, type: int, returnCopy: true}", "only buffers have it"},
		{Kprobe, "{index: 0, type: file, maxData: true}", "only buffers have it"},
		{Kprobe, "{index: 0, type: char_buf, maxData: true, returnCopy: true}", "exclude each other"},
		{Tracepoint, "{index: 0, type: char_buf, returnCopy: true}", "a tracepoint has no return"},
		{Kprobe, "{index: 0, type: int, source: current_task}", "only entries of data have a source"},
		{Kprobe, "{index: 0, type: int, resolve: a..b}", `"" is neither a field nor an element`},
		{Kprobe, "{index: 0, type: int, resolve: 'a[x]'}", "is neither a field nor an element"},
		{Kprobe, "{index: 0, type: int, resolve: '" + strings.Repeat("a.", 32) + "a'}", "33 steps: at most 32"},
		{Kprobe, "{index: 0, type: int, btfType: file}", "there is no resolve"},
		{Tracepoint, "{index: 0, type: int, resolve: a}", "want raw: true"},
		{Kprobe, "{index: 0, type: int}], data: [{type: int, source: task}", `got "task"`},
		{Kprobe, "{index: 0, type: int}], data: [{type: int, resolve: a}", "source is missing"},
		{Kprobe, "{index: 0, type: int}], data: [{type: int, source: current_task}", "resolve is missing"},
		{Kprobe, "{index: 0, type: int}], data: [{type: int, source: pt_regs, resolve: raxx}", `unknown register "raxx"; did you mean rax?`},
	} {
		text := hookText(test.kind, test.args, "")
		refused(t, strings.Replace(text, "], data:", "]\n    data:", 1), test.want)
	}
}

// TestOperators: what each operator makes of each kind of type.
func TestOperators(t *testing.T) {
	r := func(ends ...uint64) (o Operands) {
		for i := 0; i < len(ends); i += 2 {
			o.Ranges = append(o.Ranges, Range{ends[i], ends[i+1]})
		}
		return o
	}
	const top = ^uint64(0)
	text := func(s ...string) Operands { return Operands{Strings: s} }
	for _, test := range []struct {
		typ, operator, values string
		match                 Match
		negated               bool
		want                  Operands
	}{
		{"int", "Equal", `"1", "-1", "0x10", "010", "0b11", "5"`, MatchRange, false, r(1, 1, top, top, 16, 16, 8, 8, 3, 3, 5, 5)},
		{"int", "eq", `"2147483647", "-2147483648"`, MatchRange, false, r(1<<31-1, 1<<31-1, top-1<<31+1, top-1<<31+1)},
		{"uint64", "NotEqual", `"18446744073709551615"`, MatchRange, true, r(top, top)},
		{"uint8", "neq", `"255"`, MatchRange, true, r(255, 255)},
		{"int64", "GreaterThan", `"-2"`, MatchRange, false, r(top, 1<<63-1)},
		{"uint16", "GT", `"65534"`, MatchRange, false, r(65535, 65535)},
		{"int8", "gt", `"-128"`, MatchRange, false, r(top-126, 127)},
		{"int16", "LessThan", `"-32767"`, MatchRange, false, r(top-32767, top-32767)},
		{"uint32", "LT", `"1"`, MatchRange, false, r(0, 0)},
		{"size_t", "lt", `"10"`, MatchRange, false, r(0, 9)},
		{"int32", "InRange", `"-5:5", "7", "9:8"`, MatchRange, false, r(top-4, 5, 7, 7, 8, 9)},
		{"uint32", "NotInRange", `"0x10:0x20"`, MatchRange, true, r(16, 32)},
		{"long", "InMap", `"1", "5:6"`, MatchRange, false, r(1, 1, 5, 6)},
		{"ulong", "notinmap", `"1"`, MatchRange, true, r(1, 1)},
		{"int", "Mask", `"2", "0xffffffff", "-1"`, MatchMask, false, Operands{Masks: []uint64{2, 1<<32 - 1, 1<<32 - 1}}},
		{"bpf_cmd", "Equal", `"5"`, MatchRange, false, r(5, 5)},
		{"capability", "Equal", `"CAP_SYS_ADMIN", "cap_bpf", "3"`, MatchRange, false, r(21, 21, 39, 39, 3, 3)},
		{"cap_effective", "NotEqual", `"0", "CAP_KILL"`, MatchRange, true, r(0, 0, 32, 32)},
		{"string", "Equal", `"", "a b", "/etc/x\0"`, MatchEqual, false, text("", "a b", "/etc/x")},
		{"fd", "NotEqual", `"/x"`, MatchEqual, true, text("/x")},
		{"filename", "Equal", `"/x"`, MatchEqual, false, text("/x")},
		{"kiocb", "Prefix", `"/x"`, MatchPrefix, false, text("/x")},
		{"char_buf", "Equal", `"a\0b\0"`, MatchEqual, false, text("a\x00b\x00")},
		{"path", "NotPrefix", `"/proc/"`, MatchPrefix, true, text("/proc/")},
		{"dentry", "Postfix", `".so"`, MatchPostfix, false, text(".so")},
		{"linux_binprm", "NotPostfix", `"sh"`, MatchPostfix, true, text("sh")},
		{"net_device", "Equal", `"lo"`, MatchEqual, false, text("lo")},
		{"sockaddr_un", "Prefix", `"@x"`, MatchPrefix, false, text("@x")},
		{"uint32", "InRange", `"-1:5"`, MatchRange, false, r(0, 5)},
		{"int", "NotInRange", `"5:4294967295", "18446744073709551615:-9223372036854775808"`, MatchRange, true, r(5, 1<<31-1, top-1<<31+1, 1<<31-1)},
		{"int", "LT", `"4294967295"`, MatchRange, false, r(top-1<<31+1, 1<<31-1)},
		{"uint8", "GT", `"-1"`, MatchRange, false, r(0, 255)},
		{"string", "SubString", `"a", "b"`, MatchSubstring, false, text("a", "b")},
		{"string", "SubStringIgnCase", `"A"`, MatchSubstring, false, Operands{Strings: []string{"A"}, IgnoreCase: true}},
		{"string", "SubStringIgnoreCase", `"A"`, MatchSubstring, false, Operands{Strings: []string{"A"}, IgnoreCase: true}},
		{"sock", "SPort", `"0", "80:90"`, MatchSourcePort, false, r(0, 0, 80, 90)},
		{"sockaddr", "NotSport", `"65535"`, MatchSourcePort, true, r(65535, 65535)},
		{"skb", "SPortPriv", ``, MatchSourcePort, false, r(0, 1023)},
		{"sock", "NotSportPriv", ``, MatchSourcePort, true, r(0, 1023)},
		{"socket", "dport", `"1"`, MatchDestinationPort, false, r(1, 1)},
		{"sock", "NotDPort", `"1"`, MatchDestinationPort, true, r(1, 1)},
		{"sock", "DPortPriv", ``, MatchDestinationPort, false, r(0, 1023)},
		{"sock", "NotDPortPriv", ``, MatchDestinationPort, true, r(0, 1023)},
		{"sock", "Protocol", `"IPPROTO_TCP", "udp", "255", "1:2"`, MatchProtocol, false, r(6, 6, 17, 17, 255, 255, 1, 2)},
		{"sockaddr_un", "Family", `"AF_UNIX", "inet6", "local"`, MatchFamily, false, r(1, 1, 10, 10, 1, 1)},
		{"sockaddr", "family", `"AF_MCTP"`, MatchFamily, false, r(45, 45)},
		{"sock", "State", `"TCP_ESTABLISHED", "new_syn_recv"`, MatchState, false, r(1, 1, 12, 12)},
		{"file", "FileType", `"socket", "fifo", "blk"`, MatchFileType, false, Operands{FileTypes: []uint32{0xc000, 0x1000, 0x6000}}},
		{"path", "NotFileType", `"DIR"`, MatchFileType, true, Operands{FileTypes: []uint32{0x4000}}},
	} {
		for _, kind := range []HookKind{Kprobe, LSM} {
			h := parse(t, hookText(kind, "{index: 3, type: "+test.typ+"}", fmt.Sprintf("matchArgs: [{index: 3, operator: %s, values: [%s]}]", test.operator, test.values)))
			f := h.Selectors[0].Args[0]
			if f.Match != test.match || f.Negated != test.negated || !reflect.DeepEqual(f.Operands, test.want) || !reflect.DeepEqual(f.Args, []int{0}) {
				t.Errorf("%s %s %s: %d %t %+v", test.typ, test.operator, test.values, f.Match, f.Negated, f.Operands)
			}
		}
	}
	for _, o := range operatorNames() {
		if lookupOperator(strings.ToLower(o)) == nil {
			t.Errorf("no lower-case %s", o)
		}
	}
}

func TestAddresses(t *testing.T) {
	for operator, match := range map[string]Match{"SAddr": MatchSource, "NotSaddr": MatchSource, "daddr": MatchDestination, "NotDAddr": MatchDestination} {
		h := parse(t, hookText(Kprobe, "{index: 0, type: sock}", "matchArgs: [{index: 0, operator: "+operator+`, values: ["127.0.0.1/8", "2001:db8::/32", "::1", "10.1.2.3", "::ffff:10.0.0.1"]}]`))
		f := h.Selectors[0].Args[0]
		if got := fmt.Sprint(f.Addresses); f.Match != match || got != "[127.0.0.0/8 2001:db8::/32 ::1/128 10.1.2.3/32 10.0.0.1/32]" || f.Negated != strings.HasPrefix(operator, "Not") {
			t.Errorf("%s: %d %s", operator, f.Match, got)
		}
	}
}

func TestOperatorsRefused(t *testing.T) {
	for _, test := range []struct{ typ, operator, values, want string }{
		{"int", "Equals", `"1"`, `unknown operator "Equals"; did you mean Equal?`},
		{"int", "In", `"1"`, `unknown operator "In"; want one of CapabilitiesGained, CelExpr, `},
		{"int", "Equal", ``, "values is empty"},
		{"int", "Equal", `1`, `want text, got the number "1": write "1"`},
		{"int", "Equal", `"2147483648"`, "out of range for type int: -2147483648 to 2147483647"},
		{"uint8", "Equal", `"256"`, "out of range for type uint8: 0 to 255"},
		{"uint32", "Equal", `"-1"`, "out of range for type uint32"},
		{"int", "Equal", `"x"`, "is not a number"},
		{"int", "Equal", `"list:a"`, "lists are for InMap"},
		{"int", "InMap", `"list:a"`, `there is no list "a"`},
		{"int", "Prefix", `"1"`, "Prefix does not compare type int, only string"},
		{"string", "GT", `"1"`, "GreaterThan does not compare type string"},
		{"string", "Mask", `"1"`, "Mask does not compare type string"},
		{"cred", "Equal", `"1"`, "Equal does not compare type cred"},
		{"nop", "Equal", `"1"`, "Equal does not compare type nop"},
		{"int", "GT", `"1", "2"`, "GreaterThan takes 1 value, got 2"},
		{"uint8", "GT", `"255"`, "no value of type uint8 is greater"},
		{"uint8", "LT", `"0"`, "no value of type uint8 is less"},
		{"int", "GT", `"4294967295"`, "no value of type int is greater"},
		{"uint32", "LT", `"-1"`, "no value of type uint32 is less"},
		{"int", "InRange", `"4294967295"`, "out of range for type int"},
		{"int", "InRange", `"2147483648:4294967295"`, "has no value of type int: -2147483648 to 2147483647"},
		{"int8", "NotInRange", `"-200:-129"`, "has no value of type int8: -128 to 127"},
		{"int", "InRange", `"0:99999999999999999999"`, "out of range for type int"},
		{"int", "Mask", `"0"`, "nothing would ever match"},
		{"int", "InRange", `"1:2:3"`, "is not a number"},
		{"string", "Prefix", `""`, "every argument would match"},
		{"string", "Prefix", `"\0"`, "every argument would match"},
		{"string", "Equal", `"a\0b"`, "ends at the first NUL"},
		{"string", "Equal", `"` + strings.Repeat("a", 4097) + `"`, "4097 bytes, at most 4096"},
		{"sock", "Equal", `"1"`, "Equal does not compare type sock"},
		{"sockaddr", "DPort", `"1"`, "DPort does not compare type sockaddr, only sock, socket, skb"},
		{"sockaddr", "DAddr", `"::1"`, "DAddr does not compare type sockaddr"},
		{"sockaddr", "Protocol", `"tcp"`, "Protocol does not compare type sockaddr"},
		{"skb", "State", `"1"`, "State does not compare type skb"},
		{"file", "SPort", `"1"`, "SPort does not compare type file"},
		{"sock", "SPort", `"65536"`, "is not a port"},
		{"sock", "SPort", `"90:80"`, "the first port is above the last"},
		{"sock", "SPortPriv", `"80"`, "SPortPriv takes no values"},
		{"sock", "SAddr", `"10.0.0.0/33"`, "is neither an IP address nor a CIDR"},
		{"sock", "SAddr", `"fe80::1%eth0"`, "is neither an IP address nor a CIDR"},
		{"sock", "SAddr", `"${PODCIDR}"`, "is not filled in"},
		{"sock", "Protocol", `"IPPROTO_SCPT"`, "did you mean IPPROTO_SCTP?"},
		{"sock", "Family", `"AF_INET4"`, "did you mean AF_INET?"},
		{"sock", "State", `"TCP_ESTABLISH"`, "did you mean TCP_ESTABLISHED?"},
		{"sock", "State", `"256"`, "out of range"},
		{"file", "FileType", `"dri"`, "did you mean dir?"},
		{"int", "FileType", `"dir"`, "FileType does not compare type int"},
		{"cap_effective", "Equal", `"CAP_SYS_ADMN"`, "did you mean CAP_SYS_ADMIN?"},
		{"cap_effective", "CapabilitiesGained", `"CAP_BPF"`, "CapabilitiesGained compares 2, not 1: want args"},
	} {
		refused(t, hookText(Kprobe, "{index: 0, type: "+test.typ+"}", fmt.Sprintf("matchArgs: [{index: 0, operator: %s, values: [%s]}] #HERE", test.operator, test.values)), test.want)
	}
	for selector, want := range map[string]string{
		`{operator: Equal, values: ["1"]}`:                      "want index",
		`{index: 1, operator: Equal, values: ["1"]}`:            "args has no argument with index 1",
		`{index: 0, args: [1], operator: Equal, values: ["1"]}`: "names args[1], and index names args[0]: leave out one",
		`{args: [2], operator: Equal, values: ["1"]}`:           "args has 2 entries; in a filter, args counts them from 0, whatever their index: the one with index 2 is at 1",
		`{args: [3], operator: Equal, values: ["1"]}`:           "args has 2 entries; in a filter, args counts them from 0, whatever their index",
		`{args: [0, 1], operator: Equal, values: ["1"]}`:        "Equal compares 1, not 2: want index",
		`{index: 0, values: ["1"]}`:                             "operator is missing",
		`{index: 0, operator: Equal}`:                           "values is missing",
	} {
		refused(t, hookText(Kprobe, "{index: 0, type: int}, {index: 2, type: int}", "matchArgs: ["+selector+"] #HERE"), want)
	}
}

// TestFilteredPlaces: index is an argument's number, of which the first that is listed counts; args are places.
func TestFilteredPlaces(t *testing.T) {
	const args = "{index: 2, type: int}, {index: 1, type: cap_effective}, {index: 0, type: int}, {index: 1, type: cap_effective, resolve: a}, {index: 2, type: string}"
	for filter, want := range map[string]string{
		`index: 2, operator: Equal, values: ["1"]`:                                "[0] [1]",
		`index: 1, operator: Equal, values: ["1"]`:                                "[1] [1]",
		`args: [2], operator: Equal, values: ["1"]`:                               "[2] [1]",
		`args: [4], operator: Equal, values: ["1"]`:                               "[4] [1]",
		`index: 0, args: [2], operator: Equal, values: ["1"]`:                     "[2] [1]",
		`index: 2, args: [], operator: Equal, values: ["1"]`:                      "[0] [1]",
		`index: 0, args: [0, 2], operator: CelExpr, values: ["arg1 == 1"]`:        "[] [arg1 == 1]",
		`args: [3, 1], operator: CapabilitiesGained, values: [CAP_SYS_ADMIN]`:     "[3 1] [CAP_SYS_ADMIN]",
		`index: 1, args: [1, 3], operator: CapabilitiesGained, values: [CAP_BPF]`: "[1 3] [CAP_BPF]",
	} {
		for _, kind := range []HookKind{Kprobe, RawTracepoint, LSM} {
			f := parse(t, hookText(kind, args, "matchArgs: [{"+filter+"}]")).Selectors[0].Args[0]
			if got := fmt.Sprint(f.Args, f.Raw); got != want {
				t.Errorf("%s of a %s: %s, want %s", filter, kind, got, want)
			}
		}
	}
	for _, filter := range []string{`operator: LT, values: ["0"]`, `index: 0, operator: LT, values: ["0"]`, `args: [0], operator: LT, values: ["0"]`} {
		f := parse(t, hookText(Kprobe, args, "matchReturnArgs: [{"+filter+"}]")).Selectors[0].ReturnArgs[0]
		if fmt.Sprint(f.Args, f.Ranges) != "[0] [{18446744071562067968 18446744073709551615}]" {
			t.Errorf("of a return, %s: %v %v", filter, f.Args, f.Ranges)
		}
	}
}

// TestReturnArgAlone: who says what a function returns wants it read.
func TestReturnArgAlone(t *testing.T) {
	h := parse(t, policyText("  kprobes:\n  - {call: sys_dup, returnArg: {index: 0, type: int}}"))
	if !h.Return || h.ReturnArg == nil {
		t.Errorf("return: %t, %v", h.Return, h.ReturnArg)
	}
}

// TestTyped: an argument of type auto is parsed when the kernel has said what it is.
func TestTyped(t *testing.T) {
	h := parse(t, hookText(Tracepoint, "{index: 7}", `matchArgs: [{index: 7, operator: NotEqual, values: ["-1", "2"]}]`))
	f := h.Selectors[0].Args[0]
	if f.Match != MatchLater || f.Ranges != nil {
		t.Fatalf("before: %+v", f)
	}
	typed, err := f.Typed(LookupArgumentType("int"))
	if err != nil || typed.Match != MatchRange || !typed.Negated || len(typed.Ranges) != 2 {
		t.Errorf("as int: %+v %v", typed, err)
	}
	if _, err := f.Typed(LookupArgumentType("uint8")); err == nil || !strings.Contains(err.Error(), "test.yaml:10: spec.tracepoints[0]") {
		t.Errorf("as uint8: %v", err)
	}
	if _, err := f.Typed(LookupArgumentType("cred")); err == nil || !strings.Contains(err.Error(), "does not compare type cred") {
		t.Errorf("as cred: %v", err)
	}
}

// TestSyscallValues: where an argument is a system call's number, names and lists of them are values.
func TestSyscallValues(t *testing.T) {
	const lists = "  lists:\n  - {name: dups, type: syscalls, values: [sys_dup, i386/sys_dup2]}\n"
	text := func(typ, operator, values string) string {
		return policyText(lists + "  tracepoints:\n  - subsystem: raw_syscalls\n    event: sys_enter\n    args: [{index: 4, type: " + typ + "}]\n    selectors:\n" +
			"    - matchArgs: [{index: 4, operator: " + operator + ", values: [" + values + "]}] #HERE")
	}
	for _, test := range []struct{ typ, operator, values, want string }{
		{"syscall64", "InMap", `"list:dups", sys_read, "7"`, "[{ dup} {i386 dup2} { read}] [{7 7}]"},
		{"syscall64", "NotEqual", `__x64_sys_newuname`, "[{x64 uname}] []"},
		{"uint64", "NotInMap", `"list:dups"`, "[{ dup} {i386 dup2}] []"},
		{"auto", "InMap", `"list:dups"`, "[{ dup} {i386 dup2}] []"},
	} {
		f := parse(t, text(test.typ, test.operator, test.values)).Selectors[0].Args[0]
		if got := fmt.Sprint(f.Syscalls, f.Ranges); got != test.want {
			t.Errorf("%s %s %s: %s, want %s", test.typ, test.operator, test.values, got, test.want)
		}
		if got := fmt.Sprintf("%q", f.Raw); strings.ReplaceAll(got, `"`, "") != "["+strings.NewReplacer(", ", " ", `"`, "").Replace(test.values)+"]" {
			t.Errorf("%s as written: %s", test.values, got)
		}
		if typed, err := f.Typed(LookupArgumentType("syscall64")); test.typ == "auto" && (err != nil || len(typed.Syscalls) != 2) {
			t.Errorf("of type auto: %v %v", typed.Syscalls, err)
		}
	}
	for _, test := range []struct{ typ, operator, values, want string }{
		{"syscall64", "InMap", `sys_raed`, "there is no system call raed; did you mean sys_read?"},
		{"syscall64", "GT", `sys_read`, "is not a number"},
		{"uint16", "InMap", `"list:dups"`, "want an argument of type syscall64, not uint16"},
		{"int", "InMap", `sys_read`, "is not a number"},
	} {
		refused(t, text(test.typ, test.operator, test.values), test.want)
	}
}

// TestExpressions: trees in Lisp's notation, numbers with their type.
func TestExpressions(t *testing.T) {
	for expression, want := range map[string]string{
		"arg0 == 1":                       "(== arg0:s32 1:s32)",
		"arg1 == 1 + 2 - 4 + 2":           "(== arg1:u32 1:u32)",
		"arg2 - 1 >= 0xff && arg0 != -1":  "(&& (>= (- arg2:u8 1:u8):u32 255:u32) (!= arg0:s32 -1:s32))",
		"!(arg0 < 1) || true == false":    "(|| (! (< arg0:s32 1:s32)) (== true false))",
		"not(xor(arg1, or(arg1, 1))) > 2": "(> (~ (^ arg1:u32 (| arg1:u32 1:u32):u32):u32):u32 2:u32)",
		"int32(arg1) <= arg0":             "(<= (int32 arg1:u32):s32 arg0:s32)",
		"-arg0 == 5":                      "(== (- 0:s32 arg0:s32):s32 5:s32)",
		"arg1 == 42u || arg2 < 0xFFu":     "(|| (== arg1:u32 42:u32) (< arg2:u8 255:u8))",
		"uint32(7u) == arg1 + 1u":         "(== (uint32 7:u0):u32 (+ arg1:u32 1:u32):u32)",
		"5u - 2u == arg1":                 "(== 3:u32 arg1:u32)",
	} {
		h := parse(t, hookText(Kprobe, "{index: 5, type: int}, {index: 1, type: uint32}, {index: 0, type: uint8}",
			fmt.Sprintf("matchArgs: [{operator: CelExpr, values: [%q]}]", expression)))
		if got := lisp(h.Selectors[0].Args[0].Expression); got != want {
			t.Errorf("%s: %s, want %s", expression, got, want)
		}
	}
	// With args, the names are those of its entries.
	h := parse(t, hookText(Kprobe, "{index: 5, type: int}, {index: 1, type: uint32}, {index: 0, type: uint8}",
		`matchArgs: [{args: [2, 1], operator: CelExpr, values: ["arg0 == 7 || arg1 == 8"]}]`))
	if got := lisp(h.Selectors[0].Args[0].Expression); got != "(|| (== arg2:u8 7:u8) (== arg1:u32 8:u32))" {
		t.Errorf("with args: %s", got)
	}
}

func lisp(e *Expression) string {
	var s string
	switch {
	case e.Op == "const" && e.Boolean:
		return fmt.Sprint(e.Value == 1)
	case e.Op == "const":
		s = fmt.Sprint(e.Value)
	case e.Op == "arg":
		s = fmt.Sprint("arg", e.Argument)
	default:
		s = "(" + e.Op
		for _, o := range e.Operands {
			s += " " + lisp(o)
		}
		s += ")"
	}
	if e.Boolean {
		return s
	}
	return s + map[bool]string{true: ":s", false: ":u"}[e.Signed] + fmt.Sprint(e.Bits)
}

func TestExpressionsRefused(t *testing.T) {
	for expression, want := range map[string]string{
		"arg0 +":                          "is not an expression",
		"arg0 + 1":                        "it has to be true or false",
		"arg3 == 1":                       "unknown name arg3: arguments are arg0 to arg2",
		"pid == 1":                        "unknown name pid",
		"arg0 == arg1":                    "a signed and an unsigned number",
		"arg1 == -1":                      "-1 is compared with an unsigned number",
		"uint32(1 + 2) == 4294967296":     "4294967296 is compared with a number from 0 to 4294967295",
		"arg0 == 2147483647 + 1":          "2147483648 is compared with a number from -2147483648 to 2147483647",
		"arg0 == 9223372036854775807 + 1": "has more than 64 bits",
		"arg0 == -9223372036854775807-2":  "has more than 64 bits",
		"arg0 == 1u":                      "1u is compared with a signed number",
		"1 < 1u":                          "a signed and an unsigned number",
		"1 + 1u == arg1":                  "write both with u",
		"arg1 == 1u - 2u":                 "1u - 2u is no unsigned number",
		"arg1 == -1u":                     "an unsigned number has no minus",
		"arg1 == 18446744073709551616u":   "is not a number of 64 bits",
		"uint(1) == arg1":                 "unknown function uint: write 42u",
		"arg0 == 010":                     "is no number of the language",
		"arg0 == 0b1":                     "is no number of the language",
		"arg1 == 07u":                     "without zeros before it",
		"arg0 && true":                    "a number is no truth value",
		"arg0 * 2 == 4":                   "unknown operator *",
		"arg2 == 1":                       "has type string",
		"int8(arg0) == 1":                 "unknown function int8",
		"and(arg0) == 1":                  "and takes 2, not 1",
		"!arg0":                           "does not fit what follows it",
		`arg0 == "a"`:                     "is not a number",
		"arg0 == 99999999999999999999":    "is not a number of 64 bits",
		"func() bool { return true }()":   "functions are",
		strings.Repeat("(", 40) + "arg0":  "is not an expression",
		strings.Repeat("!", 40) + "true":  "nested more than 32 deep",
	} {
		refused(t, hookText(Kprobe, "{index: 0, type: int}, {index: 1, type: uint32}, {index: 2, type: string}",
			fmt.Sprintf("matchArgs: [{operator: CelExpr, values: [%q]}] #HERE", expression)), want)
	}
	refused(t, hookText(Tracepoint, "{index: 0}", `matchArgs: [{operator: CelExpr, values: ["arg0 == 1"]}] #HERE`), "give args[0] a type")
	refused(t, hookText(Kprobe, "{index: 0, type: int}, {index: 1, type: string}", `matchArgs: [{args: [1], operator: CelExpr, values: ["arg0 == 1"]}] #HERE`), "arg0 has type string")
	refused(t, hookText(Kprobe, "{index: 0, type: int}, {index: 1, type: int}", `matchArgs: [{args: [1], operator: CelExpr, values: ["arg1 == 1"]}] #HERE`), "unknown name arg1: arguments are arg0 to arg0")
}
