// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy/syscalls"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

const (
	isCut        = uint8(bpf.HookArgumentHeaderFlagsVALUE_CUT)
	isUnreadable = uint8(bpf.HookArgumentHeaderFlagsVALUE_UNREADABLE)
	isPathCut    = uint8(bpf.HookArgumentHeaderFlagsVALUE_PATH_CUT)
	isAbsent     = uint8(bpf.HookArgumentHeaderFlagsVALUE_ABSENT)
)

var testMachine = Machine{UserNamespace: 4026531837, Native: syscalls.X64, Compat: syscalls.I386}

func show(v *Value, a Argument) event.Argument {
	var shown event.Argument
	v.Set(&shown, &a, &testMachine)
	return shown
}

// valueCase is an argument of a type.
type valueCase struct {
	typ, what string
	argument  Argument
}

func ofType(typ, what string, flags uint8, raw []byte) valueCase {
	kind, _, _ := Layout(policy.LookupArgumentType(typ))
	return valueCase{typ, what, Argument{Kind: kind, Flags: flags, Raw: raw}}
}

func chars(s string) (c [16]int8) {
	for i := range s {
		c[i] = int8(s[i])
	}
	return c
}

// network is an address as the kernel side has it in the words of a socket_value.
func network(address ...byte) [2]uint64 {
	var words [2]uint64
	cut(&words, append(make([]byte, 16-len(address)), address...))
	return words
}

func mapped(address ...byte) [2]uint64 { return network(append([]byte{0xff, 0xff}, address...)...) }

