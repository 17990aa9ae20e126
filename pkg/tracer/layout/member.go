// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// deepest nesting of anonymous structs that is searched, so that type information that a hostile file brings ends. The
// kernel's own stays below 5.
const deepest = 16

// field of a struct; offset and bits in bits, bits only of a bitfield.
type field struct {
	declared btf.Type
	offset   btf.Bits
	bits     btf.Bits
}

func members(t btf.Type) []btf.Member {
	switch t := t.(type) {
	case *btf.Struct:
		return t.Members
	case *btf.Union:
		return t.Members
	}
	return nil
}

func composite(t btf.Type) bool {
	switch t.(type) {
	case *btf.Struct, *btf.Union:
		return true
	}
	return false
}

// incomplete: a struct or union of which only the name is known.
func incomplete(t btf.Type) bool {
	_, ok := t.(*btf.Fwd)
	return ok
}

// find looks for a member of a struct or union, and in its anonymous structs and unions.
func find(t btf.Type, name string) (found field, ok bool) {
	each(t, 0, 0, func(m btf.Member, offset btf.Bits) bool {
		if m.Name == name {
			found, ok = field{m.Type, offset, m.BitfieldSize}, true
		}
		return !ok
	})
	return found, ok
}

func memberNames(t btf.Type) (names []string) {
	each(t, 0, 0, func(m btf.Member, _ btf.Bits) bool {
		names = append(names, m.Name)
		return true
	})
	return names
}

// each calls visit with every named member and its distance from t's start, until visit returns false.
func each(t btf.Type, base btf.Bits, depth int, visit func(btf.Member, btf.Bits) bool) bool {
	for _, m := range members(btf.UnderlyingType(t)) {
		switch {
		case m.Name != "":
			if !visit(m, base+m.Offset) {
				return false
			}
		case depth < deepest:
			if !each(m.Type, base+m.Offset, depth+1, visit) {
				return false
			}
		}
	}
	return true
}

// Struct finds a struct or union, or the typedef of one, by its name: the type from which an argument's btfType lets resolve
// start. A leading struct or union and a trailing * are allowed.
//
// Type information without it gives an error that wraps btf.ErrNotFound, one with several different ones of that name an
// error that wraps btf.ErrMultipleMatches.
func Struct(spec *btf.Spec, name string) (btf.Type, error) {
	name = strings.TrimSpace(strings.TrimRight(strings.TrimSpace(name), "* "))
	plain := strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(name, "struct "), "union "))
	named, err := spec.AnyTypesByName(plain)
	if err != nil && !errors.Is(err, btf.ErrNotFound) {
		return nil, fmt.Errorf("type %s: %w", plain, err)
	}
	var found []btf.Type
	for _, t := range named {
		if t = btf.UnderlyingType(t); composite(t) {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("struct %s: %w%s", plain, btf.ErrNotFound, policy.DidYouMean(plain, structNames(spec)))
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("struct %s: %w: %d different structs have this name", plain, btf.ErrMultipleMatches, len(found))
}

// structNames are all of the type information: tens of thousands for a kernel.
func structNames(spec *btf.Spec) (names []string) {
	for t, err := range spec.All() {
		if err != nil {
			return nil
		}
		if composite(t) && t.TypeName() != "" {
			names = append(names, t.TypeName())
		}
	}
	return names
}

// perCPU says whether a pointer to target is one of per-CPU data, which kernels built with a compiler that keeps the
// annotation tell.
func perCPU(target btf.Type) bool {
	for range deepest {
		switch t := target.(type) {
		case *btf.TypeTag:
			if t.Value == "percpu" {
				return true
			}
			target = t.Type
		case *btf.Const:
			target = t.Type
		case *btf.Volatile:
			target = t.Type
		case *btf.Restrict:
			target = t.Type
		default:
			return false
		}
	}
	return false
}

// signed says whether a type without typedefs is a number with a sign.
func signed(t btf.Type) bool {
	switch t := t.(type) {
	case *btf.Int:
		// Compilers combine the encodings: signed char is Signed and Char.
		return t.Encoding&btf.Signed != 0
	case *btf.Enum:
		return t.Signed
	}
	return false
}
