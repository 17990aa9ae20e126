// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"testing"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// TestTablesNameTypes: what the tables say exists in the policy language.
func TestTablesNameTypes(t *testing.T) {
	for _, table := range []map[string]string{objects, numbers} {
		for kernel, name := range table {
			if got := policy.LookupArgumentType(name); got == nil || got.Name != name {
				t.Errorf("%s: the policy language has no type %s", kernel, name)
			}
		}
	}
}

func TestTypeFor(t *testing.T) {
	number := &btf.Int{Name: "long int", Size: 8, Encoding: btf.Signed}
	file := &btf.Struct{Name: "file", Size: 64}
	capabilities := &btf.Typedef{Name: "kernel_cap_t", Type: &btf.Struct{Size: 8, Members: []btf.Member{{Name: "val", Type: number}}}}
	for _, test := range []struct {
		t    btf.Type
		want string
	}{
		{number, "int64"},
		{&btf.Typedef{Name: "size_t", Type: number}, "size_t"},
		{&btf.Const{Type: &btf.Typedef{Name: "my_size", Type: &btf.Typedef{Name: "size_t", Type: number}}}, "size_t"},
		{&btf.Enum{Name: "e", Size: 4, Signed: true}, "int32"},
		{&btf.Enum{Name: "e", Size: 8}, "uint64"},
		{&btf.Enum{Name: "bpf_cmd", Size: 4}, "bpf_cmd"},
		{&btf.Int{Name: "_Bool", Size: 1, Encoding: btf.Bool}, "uint8"},
		{&btf.Pointer{Target: &btf.Void{}}, "uint64"},
		{&btf.Pointer{Target: file}, "file"},
		{&btf.Pointer{Target: &btf.Const{Type: &btf.TypeTag{Value: "rcu", Type: file}}}, "file"},
		{&btf.Pointer{Target: &btf.Fwd{Name: "sk_buff"}}, "skb"},
		{file, "file"},
		{&btf.Pointer{Target: &btf.Pointer{Target: file}}, "uint64"},
		// A number that is called as an object is.
		{&btf.Pointer{Target: &btf.Typedef{Name: "file", Type: number}}, "uint64"},
		{capabilities, "kernel_cap_t"},
		{&btf.Typedef{Name: "kuid_t", Type: &btf.Struct{Size: 8, Members: []btf.Member{{Name: "val", Type: number}}}}, "int64"},
		{&btf.Array{Type: &btf.Int{Name: "char", Size: 1}, Nelems: 16}, "string"},
		{&btf.Array{Type: &btf.Int{Name: "unsigned char", Size: 1}, Nelems: 16}, ""},
		{&btf.Array{Type: number, Nelems: 16}, ""},
		{&btf.Struct{Name: "page", Size: 64}, ""},
		{&btf.Int{Name: "__int128", Size: 16}, ""},
		{&btf.Float{Name: "double", Size: 8}, ""},
		{&btf.Void{}, ""},
	} {
		got, err := TypeFor(test.t)
		if (err == nil) != (test.want != "") || err == nil && got.Name != test.want {
			t.Errorf("%s: %v, %v, want %q", TypeName(test.t), got, err, test.want)
		}
	}
}
