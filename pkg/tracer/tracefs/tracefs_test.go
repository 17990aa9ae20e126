// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracefs

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

func opened(t *testing.T) *Tracefs {
	t.Helper()
	mounted, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mounted.Close() })
	return mounted
}

func types(t *testing.T) *btf.Spec {
	t.Helper()
	spec, err := layout.NewKernel().Spec()
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// TestOwnMount: where no directory has tracefs, we have it all the same, and nobody else does.
func TestOwnMount(t *testing.T) {
	before, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	root, err := mount()
	if err != nil {
		t.Fatal(err)
	}
	own := open(root)
	format, err := own.Format("sched", "sched_process_exec")
	if err != nil {
		t.Fatal(err)
	}
	other, err := opened(t).Format("sched", "sched_process_exec")
	if err != nil || other.ID != format.ID {
		t.Errorf("%v, %v, %v", format, other, err)
	}
	after, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || string(before) != string(after) {
		t.Errorf("mounts were\n%s\nand are\n%s", before, after)
	}
	if err := own.Close(); err != nil {
		t.Error(err)
	}
	if _, err := own.Format("sched", "sched_process_exec"); err == nil {
		t.Error("closed, and still readable")
	}
}

func TestFormat(t *testing.T) {
	mounted := opened(t)
	exec, err := mounted.Format("sched", "sched_process_exec")
	if err != nil {
		t.Fatal(err)
	}
	if exec.ID <= 0 || exec.Subsystem != "sched" || exec.Event != "sched_process_exec" {
		t.Errorf("%+v", exec)
	}
	want := []Field{
		{Name: "common_type", Type: "unsigned short", Size: 2},
		{Name: "common_flags", Type: "unsigned char", Offset: 2, Size: 1},
		{Name: "common_preempt_count", Type: "unsigned char", Offset: 3, Size: 1},
		{Name: "common_pid", Type: "int", Offset: 4, Size: 4, Signed: true},
		{Name: "filename", Type: "__data_loc char[]", Offset: 8, Size: 4, Place: DataLoc, Array: true, Element: "char"},
		{Name: "pid", Type: "pid_t", Offset: 12, Size: 4, Signed: true},
		{Name: "old_pid", Type: "pid_t", Offset: 16, Size: 4, Signed: true},
	}
	if !slices.Equal(exec.Fields, want) {
		t.Errorf("got  %+v\nwant %+v", exec.Fields, want)
	}
	if field, err := exec.Field(5); err != nil || field.Name != "pid" {
		t.Errorf("%v, %v", field, err)
	}
	for _, index := range []int{-1, 7} {
		if _, err := exec.Field(index); err == nil || !strings.Contains(err.Error(), "want one of 4: __data_loc char[] filename, 5: pid_t pid, 6: ") {
			t.Error(err)
		}
	}
}

// TestFormatsAgree reads every tracepoint from tracefs and from the type information: two ways that the kernel's build takes.
func TestFormatsAgree(t *testing.T) {
	mounted, spec := opened(t), types(t)
	compared, unnamed := 0, 0
	for _, subsystem := range mounted.names("events") {
		for _, event := range mounted.names("events/" + subsystem) {
			// Syscalls have no structs of their own; those of ftrace are no tracepoints.
			if subsystem == "syscalls" || subsystem == "ftrace" {
				continue
			}
			format, err := mounted.Format(subsystem, event)
			if err != nil {
				t.Error(err)
				continue
			}
			made, err := FromTypes(spec, subsystem, event)
			if err != nil {
				if errors.Is(err, fs.ErrNotExist) {
					t.Error(err)
				}
				unnamed++
				continue
			}
			compared++
			compare(t, format, made)
		}
	}
	if compared < 300 {
		t.Errorf("%d tracepoints were compared", compared)
	}
	t.Logf("%d tracepoints compared, %d share their record", compared, unnamed)
}

func compare(t *testing.T, a, b *Format) {
	t.Helper()
	what := a.Subsystem + "/" + a.Event
	if len(a.Fields) != len(b.Fields) {
		t.Errorf("%s: %+v\n%+v", what, a.Fields, b.Fields)
		return
	}
	for i, field := range a.Fields {
		other := b.Fields[i]
		if field.Place != Inline && field.Element != "char" {
			other.Type, other.Element = field.Type, field.Element
		}
		same := field.Name == other.Name && field.Offset == other.Offset && field.Size == other.Size &&
			field.Place == other.Place && field.Array == other.Array
		// A typedef may hide a pointer in one.
		same = same && (field.Pointer == other.Pointer || !strings.Contains(other.Type, "*"))
		shown, err := field.ArgumentType()
		otherShown, otherErr := other.ArgumentType()
		// Enumerations have no sign in one, and -1 as a value in the other.
		if !strings.HasPrefix(field.Type, "enum") && shown != otherShown || (err == nil) != (otherErr == nil) || !same {
			t.Errorf("%s:\n%+v %v %v\n%+v %v %v", what, field, shown, err, other, otherShown, otherErr)
		}
	}
}

// TestWithoutTracefs: who may not mount reads the type information, and is told what to do where that does not tell.
func TestWithoutTracefs(t *testing.T) {
	// Never unlocked: the thread ends with the test.
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		t.Fatal(err)
	}
	sets[0].Effective &^= 1 << unix.CAP_SYS_ADMIN
	if err := unix.Capset(&header, &sets[0]); err != nil {
		t.Fatal(err)
	}
	nowhere := []string{t.TempDir(), "/no/such/directory"}
	if _, err := openIn(nowhere); !errors.Is(err, ErrNotMounted) || !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
	kernel := layout.NewKernel()
	if format, err := read(kernel, nowhere, "sched", "sched_process_exec"); err != nil || format.ID != 0 || len(format.Fields) != 7 {
		t.Errorf("%+v, %v", format, err)
	}
	if _, err := read(kernel, nowhere, "sched", "sched_waking"); !errors.Is(err, ErrNotMounted) || !strings.Contains(err.Error(), "mount -t tracefs") {
		t.Error(err)
	}
	if _, err := read(kernel, nowhere, "sched", "no_such_event"); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNotMounted) {
		t.Error(err)
	}
}

