// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

// hookEvents are those of testdata/hooks.ndjson.
func hookEvents(t testing.TB) (events []*event.Event) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "hooks.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		e := &event.Event{}
		if err := json.Unmarshal(line, e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		events = append(events, e)
	}
	return events
}

func TestHookLines(t *testing.T) {
	for name, o := range map[string]Options{
		"hooks-compact": {Format: "compact", Out: pipe}, "hooks-compact-color": {Format: "compact", Out: colored},
		"hooks-wide": {Format: "wide", Out: pipe}, "hooks-wide-ascii": {Format: "wide", Out: asciiOnly},
		"hooks-tree": {Out: pipe, FinalTree: FinalTreeNever}, "hooks-tree-narrow": {Out: narrow, FinalTree: FinalTreeNever, Timestamps: true},
	} {
		t.Run(name, func(t *testing.T) {
			got := shown(t, o, func(s *story) {
				for _, e := range hookEvents(t) {
					s.show(e)
				}
			})
			golden.Check(t, "testdata/"+name+".golden", got)
			for line := range strings.Lines(got) {
				if clean := strings.TrimSuffix(line, "\n"); !o.Out.Color && terminal.Sanitize(clean) != clean && !strings.ContainsAny(clean, "\ufe0f") {
					t.Errorf("not clean: %q", line)
				}
				if o.Out.Columns > 0 && strings.HasSuffix(name, "narrow") && terminal.Width(strings.TrimSuffix(line, "\n")) > o.Out.Columns {
					t.Errorf("too wide: %s", line)
				}
			}
		})
	}
}

// typical are arguments as the hooks of a family have them.
func typical(function string) []event.Argument {
	file := event.Argument{FileArg: &event.FileArg{Path: "/srv/data/report.txt", Permission: "-rw-r--r--"}}
	folder := event.Argument{PathArg: &event.FileArg{Path: "/srv/data", Permission: "drwxr-xr-x"}}
	named := event.Argument{PathArg: &event.FileArg{Path: "/srv/data/report.txt"}}
	other := event.Argument{PathArg: &event.FileArg{Path: "/srv/old/report 2.txt"}}
	text := func(s string) event.Argument { return event.Argument{StringArg: &s} }
	n := func(i int32) event.Argument { return event.Argument{IntArg: &i} }
	for _, c := range []struct {
		part string
		args []event.Argument
	}{
		{"sys_unlinkat", []event.Argument{n(-100), text("/srv/data/report.txt")}}, {"sys_unlink", []event.Argument{text("/srv/data/report 2.txt")}},
		{"unlink", []event.Argument{folder, named}}, {"sys_set", []event.Argument{n(0), n(1000)}},
		{"module", []event.Argument{{ModuleArg: &event.ModuleArg{Name: "rootkit", SignatureOk: new(false), Tainted: []string{"TAINT_OUT_OF_TREE_MODULE"}}}}},
		{"sys_rename", []event.Argument{text("/a"), text("/b c")}},
		{"rename", []event.Argument{folder, named, folder, other}},
		{"path_link", []event.Argument{other, folder, named}},
		{"link", []event.Argument{folder, named, text("../target")}},
		{"mod", []event.Argument{named, n(0o4755)}},
		{"chown", []event.Argument{named, n(0), n(65534)}},
		{"bprm", []event.Argument{{LinuxBinprmArg: &event.LinuxBinprmArg{Path: "/usr/bin/nc", Permission: "-rwxr-xr-x"}}}},
		{"commit_creds", []event.Argument{{ProcessCredentialsArg: &event.ProcessCredentials{Uid: new(uint32(0)), Euid: new(uint32(0)), Caps: &event.Capabilities{Effective: []string{"CAP_BPF"}}}}}},
		{"capable", []event.Argument{{UserNsArg: &event.UserNamespace{}}, {CapabilityArg: &event.CapabilityArg{Value: new(int32(21)), Name: "CAP_SYS_ADMIN"}}}},
		{"sys_ptrace", []event.Argument{n(16), n(4711)}},
		{"tgkill", []event.Argument{n(4711), n(4711), n(9)}},
		{"kill", []event.Argument{n(4711), n(15)}},
		{"sys_unshare", []event.Argument{n(0x10000000 | 0x40000000)}},
		{"bpf", []event.Argument{{BpfCmdArg: new("BPF_PROG_LOAD")}}},
		{"connect", []event.Argument{n(3), {SockaddrArg: &event.SockaddrArg{Family: "AF_INET6", Addr: "2001:db8::1", Port: 443}}}},
		{"sock", []event.Argument{{SockArg: &event.SockArg{Family: "AF_INET", Protocol: "IPPROTO_UDP", Saddr: "10.0.0.1", Sport: 53, Daddr: "10.0.0.2", Dport: 40000}}}},
		{"sendmsg", []event.Argument{{SockArg: &event.SockArg{Family: "AF_INET", Protocol: "IPPROTO_UDP", Saddr: "10.0.0.1", Sport: 53, Daddr: "10.0.0.2", Dport: 40000}}}},
		{"bind", []event.Argument{n(3), {SockaddrUnArg: &event.SockaddrUnArg{Family: "AF_UNIX", Path: "@x"}}}},
		{"tty", []event.Argument{file, {BytesArg: []byte("id\n")}}},
		{"path_", []event.Argument{folder, named}},
		{"inode_", []event.Argument{named}},
		{"sys_", []event.Argument{text("/srv/data/report.txt"), n(7)}},
	} {
		if strings.Contains(function, c.part) {
			return c.args
		}
	}
	return []event.Argument{file}
}

