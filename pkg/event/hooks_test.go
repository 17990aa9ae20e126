// SPDX-License-Identifier: Apache-2.0

package event

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// arguments has one of each kind, with values that only wrappers and oneofs show: 0 and empty.
func arguments() []Argument {
	return []Argument{
		{StringArg: new("a <b> & \"c\""), Label: "path"}, {StringArg: new("")}, {IntArg: new(int32(0))}, {IntArg: new(int32(-2147483648))},
		{SkbArg: &SkbArg{1, 2, 3, 4, "127.0.0.1", "::1", 5, 65535, 6, 7, 8, "IPPROTO_TCP", "AF_INET"}},
		{SizeArg: new(uint64(18446744073709551615))}, {SizeArg: new(uint64(0))}, {BytesArg: []byte{0, 255, 254}}, {BytesArg: []byte{}},
		{PathArg: &FileArg{"/mnt", "/etc/passwd", PathUnresolved, "-rw-r--r--"}}, {FileArg: &FileArg{"/mnt", "/etc/passwd (deleted)", PathUnresolved, "-rw-r--r--"}}, {FileArg: &FileArg{}},
		{TruncatedBytesArg: &TruncatedBytesArg{[]byte("abc"), 5000}},
		{SockArg: &SockArg{"AF_INET", "SOCK_STREAM", "IPPROTO_TCP", 1, 2, "10.0.0.1", "10.0.0.2", 1024, 443, 18446612682070913024, "TCP_ESTABLISHED"}},
		{CredArg: &Capabilities{CapabilitySet(1), CapabilitySet(1 << 1), CapabilitySet(1 << 2)}}, {LongArg: new(int64(-9223372036854775808))}, {LongArg: new(int64(0))},
		{BpfAttrArg: &BpfProgArg{"BPF_PROG_TYPE_KPROBE", 2048, "probe"}}, {PerfEventArg: &PerfEventArg{"f", "PERF_TYPE_SOFTWARE", 1 << 63, 9}},
		{BpfMapArg: &BpfMapArg{"BPF_MAP_TYPE_HASH", 8, 16, 1024, "map"}}, {UintArg: new(uint32(0))},
		{UserNamespaceArg: &UserNamespaceArg{new(int32(0)), new(uint32(0)), new(uint32(1)), &Namespace{4026531837, true}}},
		{CapabilityArg: &CapabilityArg{new(int32(0)), CapabilityName(0)}},
		{ProcessCredentialsArg: &ProcessCredentials{Uid: new(uint32(0)), Securebits: SecurebitNames(1), Caps: &Capabilities{Permitted: CapabilitySet(2)}}},
		{UserNsArg: &UserNamespace{new(int32(1)), new(uint32(0)), new(uint32(0)), &Namespace{1, false}}},
		{ModuleArg: &ModuleArg{"m", new(false), TaintNames(1 << 12)}},
		{KernelCapTArg: new(CapabilityDigits(1))}, {CapInheritableArg: new("")}, {CapPermittedArg: new("0")}, {CapEffectiveArg: new("0")},
		{LinuxBinprmArg: &LinuxBinprmArg{"/bin/sh", PathUnresolved, "-rwxr-xr-x"}}, {NetDevArg: &NetDevArg{"eth0"}}, {BpfCmdArg: new(BpfCommandName(0))},
		{SyscallID: &SyscallID{0, "x64"}}, {SockaddrArg: &SockaddrArg{"AF_INET6", "::1", 53}}, {BpfProgArg: &BpfProgArg{"BPF_PROG_TYPE_LSM", 7, "p"}},
		{ErrorArg: &ErrorArg{"no"}}, {SockaddrUnArg: &SockaddrUnArg{"AF_UNIX", "@x"}}, {},
	}
}

