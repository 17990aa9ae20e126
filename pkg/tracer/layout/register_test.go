// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"runtime"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

func registers(t *testing.T, architecture string) *Registers {
	t.Helper()
	r, err := RegistersOf(architecture)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRegistersOfThisKernel compares the table with the running kernel.
func TestRegistersOfThisKernel(t *testing.T) {
	r := registers(t, runtime.GOARCH)
	spec := kernel(t)
	if err := r.Check(spec); err != nil {
		t.Error(err)
	}
	if len(r.fields) < 19 {
		t.Errorf("%d registers are compared", len(r.fields))
	}
	// Every 8 bytes of the table are some field's.
	for _, register := range r.all {
		compared := false
		for name := range r.fields {
			whole, _ := r.Lookup(name)
			compared = compared || whole.Offset <= register.Offset && register.Offset+register.Size <= whole.Offset+whole.Size
		}
		if !compared {
			t.Errorf("%+v was not compared", register)
		}
	}
}

// TestCheckFails on a struct pt_regs that is another.
func TestCheckFails(t *testing.T) {
	word := &btf.Int{Name: "unsigned long", Size: 8}
	builder, err := btf.NewBuilder([]btf.Type{&btf.Struct{Name: "pt_regs", Size: 24, Members: []btf.Member{
		{Name: "r15", Type: word}, {Name: "r13", Type: word, Offset: 64}, {Name: "r14", Type: word, Offset: 128}}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := builder.Spec()
	if err != nil {
		t.Fatal(err)
	}
	err = registers(t, "amd64").Check(spec)
	for _, want := range []string{"register r13: the kernel has 8 bytes at 8, not 8 at 16", "register r14", "resolve bp: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	if strings.Contains(err.Error(), "register r15") {
		t.Error(err)
	}
}

// TestArm64 compares with struct user_pt_regs as arch/arm64/include/uapi/asm/ptrace.h has it: regs[31], sp, pc, pstate.
func TestArm64(t *testing.T) {
	word := &btf.Int{Name: "unsigned long long", Size: 8}
	user := []btf.Member{
		{Name: "regs", Type: &btf.Array{Index: word, Type: word, Nelems: 31}}, {Name: "sp", Type: word, Offset: 248 * 8},
		{Name: "pc", Type: word, Offset: 256 * 8}, {Name: "pstate", Type: word, Offset: 264 * 8}}
	builder, err := btf.NewBuilder([]btf.Type{&btf.Struct{Name: "pt_regs", Size: 280, Members: []btf.Member{
		{Type: &btf.Union{Size: 272, Members: []btf.Member{
			{Name: "user_regs", Type: &btf.Struct{Name: "user_pt_regs", Size: 272, Members: user}},
			{Type: &btf.Struct{Size: 272, Members: user}}}}},
		{Name: "orig_x0", Type: word, Offset: 272 * 8}}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := builder.Spec()
	if err != nil {
		t.Fatal(err)
	}
	if err := registers(t, "arm64").Check(spec); err != nil {
		t.Error(err)
	}
}

// TestEveryRegisterOfPolicies: what a policy may name can be read.
func TestEveryRegisterOfPolicies(t *testing.T) {
	names := map[string]string{
		"amd64": "rax rbx rcx rdx rsi rdi rbp rsp eax ebx ecx edx esi edi ebp esp ax bx cx dx si di bp al bl cl dl ah dh sil dil bpl spl " +
			"rip eip ip eflags r8 r9d r10w r11b r12 r13d r14w r15b",
		"arm64": "sp pc pstate x0 x7 x29 x30",
	}
	for architecture, list := range names {
		r := registers(t, architecture)
		for name := range strings.FieldsSeq(list) {
			if register, err := r.Named(policy.Register{Name: name, Architecture: architecture}); err != nil || register.Name != name {
				t.Errorf("%v, %v", register, err)
			}
		}
	}
	if _, err := registers(t, "arm64").Named(policy.Register{Name: "rax", Architecture: "amd64"}); err == nil {
		t.Error("amd64's rax on arm64")
	}
	if _, err := registers(t, "arm64").Named(policy.Register{Name: "x31", Architecture: "arm64"}); err == nil {
		t.Error("x31")
	}
	if _, err := RegistersOf("riscv64"); err == nil {
		t.Error("riscv64")
	}
}

func TestArgumentsInRegisters(t *testing.T) {
	for _, test := range []struct {
		architecture    string
		function, calls string
		result          string
	}{
		{"amd64", "rdi rsi rdx rcx r8 r9", "rdi rsi rdx r10 r8 r9", "rax"},
		{"arm64", "x0 x1 x2 x3 x4 x5 x6 x7", "orig_x0 x1 x2 x3 x4 x5", "x0"},
	} {
		r := registers(t, test.architecture)
		for want, argument := range map[string]func(int) (Register, error){test.function: r.Argument, test.calls: r.SyscallArgument} {
			var got []string
			for i := 0; ; i++ {
				register, err := argument(i)
				if err != nil {
					break
				}
				if register.Size != 8 {
					t.Errorf("%+v", register)
				}
				got = append(got, register.Name)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%v, want %s", got, want)
			}
		}
		if r.Result().Name != test.result {
			t.Error(r.Result())
		}
		if _, err := r.Argument(-1); err == nil {
			t.Error("argument -1")
		}
	}
	low, _ := registers(t, "amd64").Lookup("%R10B")
	if low != (Register{"r10b", 56, 1}) {
		t.Error(low)
	}
}