func valueCases() []valueCase {
	number := func(typ string, word int64) valueCase { return ofType(typ, "", 0, bytesOf(word)) }
	file := bytesOf(bpf.HookFileValue{Inode: 5, Mode: 0o100640}, "/etc/shadow")
	v4 := bpf.HookSocketValue{
		Source: mapped(10, 0, 0, 1), Destination: mapped(1, 2, 3, 4), Cookie: 1 << 40, Mark: 2, Priority: 3, Hash: 4, Length: 60,
		Family: 2, Type: 1, Protocol: 6, State: 1, SourcePort: 40000, DestinationPort: 443,
	}
	v6 := v4
	v6.Family, v6.Source, v6.Destination = 10, network(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), mapped(1, 2, 3, 4)
	unix := bpf.HookSocketValue{Family: 1, Type: 2, State: 7}
	local := func(name string) []byte { return bytesOf(bpf.HookUnixAddressValue{Family: 1}, name) }
	return []valueCase{
		{"nop", "", Argument{Raw: bytesOf(uint64(1))}},
		number("int", -1), number("int8", -128), number("int16", -2), number("int32", 1<<31-1), number("int64", -1), number("long", -5),
		number("uint8", 255), number("uint16", 0), number("uint32", 1<<32-1), number("uint64", -1), number("ulong", 1<<40), number("size_t", 0),
		number("bpf_cmd", 5), number("bpf_cmd", 1000), number("capability", 21), number("capability", -1), number("capability", 63),
		number("syscall64", 59), ofType("syscall64", "of the other ABI", 0, bytesOf(uint64(1<<32|11))),
		{"int", "unreadable", Argument{Flags: isUnreadable, Raw: bytesOf(uint64(0))}},
		{"int", "unreadable at step 3", Argument{Flags: isUnreadable, Detail: 3}},
		{"int", "without room", Argument{}},
		{"int", "of another shape", Argument{Kind: uint8(bpf.HookArgumentKindKIND_TEXT), Raw: []byte("12345678")}},
		{"int", "of an unknown kind", Argument{Kind: 255}},

		ofType("string", "", 0, []byte("text")), ofType("string", "empty", 0, nil), ofType("string", "not UTF-8", 0, []byte("a\xffb")),
		ofType("string", "cut", isCut, []byte("text")), ofType("string", "NULL", isAbsent, nil), ofType("string", "unreadable", isUnreadable, nil),
		ofType("filename", "", 0, []byte("/bin/sh")), ofType("data_loc", "", 0, []byte("sda")),
		ofType("net_device", "", 0, []byte("eth0")), ofType("net_device", "NULL", isAbsent, nil),
		{"string", "read as a file's name", Argument{Kind: uint8(bpf.HookArgumentKindKIND_FILENAME), Raw: []byte("/bin/sh")}},

		ofType("char_buf", "", 0, bytesOf(bpf.HookBytesValue{Size: 3}, "\x00\x01\xff")),
		ofType("char_buf", "empty", 0, bytesOf(bpf.HookBytesValue{})),
		ofType("char_buf", "cut", isCut, bytesOf(bpf.HookBytesValue{Size: 8192}, "a")),
		ofType("char_buf", "unreadable", isUnreadable|isCut, bytesOf(bpf.HookBytesValue{Size: 10})),
		ofType("char_buf", "NULL", isAbsent, nil),
		{"char_buf", "unreadable at step 1", Argument{Kind: uint8(bpf.HookArgumentKindKIND_BYTES), Flags: isUnreadable, Detail: 1}},
		ofType("char_buf", "without room", 0, nil),
		ofType("char_iovec", "", 0, bytesOf(bpf.HookBytesValue{Size: 2}, "ab")),
		ofType("char_iovec", "read in part", isUnreadable, bytesOf(bpf.HookBytesValue{Size: 1}, "a")),
		ofType("const_buf", "", 0, bytesOf(bpf.HookBytesValue{Size: 1}, "a")),
		ofType("iov_iter", "", isCut, bytesOf(bpf.HookBytesValue{Size: 2}, "a")),
		ofType("iov_iter", "memory of the kernel", isUnreadable, nil),

		ofType("fd", "", 0, bytesOf(bpf.HookFileValue{Mode: 0o10600, Fd: 3}, "/run/pipe")), ofType("fd", "closed", isAbsent, nil),
		ofType("file", "", 0, file), ofType("file", "front missing", isPathCut, file), ofType("file", "nothing resolved", isPathCut, bytesOf(bpf.HookFileValue{})),
		ofType("file", "NULL", isAbsent, nil), ofType("file", "deleted", 0, bytesOf(bpf.HookFileValue{Mode: 0o100000}, "/tmp/x (deleted)")),
		ofType("fd", "a pipe", 0, bytesOf(bpf.HookFileValue{Mode: 0o10600, Inode: 1234, Fd: 1}, "/ (deleted)")),
		ofType("fd", "a socket", 0, bytesOf(bpf.HookFileValue{Mode: 0o140777, Inode: 1234, Fd: 1}, "/ (deleted)")),
		ofType("fd", "an anonymous inode", 0, bytesOf(bpf.HookFileValue{Mode: 0o600, Inode: 1234, Fd: 1}, "/ (deleted)")),
		{"file", "read as a dentry", Argument{Kind: uint8(bpf.HookArgumentKindKIND_DENTRY), Raw: file}},
		ofType("kiocb", "", 0, file), ofType("path", "", 0, file), ofType("path", "NULL", isAbsent, nil),
		ofType("dentry", "", 0, file), ofType("dentry", "NULL", isAbsent, nil),
		ofType("linux_binprm", "", isPathCut, file), ofType("linux_binprm", "NULL", isAbsent, nil),

		ofType("sock", "IPv4", 0, bytesOf(v4)), ofType("sock", "IPv6", 0, bytesOf(v6)), ofType("sock", "Unix", 0, bytesOf(unix)), ofType("sock", "NULL", isAbsent, nil),
		ofType("socket", "", 0, bytesOf(v4)), ofType("skb", "IPv4", 0, bytesOf(v4)), ofType("skb", "IPv6", 0, bytesOf(v6)),
		ofType("skb", "ARP", 0, bytesOf(bpf.HookSocketValue{Length: 42})), ofType("skb", "NULL", isAbsent, nil),
		ofType("sockaddr", "IPv4", 0, bytesOf(bpf.HookSocketValue{Family: 2, Source: mapped(127, 0, 0, 1), SourcePort: 53})),
		ofType("sockaddr", "IPv6", 0, bytesOf(bpf.HookSocketValue{Family: 10, Source: network(1), SourcePort: 53})),
		ofType("sockaddr", "netlink", 0, bytesOf(bpf.HookSocketValue{Family: 16})), ofType("sockaddr", "NULL", isAbsent, nil),
		ofType("sockaddr", "unreadable", isUnreadable, bytesOf(bpf.HookSocketValue{})),
		ofType("sockaddr_un", "", 0, local("/run/a.sock\x00rubbish")), ofType("sockaddr_un", "abstract", 0, local("\x00name\x00x\x00\x00")),
		ofType("sockaddr_un", "of another family", 0, bytesOf(bpf.HookUnixAddressValue{Family: 2}, "\x00\x35\x7f\x00\x00\x01rubbish")),
		ofType("sockaddr_un", "without a name", 0, local("\x00\x00\x00")), ofType("sockaddr_un", "NULL", isAbsent, nil),

		number("kernel_cap_t", 1<<21), number("cap_inheritable", 0), number("cap_permitted", 1<<41-1), number("cap_effective", -1),
		ofType("kernel_cap_t", "NULL", isAbsent, nil),
		ofType("cred", "", 0, bytesOf(bpf.ProcessCredentials{Uid: 1000, Euid: 0, Securebits: 1 << 4, UserNsLevel: 1, UserNsUid: 1000, UserNsInum: 99, Permitted: 1, Effective: 2, Inheritable: 1 << 21})),
		ofType("cred", "NULL", isAbsent, nil),
		ofType("user_namespace", "", 0, bytesOf(bpf.HookUserNamespaceValue{Level: 2, Uid: 1, Gid: 2, Inum: 99})),
		ofType("user_namespace", "of the host", 0, bytesOf(bpf.HookUserNamespaceValue{Inum: testMachine.UserNamespace})),
		ofType("user_namespace", "NULL", isAbsent, nil),

		ofType("bpf_attr", "", 0, bytesOf(bpf.HookBpfProgramValue{Type: 2, Instructions: 100, Name: chars("sixteen letters!")})),
		ofType("bpf_attr", "NULL", isAbsent, nil),
		ofType("bpf_prog", "", 0, bytesOf(bpf.HookBpfProgramValue{Type: 26, Instructions: 1, Name: chars("p")})), ofType("bpf_prog", "NULL", isAbsent, nil),
		ofType("bpf_map", "", 0, bytesOf(bpf.HookBpfMapValue{Type: 1, KeySize: 4, ValueSize: 8, MaxEntries: 1024, Name: chars("m")})), ofType("bpf_map", "NULL", isAbsent, nil),
		ofType("perf_event", "", 0, bytesOf(bpf.HookPerfEventValue{Type: 6, Config: 1, ProbeOffset: 8}, "do_sys_open")),
		ofType("perf_event", "of software", 0, bytesOf(bpf.HookPerfEventValue{Type: 1, Config: 9})), ofType("perf_event", "NULL", isAbsent, nil),
		ofType("load_info", "", 0, bytesOf(bpf.HookModuleValue{SignatureOk: 1}, "nf_tables")), ofType("load_info", "NULL", isAbsent, nil),
		ofType("module", "", 0, bytesOf(bpf.HookModuleValue{Taints: 1<<12 | 1<<13}, "rootkit")), ofType("module", "NULL", isAbsent, nil),
	}
}