// functions are all that have a row: as kprobe, and of those that begin with security_ also as LSM hook.
func functions() []string {
	return slices.Sorted(maps.Keys(ownRows))
}

func TestEveryFunctionHasALine(t *testing.T) {
	got := shown(t, Options{Format: "wide", Out: pipe, Every: true}, func(s *story) {
		for _, name := range functions() {
			process := &event.Process{Binary: "/bin/x", Pod: &event.Pod{Namespace: "ns", Name: "pod"}}
			s.show(&event.Event{ProcessKprobe: &event.ProcessKprobe{
				Process: process, FunctionName: name, Hooked: event.Hooked{Args: typical(name)}, Return: &event.Argument{IntArg: new(int32(0))},
			}})
		}
	})
	golden.Check(t, "testdata/hooks-functions.golden", got)
	if strings.Contains(got, "❓") || strings.Count(got, "\n") != len(ownRows) {
		t.Errorf("%d lines for %d functions", strings.Count(got, "\n"), len(ownRows))
	}
	for name := range tetragonRows {
		if !strings.Contains(strings.Join(tested(t), " "), name) {
			t.Errorf("%s is not in testdata/hooks.ndjson", name)
		}
	}
}

func tested(t *testing.T) (names []string) {
	for _, e := range hookEvents(t) {
		names = append(names, functionName(e))
	}
	return names
}

// No function fails, whatever its arguments are, or aren't.
func TestNoArgumentsFail(t *testing.T) {
	one := make([]event.Argument, reflect.TypeFor[event.Argument]().NumField())
	for i := range one {
		f := reflect.ValueOf(&one[i]).Elem().Field(i)
		switch f.Kind() {
		case reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
		case reflect.Slice:
			f.SetBytes([]byte{})
		}
	}
	names := append(functions(), slices.Sorted(maps.Keys(tetragonRows))...)
	for _, o := range []Options{{Format: "compact"}, {Format: "wide"}, {FinalTree: FinalTreeNever}} {
		shown(t, o, func(s *story) {
			for _, name := range names {
				for i := range one {
					for places := range 4 {
						h := event.Hooked{Args: slices.Repeat(one[i:i+1], places)}
						s.show(&event.Event{ProcessKprobe: &event.ProcessKprobe{FunctionName: name, Hooked: h, Return: &one[i], Process: &event.Process{}}})
						s.show(&event.Event{ProcessLsm: &event.ProcessLsm{FunctionName: strings.TrimPrefix(name, "security_"), Hooked: h, Process: &event.Process{}}})
					}
				}
			}
			for i := range one {
				s.show(&event.Event{ProcessTracepoint: &event.ProcessTracepoint{Subsys: "raw_syscalls", Event: "sys_enter", Hooked: event.Hooked{Args: one[i : i+1]}}})
			}
		})
	}
}

