// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// MostDereferences is how many pointers on the way to a value are followed, the argument itself and the value not counted:
// Tetragon's limit. Walk.Offsets has at most one entry more.
const MostDereferences = 10

// Walk is the way from an argument p to a field:
//
//	address := p
//	for each of Offsets except the last: address = *(u64 *)(address + offset)
//	address += the last of Offsets
//
// Then the value is address itself if ByAddress is set, else the Size bytes at address.
type Walk struct {
	// Offsets in bytes, at least one; none if there were no steps: then the value is the argument.
	Offsets []uint32
	// Declared is the field's type as its struct declares it, Type the same without typedefs and qualifiers.
	Declared, Type btf.Type
	// Size of the field in bytes; of a bitfield of the 1, 2, 4 or 8 bytes that contain it; 0 for an array without a length.
	Size uint32
	// BitSize is the length of a bitfield in bits, 0 for other fields. The value is (read >> BitOffset) cut to BitSize bits,
	// on little-endian processors, which all that we know are.
	BitOffset, BitSize uint32
	// Signed: a number whose highest bit is its sign.
	Signed bool
	// ByAddress: the field is a struct, a union or an array and not a number or a pointer.
	ByAddress bool
}

// ArgumentType is what shows the field best: see TypeFor.
func (w Walk) ArgumentType() (*policy.ArgumentType, error) { return TypeFor(w.Declared) }

// Resolve follows steps from an argument of type root: a pointer, or a struct for an argument that is the address of one
// (the current task is). Members of anonymous structs and unions are found too, an element of a pointer is that of the array
// it points to; arrays of several dimensions are one of all elements, as type information has them. spec, which may be nil, is where structs that the argument's own type information only declares are looked up.
//
// An error names the steps up to the one that failed, the type in which it was looked up, and the nearest name there.
func Resolve(spec *btf.Spec, root btf.Type, steps []policy.Step) (Walk, error) {
	w := walker{spec: spec, declared: root, argument: true}
	for i, step := range steps {
		if err := w.follow(step); err != nil {
			return Walk{}, fmt.Errorf("resolve %s: %w", Spelled(steps[:i+1]), err)
		}
	}
	if len(steps) > 0 {
		w.offsets = append(w.offsets, uint32(w.offset))
	}
	walk, err := w.end()
	if err != nil {
		return Walk{}, fmt.Errorf("resolve %s: %w", Spelled(steps), err)
	}
	return walk, nil
}

// Spelled is how a policy spells steps: files[3].f_flags.
func Spelled(steps []policy.Step) string {
	var text strings.Builder
	for i, step := range steps {
		switch {
		case step.Field == "":
			text.WriteString("[" + strconv.Itoa(step.Element) + "]")
		case i > 0:
			text.WriteString("." + step.Field)
		default:
			text.WriteString(step.Field)
		}
	}
	return text.String()
}

// walker stands at a value of type declared, offset bytes after where the last pointer of offsets leads.
type walker struct {
	spec     *btf.Spec
	offsets  []uint32
	offset   uint64
	declared btf.Type
	// argument: no step was taken, so that a pointer needs no read.
	argument bool
	// bitfield is set at a bitfield only.
	bitfield *field
}

func (w *walker) follow(step policy.Step) error {
	if pointer, ok := btf.As[*btf.Pointer](w.declared); ok {
		if err := w.dereference(pointer, step); err != nil {
			return err
		}
	} else if step.Field == "" {
		array, ok := btf.As[*btf.Array](w.declared)
		if !ok {
			return fmt.Errorf("%s has no elements", TypeName(w.declared))
		}
		if array.Nelems > 0 && uint64(step.Element) >= uint64(array.Nelems) {
			return fmt.Errorf("%s ends with element %d", TypeName(w.declared), array.Nelems-1)
		}
		w.declared = array.Type
	}
	w.argument = false
	if step.Field == "" {
		return w.element(step.Element)
	}
	return w.member(step.Field)
}