// A value of every type, and what becomes of those that can't be read.
func TestValues(t *testing.T) {
	var got bytes.Buffer
	for _, c := range valueCases() {
		shown := show(LookupValue(policy.LookupArgumentType(c.typ)), c.argument)
		line, err := json.Marshal(struct {
			Type     string         `json:"type"`
			What     string         `json:"what,omitempty"`
			Argument event.Argument `json:"argument"`
		}{c.typ, c.what, shown})
		if err != nil {
			t.Fatal(err)
		}
		got.Write(append(line, '\n'))
	}
	golden.Check(t, "testdata/values.ndjson", got.Bytes())
}

// The table has every type that a policy can name, and the test above a readable value of each.
func TestEveryTypeHasAValue(t *testing.T) {
	cases := valueCases()
	types := policy.ArgumentTypes()
	for i := range types {
		typ := &types[i]
		v := LookupValue(typ)
		if _, _, ok := Layout(typ); (v != nil) != ok || ok == (typ.Class == policy.ClassAuto) {
			t.Errorf("%s: row %v, Layout %t", typ, v, ok)
			continue
		}
		if v == nil {
			continue
		}
		if shapeOf(uint8(v.kind)) == shapeUnknown {
			t.Errorf("%s: its kind has no shape", typ)
		}
		if v.Shown() != (typ.Name != "nop") {
			t.Errorf("%s: shown: %t", typ, v.Shown())
		}
		readable := func(c valueCase) bool {
			return c.typ == typ.Name && c.argument.Flags&(isUnreadable|isAbsent) == 0 && show(v, c.argument).ErrorArg == nil
		}
		if !slices.ContainsFunc(cases, readable) {
			t.Errorf("%s: no case", typ)
		}
		if !v.Shown() || shapeOf(uint8(v.kind)) == shapeText {
			continue
		}
		if shown := show(v, Argument{Kind: uint8(v.kind), Raw: make([]byte, 7)}); shown.ErrorArg == nil || shown.ErrorArg.Message != ErrorRoom {
			t.Errorf("%s: bytes that are too few are shown as %+v", typ, shown)
		}
	}
	if len(values) != len(types)-1 {
		t.Errorf("%d rows for %d types", len(values), len(types))
	}
}

func TestLayout(t *testing.T) {
	for _, test := range []struct {
		typ   string
		kind  bpf.HookArgumentKind
		flags bpf.HookArgumentFlags
	}{
		{"char_iovec", bpf.HookArgumentKindKIND_BYTES, bpf.HookArgumentFlagsARGUMENT_VECTOR},
		{"nop", bpf.HookArgumentKindKIND_NUMBER, bpf.HookArgumentFlagsARGUMENT_UNSENT},
		{"kernel_cap_t", bpf.HookArgumentKindKIND_CAPABILITIES, 0},
		{"capability", bpf.HookArgumentKindKIND_NUMBER, 0},
	} {
		kind, flags, ok := Layout(policy.LookupArgumentType(test.typ))
		if kind != uint8(test.kind) || flags != uint8(test.flags) || !ok {
			t.Errorf("%s: kind %d, flags %d", test.typ, kind, flags)
		}
	}
}

func TestPermission(t *testing.T) {
	for mode, want := range map[uint32]string{
		0: "", 0o100644: "-rw-r--r--", 0o40755: "drwxr-xr-x", 0o120777: "lrwxrwxrwx", 0o20620: "crw--w----", 0o60660: "brw-rw----",
		0o10600: "prw-------", 0o140777: "srwxrwxrwx", 0o104755: "-rwsr-xr-x", 0o102644: "-rw-r-Sr--", 0o41777: "drwxrwxrwt", 0o41776: "drwxrwxrwT", 0o644: "?rw-r--r--",
	} {
		if got := permission(mode); got != want {
			t.Errorf("%o: %s, want %s", mode, got, want)
		}
	}
}
