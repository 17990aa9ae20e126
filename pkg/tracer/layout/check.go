// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"fmt"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// shown are the types that show an object as another one does: what is read is the same.
var shown = map[string]string{
	"cap_inheritable": "kernel_cap_t", "cap_permitted": "kernel_cap_t", "cap_effective": "kernel_cap_t", "sockaddr_un": "sockaddr",
}

// Check refuses a type of the policy's that would show something else than the kernel's value is: a file where the kernel has
// a dentry. Where the kernel's type says nothing (an address, a struct that no type shows) every type fits.
func Check(t btf.Type, want *policy.ArgumentType) error {
	if want.Class == policy.ClassAuto || want.Name == "nop" {
		return nil
	}
	have := objectName(t)
	plain := btf.UnderlyingType(t)
	if pointer, ok := plain.(*btf.Pointer); ok && have == "" {
		have = objectName(pointer.Target)
	}
	if number, isNumber := plain.(*btf.Int); isNumber && pointed(want) && number.Size < 8 {
		return fmt.Errorf("the kernel has %s there, type %s wants a pointer", TypeName(t), want)
	}
	if have == "" || !pointed(want) {
		return nil
	}
	// An object is no text, though its bytes could be read as one.
	if other := objectTypes[canonical(want.Name)] || want.Name == "string"; other && canonical(want.Name) != canonical(have) {
		return fmt.Errorf("the kernel has %s there: that is type %s, not %s", TypeName(t), have, want)
	}
	return nil
}

// canonical is the type that reads what another shows.
func canonical(name string) string {
	if as, ok := shown[name]; ok {
		return as
	}
	return name
}

// objectTypes are the policy's types of objects of the kernel.
var objectTypes = func() map[string]bool {
	all := map[string]bool{}
	for _, name := range objects {
		all[canonical(name)] = true
	}
	return all
}()

// pointed says whether values of a type are behind pointers.
func pointed(t *policy.ArgumentType) bool {
	const values = policy.ClassNumber | policy.ClassCapability | policy.ClassSyscall
	return t.Class&values == 0 && t.Name != "fd"
}

// PointsTo says whether a type is a pointer to the struct of a name.
func PointsTo(t btf.Type, name string) bool {
	pointer, ok := btf.UnderlyingType(t).(*btf.Pointer)
	return ok && isStruct(pointer.Target, name)
}

func isStruct(t btf.Type, name string) bool {
	s, ok := btf.UnderlyingType(t).(*btf.Struct)
	return ok && s.Name == name
}

// Loadable says whether a tracing program may load an argument of a type from its context by an instruction: numbers and
// pointers to structs. Other pointers the verifier refuses on some kernels (btf_ctx_access in kernel/bpf/btf.c).
func Loadable(t btf.Type) bool {
	switch t := btf.UnderlyingType(t).(type) {
	case *btf.Int, *btf.Enum:
		return true
	case *btf.Pointer:
		return composite(btf.UnderlyingType(t.Target))
	}
	return false
}