// hookBodies has an event of each kind of hook.
func hookBodies() map[string]Event {
	process, parent := &Process{ExecID: "bm9kZToxOjI=", Tid: new(uint32(3))}, &Process{ExecID: "bm9kZToxOjE="}
	hooked := Hooked{
		Args: []Argument{{IntArg: new(int32(0)), Label: "fd"}}, Action: ActionOverride, PolicyName: "policy", Message: "message", Tags: []string{"tag", "mitre"},
		Ancestors: []*Process{{ExecID: "bm9kZToxOjA="}}, Data: []Argument{{StringArg: new("data")}},
		Handling: Handling{Via: "tracepoint sys_exit", Would: []string{ActionSigkill}, SelectorLabel: "selector", URLs: []string{"http://192.0.2.1/"}, Domains: []string{"a.example"}},
	}
	all := hooked
	all.Args = arguments()
	frames := []StackTraceEntry{{18446744071579664801, 17, "do_syscall_64", ""}, {Module: "/usr/lib/libc.so.6", Offset: 1 << 40}}
	return map[string]Event{
		"kprobe":       {ProcessKprobe: &ProcessKprobe{process, parent, "__x64_sys_openat", hooked, &Argument{IntArg: new(int32(0))}, ActionPost, frames[:1], frames}, NodeName: "node"},
		"kprobe-all":   {ProcessKprobe: &ProcessKprobe{Process: process, FunctionName: "f", Hooked: all}},
		"kprobe-empty": {ProcessKprobe: &ProcessKprobe{}},
		"tracepoint":   {ProcessTracepoint: &ProcessTracepoint{process, parent, "raw_syscalls", "sys_enter", hooked}},
		"loader":       {ProcessLoader: &ProcessLoader{process, "/lib/x.so", []byte{1, 2, 255}, parent, []*Process{{ExecID: "bm9kZToxOjA="}}, hooked.Handling}},
		"uprobe":       {ProcessUprobe: &ProcessUprobe{process, parent, "/bin/bash", "readline", 18446744073709551615, 1 << 60, hooked}},
		"lsm":          {ProcessLsm: &ProcessLsm{process, parent, "file_open", hooked, "sha256:00ff"}},
		"usdt":         {ProcessUsdt: &ProcessUsdt{process, parent, "/bin/x", "provider", "name", hooked, "flags"}},
	}
}

func TestHooked(t *testing.T) {
	for name, want := range map[string]Kind{
		"kprobe": KindKprobe, "kprobe-empty": KindKprobe, "tracepoint": KindTracepoint, "loader": KindLoader, "uprobe": KindUprobe, "lsm": KindLsm, "usdt": KindUsdt,
	} {
		e := hookBodies()[name]
		hooked := e.Hooked()
		if e.Kind() != want || (hooked == nil) != (want == KindLoader) || hooked != nil && name != "kprobe-empty" && hooked.PolicyName != "policy" {
			t.Errorf("%s: %s, %+v", name, e.Kind(), hooked)
		}
		if s, ok := e.Subjects(); !ok || name != "kprobe-empty" && (len(*s.Ancestors) != 1 || e.Process() == nil || e.Parent() == nil) {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if e := bodies()["exec"]; e.Hooked() != nil {
		t.Error("an exec is not of a hook")
	}
}

// Every field of Tetragon's message has a field here, and the other way round.
func TestEachArgumentKindIsTested(t *testing.T) {
	set := map[string]bool{}
	for _, a := range arguments() {
		v := reflect.ValueOf(a)
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				set[v.Type().Field(i).Name] = true
			}
		}
	}
	for f := range reflect.TypeFor[Argument]().Fields() {
		if !set[f.Name] {
			t.Errorf("%s is in no test", f.Name)
		}
	}
}

