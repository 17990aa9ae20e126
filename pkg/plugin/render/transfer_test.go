// SPDX-License-Identifier: Apache-2.0

package render

import (
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

func TestShortBytes(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0 bytes", 9999: "9999 bytes", 10000: "10 kB", 339660: "339.7 kB", 999949: "999.9 kB", 999950: "1 MB", 1 << 30: "1.1 GB", 1<<64 - 1: "18.4 EB",
	} {
		if got := shortBytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// A new file is asked about as a device is.
func TestCreatedFiles(t *testing.T) {
	for mode, want := range map[uint32]string{0o100644: "📝 create  ", 0o644: "📝 create  ", 0o20644: "📝 mknod   ", 0o10644: "📝 mknod   "} {
		got := told(t, Options{Format: "compact"}, func(s *story) {
			e := s.call(s.reader(), "", "/dev", 0)
			e.ProcessKprobe.FunctionName = "security_path_mknod"
			e.ProcessKprobe.Args = []event.Argument{{PathArg: &event.FileArg{Path: "/dev"}}, {PathArg: &event.FileArg{Path: "/dev/x"}}, {UintArg: &mode}}
			s.show(e)
		})
		wantLines(t, got, want+"default/busybox /bin/vi /dev/x")
	}
}

// Who asks for arguments sees them, whatever our words have for the function.
func TestAskedArguments(t *testing.T) {
	hooked := event.Hooked{Args: []event.Argument{{StringArg: new("/a b"), Label: "path"}, {IntArg: new(int32(7))}, {Label: "nothing"}}}
	returned := &event.Argument{LongArg: new(int64(-2))}
	tell := func(s *story) {
		a := s.reader()
		for _, e := range []event.Event{
			{ProcessKprobe: &event.ProcessKprobe{FunctionName: "__x64_sys_openat", Hooked: hooked, Return: returned}},
			{ProcessKprobe: &event.ProcessKprobe{FunctionName: "__x64_sys_read", Hooked: hooked}},
			{ProcessKprobe: &event.ProcessKprobe{FunctionName: "unheard_of", Hooked: hooked}},
			{ProcessTracepoint: &event.ProcessTracepoint{Subsys: "sched", Event: "sched_switch", Hooked: hooked}},
			{ProcessUprobe: &event.ProcessUprobe{Path: "/bin/bash", Symbol: "readline", Hooked: hooked}},
			{ProcessLsm: &event.ProcessLsm{FunctionName: "file_open", Hooked: hooked}},
		} {
			subjects, _ := e.Subjects()
			*subjects.Process, e.NodeName = a.Process, "n1"
			s.show(&e)
		}
	}
	const arguments = `path="/a b" int=7`
	wantLines(t, told(t, Options{Every: true, Arguments: true}, tell), "📦 default/busybox  sh  n1", "○ /bin/vi /etc/passwd",
		"│ 📬\ufe0f openat "+arguments+" return=-2", "│ 📚 read "+arguments, "│ ❓ syscall unheard_of "+arguments, "│ ⁉\ufe0f tracepoint sched sched_switch "+arguments,
		"│ 🕵\ufe0f uprobe /bin/bash readline "+arguments, "│ 📬 open "+arguments)
	if text := strings.Join(told(t, Options{Format: "compact", Every: true, Arguments: true}, tell), "\n"); strings.Count(text, arguments) != 6 {
		t.Errorf("compact:\n%s", text)
	}
}
