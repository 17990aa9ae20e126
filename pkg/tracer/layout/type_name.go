// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"fmt"
	"strings"

	"github.com/cilium/ebpf/btf"
)

// TypeName spells a type as C does: struct file *, const char *, unsigned int [4].
func TypeName(t btf.Type) string { return typeName(t, 0) }

func typeName(t btf.Type, depth int) string {
	if depth > deepest {
		return "…"
	}
	depth++
	switch t := t.(type) {
	case nil, *btf.Void:
		return "void"
	case *btf.Pointer:
		target := typeName(t.Target, depth)
		if strings.HasSuffix(target, "*") {
			return target + "*"
		}
		return target + " *"
	case *btf.Array:
		if t.Nelems == 0 {
			return typeName(t.Type, depth) + " []"
		}
		return fmt.Sprintf("%s [%d]", typeName(t.Type, depth), t.Nelems)
	case *btf.Const:
		if _, pointer := t.Type.(*btf.Pointer); pointer {
			return typeName(t.Type, depth) + "const"
		}
		return "const " + typeName(t.Type, depth)
	case *btf.Volatile:
		return "volatile " + typeName(t.Type, depth)
	case *btf.Restrict:
		return typeName(t.Type, depth)
	case *btf.TypeTag:
		return typeName(t.Type, depth)
	case *btf.FuncProto:
		return "function"
	case *btf.Struct:
		return named("struct", t.Name)
	case *btf.Union:
		return named("union", t.Name)
	case *btf.Enum:
		return named("enum", t.Name)
	case *btf.Fwd:
		return named(t.Kind.String(), t.Name)
	}
	return t.TypeName()
}

func named(kind, name string) string {
	if name == "" {
		return "an unnamed " + kind
	}
	return kind + " " + name
}