// Tetragon's own lines, from its tests and from the documents that show what it writes.
func TestTetragonsHookLines(t *testing.T) {
	lines := strings.Split(shown(t, Options{Format: "compact", Out: pipe}, func(s *story) {
		for _, e := range hookEvents(t) {
			s.show(e)
		}
	}), "\n")
	for _, want := range []string{
		"❓ syscall kube-system/tetragon /usr/bin/curl unhandled_function",
		"📬\ufe0f open    kube-system/tetragon /usr/bin/curl ",
		"📬\ufe0f open    kube-system/tetragon /usr/bin/curl /etc/password",
		"📬 open    kube-system/tetragon /usr/bin/curl /etc/password",
		"📝 write   kube-system/tetragon /usr/bin/curl /etc/password 1234 bytes",
		"📝 write   kube-system/tetragon /usr/bin/curl  ",
		"📚 read    kube-system/tetragon /usr/bin/curl /etc/password 1234 bytes",
		"📚 read    kube-system/tetragon /usr/bin/curl /test1.txt",
		"📪 close   kube-system/tetragon /usr/bin/curl ",
		"💾 mount   kube-system/tetragon /usr/bin/curl src dst",
		"🔌 connect kube-system/tetragon /usr/bin/curl tcp 10.0.0.1:40000 -> 1.1.1.1:443",
		"🧹 close   kube-system/tetragon /usr/bin/curl tcp ::1:1 -> 2001:db8::1:65535",
		"📤 sendmsg kube-system/tetragon /usr/bin/curl tcp 10.0.0.1:40000 -> 1.1.1.1:443 bytes 512",
		"🐝 bpf_load kube-system/tetragon /usr/bin/bpftool BPF_PROG_TYPE_KPROBE amazing-program instruction count 2048",
		"🗺 bpf_map_create kube-system/tetragon /usr/bin/bpftool BPF_MAP_TYPE_HASH amazing-map key size 8 value size 8 max entries 1024",
		"⏰ clock_settime kube-system/tetragon /usr/bin/curl",
		"🔧 setns   kube-system/tetragon /usr/bin/curl net",
		"📝 mmap-rx kube-system/tetragon /usr/bin/curl /lib/libc.so",
		"☎  syscall kube-system/tetragon /usr/bin/curl execve(const char *filename=0x222e0, const char *const * argv=?, const char *const * envp=?)",
		"☎  syscall kube-system/tetragon /usr/bin/curl close(unsigned int fd=3)",
		"☎  syscall kube-system/tetragon /usr/bin/curl getpid()",
		"☎  syscall kube-system/tetragon /usr/bin/curl i386/execve",
		"⁉\ufe0f tracepoint kube-system/tetragon /usr/bin/curl sched sched_process_exec",
		"🕵\ufe0f uprobe  kube-system/tetragon /usr/bin/curl /bin/bash readline",
		"❓ syscall kube-system/tetragon /sub.sh commit_creds",
		"❓ syscall kube-system/tetragon /usr/local/bin/python security_bprm_creds_from_file",
		"🔒 LSM     kube-system/tetragon /usr/bin/curl bprm_check_security",
		"   /usr/bin/grep sha256:73abb428",
		"🧬 loader  kube-system/tetragon /usr/bin/curl 0102ff /usr/lib/libc.so.6",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("missing: %q", want)
		}
	}
}