// Samples of Tetragon's documentation: what is read is written again without a difference, but for refcnt.
func TestTetragonHookSamples(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "tetragon-hooks.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var e Event
		var want, got any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		written, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(written, &got); err != nil {
			t.Fatal(err)
		}
		for _, body := range want.(map[string]any) {
			if body, ok := body.(map[string]any); ok {
				for _, who := range []string{"process", "parent"} {
					if p, ok := body[who].(map[string]any); ok {
						delete(p, "refcnt")
					}
				}
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %s\nwant %s", written, line)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{FamilyName(0), "AF_UNSPEC"}, {FamilyName(2), "AF_INET"}, {FamilyName(10), "AF_INET6"}, {FamilyName(12), "AF_DECnet"},
		{FamilyName(16), "AF_NETLINK"}, {FamilyName(40), "AF_VSOCK"}, {FamilyName(45), "AF_MCTP"}, {FamilyName(46), "46"}, {FamilyName(65535), "65535"},
		{SocketTypeName(0), "0"}, {SocketTypeName(1), "SOCK_STREAM"}, {SocketTypeName(6), "SOCK_DCCP"}, {SocketTypeName(10), "SOCK_PACKET"},
		{ProtocolName(0), "IPPROTO_IP"}, {ProtocolName(6), "IPPROTO_TCP"}, {ProtocolName(262), "IPPROTO_MPTCP"}, {ProtocolName(3), "3"},
		{TCPStateName(0), "0"}, {TCPStateName(1), "TCP_ESTABLISHED"}, {TCPStateName(10), "TCP_LISTEN"}, {TCPStateName(12), "TCP_NEW_SYN_RECV"},
		{ProgTypeName(0), "BPF_PROG_TYPE_UNSPEC"}, {ProgTypeName(29), "BPF_PROG_TYPE_LSM"}, {ProgTypeName(32), "BPF_PROG_TYPE_NETFILTER"}, {ProgTypeName(33), "33"},
		{MapTypeName(1), "BPF_MAP_TYPE_HASH"}, {MapTypeName(27), "BPF_MAP_TYPE_RINGBUF"}, {MapTypeName(33), "BPF_MAP_TYPE_ARENA"}, {MapTypeName(4294967295), "4294967295"},
		{BpfCommandName(5), "BPF_PROG_LOAD"}, {BpfCommandName(28), "BPF_LINK_CREATE"}, {BpfCommandName(36), "BPF_TOKEN_CREATE"},
		{PerfTypeName(0), "PERF_TYPE_HARDWARE"}, {PerfTypeName(6), "PERF_TYPE_MAX"}, {PerfTypeName(7), "7"},
		{ActionName(0), ActionUnknown}, {ActionName(1), ActionPost}, {ActionName(3), ActionSigkill}, {ActionName(5), ActionOverride}, {ActionName(10), ActionSignal},
		{ActionName(13), ActionNotifyEnforcer}, {ActionName(14), ActionCleanupEnforcer}, {ActionName(15), ActionSet}, {ActionName(16), "16"},
		{CapabilityName(21), "CAP_SYS_ADMIN"}, {CapabilityName(63), "CAP_63"}, {CapabilityName(-1), "-1"}, {CapabilityName(64), "64"},
		{CapabilityDigits(1 << 40), "0000010000000000"},
		{fmt.Sprint(TaintNames(1<<12 | 1<<13 | 1<<5)), "[TAINT_OUT_OF_TREE_MODULE TAINT_UNSIGNED_MODULE 32]"},
		{fmt.Sprint(SecurebitNames(1 | 1<<7 | 1<<8)), "[SecBitNoRoot SecBitNoCapAmbientRaiseLocked 256]"}, {fmt.Sprint(TaintNames(0)), "[]"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}

func TestFailedExec(t *testing.T) {
	execve := func(function string, returned *Argument, args ...Argument) Event {
		return Event{ProcessKprobe: &ProcessKprobe{FunctionName: function, Return: returned, Hooked: Hooked{Args: args}}}
	}
	path, fd, failed := Argument{StringArg: new("./x")}, Argument{IntArg: new(int32(-100))}, &Argument{IntArg: new(int32(-2))}
	for _, test := range []struct {
		e    Event
		want FailedExec
		is   bool
	}{
		{execve("__x64_sys_execve", failed, path), FailedExec{"./x", -2}, true},
		{execve("__arm64_sys_execveat", &Argument{LongArg: new(int64(-13))}, fd, path), FailedExec{"./x", -13}, true},
		{execve("sys_execveat", failed, fd), FailedExec{"", -2}, true},
		{execve("__x64_sys_execve", &Argument{IntArg: new(int32(0))}, path), FailedExec{Path: "./x"}, false},
		{execve("__x64_sys_execve", nil, path), FailedExec{}, false},
		{execve("__x64_sys_execve", &Argument{}, path), FailedExec{Path: "./x"}, false},
		{execve("__x64_sys_open", failed, path), FailedExec{}, false},
		{execve("execve", failed, path), FailedExec{}, false},
		{bodies()["exec"], FailedExec{}, false},
		{Event{}, FailedExec{}, false},
	} {
		if got, is := test.e.FailedExec(); got != test.want || is != test.is {
			t.Errorf("%+v: %+v, %v", test.e.ProcessKprobe, got, is)
		}
	}
}
