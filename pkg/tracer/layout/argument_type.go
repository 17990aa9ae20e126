// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"fmt"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// objects are the policy's types by the kernel's name of what they show: a struct or union of that name, or a typedef of one,
// by address or behind a pointer. Where a kernel passes it as a value, its address is what a Walk leads to.
var objects = map[string]string{
	"bpf_attr":                  "bpf_attr",
	"bpf_map":                   "bpf_map",
	"bpf_prog":                  "bpf_prog",
	"cred":                      "cred",
	"dentry":                    "dentry",
	"file":                      "file",
	"filename":                  "filename",
	"iov_iter":                  "iov_iter",
	"kernel_cap_struct":         "kernel_cap_t",
	"kernel_cap_t":              "kernel_cap_t",
	"kiocb":                     "kiocb",
	"linux_binprm":              "linux_binprm",
	"load_info":                 "load_info",
	"module":                    "module",
	"net_device":                "net_device",
	"path":                      "path",
	"perf_event":                "perf_event",
	"sk_buff":                   "skb",
	"sock":                      "sock",
	"sockaddr":                  "sockaddr",
	"sockaddr_storage":          "sockaddr",
	"__kernel_sockaddr_storage": "sockaddr",
	"sockaddr_unsized":          "sockaddr",
	"sockaddr_un":               "sockaddr_un",
	"socket":                    "socket",
	"user_namespace":            "user_namespace",
}

// numbers are the policy's types of numbers that the kernel has a name for.
var numbers = map[string]string{
	"bpf_cmd": "bpf_cmd",
	"size_t":  "size_t",
}

// TypeFor is the policy's type for a value of the kernel's: what type auto stands for. A pointer to what no type shows is an
// address, uint64. A struct, a union or an array that no type shows is an error, which says what to do.
func TypeFor(t btf.Type) (*policy.ArgumentType, error) {
	if name := objectName(t); name != "" {
		return lookup(name)
	}
	if name := nameIn(numbers, t); name != "" {
		return lookup(name)
	}
	plain := btf.UnderlyingType(t)
	switch plain := plain.(type) {
	case *btf.Int:
		return number(t, plain.Size, signed(plain))
	case *btf.Enum:
		return number(t, plain.Size, plain.Signed)
	case *btf.Pointer:
		if name := objectName(plain.Target); name != "" {
			return lookup(name)
		}
		if character(plain.Target) {
			return lookup("string")
		}
		return lookup("uint64")
	case *btf.Array:
		if character(plain.Type) {
			return lookup("string")
		}
		return nil, fmt.Errorf("no type shows %s: want a resolve that ends with an element [n]", TypeName(t))
	case *btf.Struct, *btf.Union:
		if inner := onlyNumber(plain); inner != nil {
			return TypeFor(inner)
		}
		return nil, fmt.Errorf("no type shows %s: want a resolve that ends with one of its members", TypeName(t))
	}
	return nil, fmt.Errorf("no type shows %s", TypeName(t))
}

// lookup trusts the tables of this file: a test looks up all of them.
func lookup(name string) (*policy.ArgumentType, error) {
	if t := policy.LookupArgumentType(name); t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("the policy language has no type %s", name)
}

func number(t btf.Type, size uint32, signed bool) (*policy.ArgumentType, error) {
	if size != 1 && size != 2 && size != 4 && size != 8 {
		return nil, fmt.Errorf("no type shows %s: it has %d bytes", TypeName(t), size)
	}
	name := fmt.Sprintf("uint%d", size*8)
	if signed {
		name = name[1:]
	}
	return lookup(name)
}

// objectName is the policy's type for a struct or union, empty if none shows it.
func objectName(t btf.Type) string {
	if plain := btf.UnderlyingType(t); !composite(plain) && !incomplete(plain) {
		return ""
	}
	return nameIn(objects, t)
}

// nameIn looks the names of a type up, those of its typedefs first.
func nameIn(table map[string]string, t btf.Type) string {
	for range deepest {
		if name := t.TypeName(); name != "" {
			if found := table[name]; found != "" {
				return found
			}
		}
		switch next := t.(type) {
		case *btf.Typedef:
			t = next.Type
		case *btf.Const:
			t = next.Type
		case *btf.Volatile:
			t = next.Type
		case *btf.Restrict:
			t = next.Type
		case *btf.TypeTag:
			t = next.Type
		default:
			return ""
		}
	}
	return ""
}

// character says whether the type is char: signed char and unsigned char are small numbers.
func character(t btf.Type) bool {
	i, ok := btf.UnderlyingType(t).(*btf.Int)
	return ok && i.Size == 1 && i.Name == "char"
}

// onlyNumber is the number that is all there is in a struct without a type of its own, as kuid_t and atomic_t are: such a
// struct lies in memory and is passed as the number. Nil for others.
func onlyNumber(t btf.Type) btf.Type {
	if objectName(t) != "" {
		return nil
	}
	t = btf.UnderlyingType(t)
	for range deepest {
		inner := members(t)
		if len(inner) != 1 || inner[0].BitfieldSize > 0 {
			return nil
		}
		switch t = btf.UnderlyingType(inner[0].Type); t.(type) {
		case *btf.Int, *btf.Enum:
			return t
		}
	}
	return nil
}