// TestSyscallArguments: they are stored in 8 bytes each, and are what they are declared as.
func TestSyscallArguments(t *testing.T) {
	kernel := layout.NewKernel()
	for _, test := range []struct{ event, shown string }{
		{"sys_enter_openat", "int32 int32 string int32 uint16"},
		{"sys_enter_mount", "int32 string string string uint64 uint64"},
		{"sys_enter_kill", "int32 int32 int32"},
		{"sys_enter_setuid", "int32 uint32"},
		{"sys_enter_write", "int32 uint32 string uint64"},
		{"sys_enter_lseek", "int32 uint32 int64 uint32"},
		{"sys_enter_execve", "int32 string uint64 uint64"},
		{"sys_exit_openat", "int32 int64"},
	} {
		format, err := Read(kernel, "syscalls", test.event)
		if err != nil {
			t.Error(err)
			continue
		}
		var shown []string
		for _, field := range format.Fields {
			if field.Common() {
				continue
			}
			if field.Name != "__syscall_nr" && field.Offset%8 != 0 {
				t.Errorf("%s: %+v", test.event, field)
			}
			as, err := field.ArgumentType()
			if err != nil {
				t.Error(err)
				continue
			}
			shown = append(shown, as.Name)
		}
		if got := strings.Join(shown, " "); got != test.shown {
			t.Errorf("%s: %s, want %s", test.event, got, test.shown)
		}
	}
}

// TestEveryFieldIsShown: of no field on this kernel auto fails.
func TestEveryFieldIsShown(t *testing.T) {
	mounted := opened(t)
	fields := 0
	for _, subsystem := range mounted.names("events") {
		for _, event := range mounted.names("events/" + subsystem) {
			if subsystem == "ftrace" {
				continue
			}
			format, err := mounted.Format(subsystem, event)
			if err != nil {
				t.Error(err)
				continue
			}
			for _, field := range format.Fields {
				if field.Common() {
					continue
				}
				fields++
				shown, err := field.ArgumentType()
				if err != nil {
					t.Errorf("%s/%s: %v", subsystem, event, err)
				} else if err := field.Check(shown); err != nil {
					t.Errorf("%s/%s: what auto stands for does not fit: %v", subsystem, event, err)
				}
			}
		}
	}
	if fields < 2000 {
		t.Errorf("%d fields", fields)
	}
}