// dereference goes to what the pointer points to.
func (w *walker) dereference(pointer *btf.Pointer, step policy.Step) error {
	if perCPU(pointer.Target) {
		return fmt.Errorf("%s points to a variable of which each CPU has its own: it cannot be followed", TypeName(w.declared))
	}
	if target := w.complete(pointer.Target); step.Field != "" && !composite(target) && !incomplete(target) {
		return fmt.Errorf("%s has no members", TypeName(w.declared))
	}
	if !w.argument {
		if len(w.offsets) == MostDereferences {
			return fmt.Errorf("more than %d pointers to follow", MostDereferences)
		}
		w.offsets, w.offset = append(w.offsets, uint32(w.offset)), 0
	}
	w.declared = pointer.Target
	return nil
}

// element is the n-th of values of the type at which the walker stands.
func (w *walker) element(n int) error {
	size, err := btf.Sizeof(w.complete(w.declared))
	if err != nil || size == 0 {
		return fmt.Errorf("the size of %s is unknown", TypeName(w.declared))
	}
	return w.advance(uint64(n) * uint64(size))
}

func (w *walker) member(name string) error {
	t := w.complete(w.declared)
	f, ok := find(t, name)
	if !ok {
		if incomplete(t) {
			return fmt.Errorf("%s is only declared here: its members are in the type information of the module that has it "+
				"(btfType and btfTypeModule)", TypeName(t))
		}
		if !composite(t) {
			return fmt.Errorf("%s has no members", TypeName(w.declared))
		}
		return fmt.Errorf("%s has no member %s%s", TypeName(w.declared), name, policy.DidYouMean(name, memberNames(t)))
	}
	w.declared = f.declared
	if f.bits > 0 {
		w.bitfield = &f
		return nil
	}
	if f.offset%8 != 0 {
		return fmt.Errorf("it does not start at a byte")
	}
	return w.advance(uint64(f.offset / 8))
}

func (w *walker) advance(bytes uint64) error {
	if w.offset += bytes; w.offset > math.MaxInt32 {
		return errors.New("it is further away than 2 GiB")
	}
	return nil
}

// complete is the type without typedefs and qualifiers; of one that is only declared, its definition if there is one.
func (w *walker) complete(t btf.Type) btf.Type { return complete(w.spec, t) }

func complete(spec *btf.Spec, t btf.Type) btf.Type {
	t = btf.UnderlyingType(t)
	fwd, ok := t.(*btf.Fwd)
	if !ok || spec == nil {
		return t
	}
	if defined, err := Struct(spec, fwd.Name); err == nil {
		return defined
	}
	return t
}

// end describes where the walker stands.
func (w *walker) end() (Walk, error) {
	walk := Walk{Offsets: slices.Clip(w.offsets), Declared: w.declared, Type: w.complete(w.declared)}
	size, err := btf.Sizeof(walk.Type)
	if err != nil || size < 0 || size > math.MaxInt32 {
		return Walk{}, fmt.Errorf("the size of %s is unknown", TypeName(w.declared))
	}
	walk.Size = uint32(size)
	if number := onlyNumber(walk.Declared); number != nil {
		walk.Type = number
	}
	walk.Signed = signed(walk.Type)
	if _, array := walk.Type.(*btf.Array); array || composite(walk.Type) {
		walk.ByAddress = true
	}
	if w.bitfield != nil {
		return walk, w.endInBits(&walk)
	}
	return walk, nil
}

// endInBits finds the aligned 1, 2, 4 or 8 bytes that contain a bitfield, starting with the size of its type, as the
// kernel's BPF_CORE_READ_BITFIELD does.
func (w *walker) endInBits(walk *Walk) error {
	offset, bits := uint64(w.bitfield.offset), uint64(w.bitfield.bits)
	for size := uint64(walk.Size); size > 0 && size <= 8; size *= 2 {
		start := offset / 8 / size * size
		if offset+bits > (start+size)*8 {
			continue
		}
		walk.Size, walk.BitOffset, walk.BitSize = uint32(size), uint32(offset-start*8), uint32(bits)
		if err := w.advance(start); err != nil {
			return err
		}
		walk.Offsets[len(walk.Offsets)-1] = uint32(w.offset)
		return nil
	}
	return fmt.Errorf("a bitfield that no 8 bytes contain")
}
