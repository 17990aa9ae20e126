// SPDX-License-Identifier: Apache-2.0

//go:build linux

package layout

import (
	"errors"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"
)

// TestParameters are of functions whose prototypes have been the same in all kernels since 6.1.
func TestParameters(t *testing.T) {
	spec := kernel(t)
	for _, test := range []struct {
		of       func(*btf.Spec, string, int) (btf.Type, error)
		name     string
		index    int
		declared string
		shown    string
	}{
		{Parameter, "security_file_permission", 0, "struct file *", "file"},
		{Parameter, "security_file_permission", 1, "int", "int32"},
		{Parameter, "security_path_truncate", 0, "const struct path *", "path"},
		{Parameter, "security_mmap_file", 1, "long unsigned int", "uint64"},
		{Parameter, "security_inode_symlink", 2, "const char *", "string"},
		{Parameter, "security_path_mknod", 2, "umode_t", "uint16"},
		{Parameter, "security_socket_connect", 0, "struct socket *", "socket"},
		{Parameter, "tcp_connect", 0, "struct sock *", "sock"},
		{Parameter, "cap_capable", 1, "struct user_namespace *", "user_namespace"},
		{Parameter, "commit_creds", 0, "struct cred *", "cred"},
		{Parameter, "security_capset", 2, "const kernel_cap_t *", "kernel_cap_t"},
		{Parameter, "security_kernel_read_file", 1, "enum kernel_read_file_id", "uint32"},
		{Parameter, "security_kernel_read_file", 2, "bool", "uint8"},
		{Parameter, "bpf_check", 0, "struct bpf_prog **", "uint64"},
		{Parameter, "bpf_check", 1, "union bpf_attr *", "bpf_attr"},
		{Parameter, "vfs_read", 2, "size_t", "size_t"},
		{Parameter, "vfs_read", 3, "loff_t *", "uint64"},
		{Parameter, "vfs_getattr", 0, "const struct path *", "path"},
		{LSMParameter, "bprm_check_security", 0, "struct linux_binprm *", "linux_binprm"},
		{LSMParameter, "inode_unlink", 1, "struct dentry *", "dentry"},
		{LSMParameter, "file_ioctl", 2, "long unsigned int", "uint64"},
		{TracepointParameter, "sched_process_exec", 2, "struct linux_binprm *", "linux_binprm"},
		{TracepointParameter, "sched_process_exec", 1, "pid_t", "int32"},
		{TracepointParameter, "sys_enter", 1, "long int", "int64"},
		{TracepointParameter, "kfree_skb", 0, "struct sk_buff *", "skb"},
		{TracepointParameter, "net_dev_xmit", 2, "struct net_device *", "net_device"},
	} {
		declared, err := test.of(spec, test.name, test.index)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := TypeName(declared); got != test.declared {
			t.Errorf("%s %d is %s, want %s", test.name, test.index, got, test.declared)
		}
		if shown, err := TypeFor(declared); err != nil || shown.Name != test.shown {
			t.Errorf("%s is shown as %v, %v, want %s", test.declared, shown, err, test.shown)
		}
	}
}

func TestParametersThatAreNotThere(t *testing.T) {
	spec := kernel(t)
	for _, test := range []struct {
		of       func(*btf.Spec, string, int) (btf.Type, error)
		name     string
		index    int
		notFound bool
		want     string
	}{
		{Parameter, "security_file_permission", 2, false,
			"function security_file_permission has no argument 2, only 2 (0: struct file *file, 1: int mask)"},
		{Parameter, "commit_creds", 1, false, "function commit_creds has no argument 1, only one (0: struct cred *new)"},
		{Parameter, "schedule", 0, false, "function schedule has no arguments, so none with index 0"},
		{Parameter, "commit_creds", -1, false, "function commit_creds has no argument -1, only one"},
		{Parameter, "no_such_function", 0, true, "function no_such_function: type information: not found"},
		// A type is no function.
		{Parameter, "task_struct", 0, true, "function task_struct: type information: not found"},
		{LSMParameter, "file_opne", 0, true, "LSM hook file_opne: not found; did you mean file_open?"},
		{LSMParameter, "file_open", 1, false, "LSM hook file_open has no argument 1, only one (0: struct file *file)"},
		{TracepointParameter, "sched_proces_exec", 0, true, "tracepoint sched_proces_exec: not found; did you mean sched_process_exec?"},
		{TracepointParameter, "sched_process_exec", 3, false, "only 3 (0: struct task_struct *"},
		{TracepointParameter, "sys_exit", 2, false, "only 2 (0: struct pt_regs *"},
	} {
		_, err := test.of(spec, test.name, test.index)
		if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, btf.ErrNotFound) != test.notFound {
			t.Errorf("%s %d: %v\nwant %s", test.name, test.index, err, test.want)
		}
	}
}

// TestTracepointWithoutIterator: the prototype alone has no names.
func TestTracepointWithoutIterator(t *testing.T) {
	number := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	proto := &btf.FuncProto{Return: &btf.Void{}, Params: []btf.FuncParam{{Type: &btf.Pointer{Target: &btf.Void{}}}, {Type: number}}}
	builder, err := btf.NewBuilder([]btf.Type{&btf.Typedef{Name: "btf_trace_event", Type: &btf.Pointer{Target: proto}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := builder.Spec()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := TracepointParameter(spec, "event", 0); err != nil || TypeName(got) != "int" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := TracepointParameter(spec, "event", 1); err == nil || err.Error() != "tracepoint event has no argument 1, only one (0: int)" {
		t.Error(err)
	}
}

func TestResult(t *testing.T) {
	spec := kernel(t)
	if result, err := Result(spec, "sk_alloc"); err != nil || TypeName(result) != "struct sock *" {
		t.Errorf("%v, %v", result, err)
	}
	if _, err := Result(spec, "fd_install"); err == nil || err.Error() != "function fd_install returns nothing" {
		t.Error(err)
	}
}

func TestStruct(t *testing.T) {
	spec := kernel(t)
	for _, name := range []string{"task_struct", "struct task_struct", "struct task_struct *", "kernel_cap_t", "union bpf_attr"} {
		if found, err := Struct(spec, name); err != nil || !composite(found) {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
	if _, err := Struct(spec, "task_strcut"); !errors.Is(err, btf.ErrNotFound) || !strings.Contains(err.Error(), "did you mean task_struct?") {
		t.Error(err)
	}
	// A number is no struct.
	if _, err := Struct(spec, "pid_t"); !errors.Is(err, btf.ErrNotFound) {
		t.Error(err)
	}
	twice, err := btf.NewBuilder([]btf.Type{
		&btf.Struct{Name: "s", Size: 4}, &btf.Struct{Name: "s", Size: 8},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	two, err := twice.Spec()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Struct(two, "s"); !errors.Is(err, btf.ErrMultipleMatches) {
		t.Error(err)
	}
}

func TestKernel(t *testing.T) {
	k := NewKernel()
	if _, module, err := k.OfFunction("security_file_open"); err != nil || module != "" {
		t.Errorf("%q, %v", module, err)
	}
	if _, _, err := k.OfFunction("no_such_function"); !errors.Is(err, btf.ErrNotFound) {
		t.Error(err)
	}
	spec, err := k.Spec()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "vmlinux"} {
		if module, err := k.Module(name); err != nil || module != spec {
			t.Errorf("module %q: %p, %v", name, module, err)
		}
	}
	for _, name := range []string{"no_such_module", "../../../etc/passwd", "a/b"} {
		if _, err := k.Module(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("module %q: %v", name, err)
		}
	}
}