func TestMissingTracepoints(t *testing.T) {
	mounted := opened(t)
	for _, test := range []struct{ subsystem, event, want string }{
		{"sched", "sched_proces_exec", "tracepoint sched/sched_proces_exec: file does not exist on this kernel; did you mean sched_process_exec?"},
		{"schd", "sched_process_exec", "this kernel has no subsystem schd; did you mean sched?"},
		{"..", "sched", "is no name"},
		{"sched", "../sched/sched_process_exec", "is no name"},
		{"", "", "is no name"},
	} {
		if _, err := mounted.Format(test.subsystem, test.event); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
	spec := types(t)
	if _, err := FromTypes(spec, "sched", "no_such_event"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	// It shares the record of sched_wakeup_template.
	if _, err := FromTypes(spec, "sched", "sched_waking"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestMalformedFormats(t *testing.T) {
	const head = "name: x\nID: 7\nformat:\n"
	for text, want := range map[string]string{
		"":        "missing",
		"ID: 7\n": "missing",
		"\tfield:int a;\toffset:8;\tsize:4;\tsigned:1;\n": "missing",
		"ID: seven\n": "no number",
		"ID: -7\n":    "no number",
		head + "\tfield:int a;\tsize:4;\tsigned:1;\n":                      "is no field",
		head + "\tfield:int;\toffset:8;\tsize:4;\tsigned:1;\n":             "is no field",
		head + "\tfield:int a;\toffset:-8;\tsize:4;\tsigned:1;\n":          "invalid syntax",
		head + "\tfield:int a;\toffset:8;\tsize:99999999999;\tsigned:1;\n": "out of range",
	} {
		if format, err := parse("a", "b", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v, want %s", text, format, err, want)
		}
	}
}

func TestDeclarations(t *testing.T) {
	for text, want := range map[string]Field{
		"unsigned long args[6]":         {Name: "args", Type: "unsigned long[6]", Array: true, Element: "unsigned long"},
		"char comm[TASK_COMM_LEN]":      {Name: "comm", Type: "char[TASK_COMM_LEN]", Array: true, Element: "char"},
		"const char *name":              {Name: "name", Type: "const char *", Pointer: true},
		"const char *const * argv":      {Name: "argv", Type: "const char *const *", Pointer: true},
		"__rel_loc char[] msg":          {Name: "msg", Type: "__rel_loc char[]", Place: RelLoc, Array: true, Element: "char"},
		"__data_loc u64[] values":       {Name: "values", Type: "__data_loc u64[]", Place: DataLoc, Array: true, Element: "u64"},
		"enum skb_drop_reason reason":   {Name: "reason", Type: "enum skb_drop_reason"},
		"struct file_lock_core * fl[2]": {Name: "fl", Type: "struct file_lock_core *[2]", Array: true, Element: "struct file_lock_core *"},
	} {
		if got := declared(text); got != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	fields := map[string]Field{
		"common":  {Name: "common_pid", Type: "int", Offset: 4, Size: 4, Signed: true},
		"byte":    {Type: "u8", Offset: 8, Size: 1},
		"int":     {Type: "int", Offset: 8, Size: 4, Signed: true},
		"long":    {Type: "long", Offset: 8, Size: 8, Signed: true},
		"pointer": {Type: "void *", Offset: 8, Size: 8, Pointer: true},
		"text":    {Type: "char *", Offset: 8, Size: 8, Pointer: true},
		"array":   {Type: "u8[16]", Offset: 8, Size: 16, Array: true, Element: "u8"},
		"comm":    {Type: "char[16]", Offset: 8, Size: 16, Array: true, Element: "char"},
		"loc":     {Type: "__data_loc char[]", Offset: 8, Size: 4, Place: DataLoc, Array: true, Element: "char"},
		"odd":     {Type: "struct x", Offset: 8, Size: 12},
	}
	// What fits; all else does not.
	numbers := "byte int long pointer text"
	for name, fits := range map[string]string{
		"nop": "common byte int long pointer text array comm loc odd", "uint8": numbers, "int": numbers, "uint64": numbers, "capability": numbers,
		"string": "long pointer text array comm loc", "char_buf": "long pointer text array comm loc", "const_buf": "long pointer text array comm loc",
		"data_loc": "loc", "fd": "int long pointer text", "syscall64": "int long pointer text", "skb": "long pointer text",
		"sockaddr": "long pointer text", "file": "long pointer text", "char_iovec": "long pointer text", "net_device": "long pointer text",
		"cred": "long pointer text", "kernel_cap_t": "long pointer text", "auto": "byte int long pointer text array comm loc",
	} {
		for key, field := range fields {
			err := field.Check(policy.LookupArgumentType(name))
			if want := slices.Contains(strings.Fields(fits), key); (err == nil) != want {
				t.Errorf("type %s for %s: %v", name, field.Type, err)
			}
		}
	}
	if err := fields["array"].Check(policy.LookupArgumentType("int")); err == nil || err.Error() != "field  is u8[16] of 16 bytes, type int wants a number" {
		t.Error(err)
	}
}
