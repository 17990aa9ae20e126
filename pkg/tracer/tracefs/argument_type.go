// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// ArgumentType is what type auto stands for: numbers by size and sign, text for char, bytes for other arrays, an address for
// other pointers.
func (f Field) ArgumentType() (*policy.ArgumentType, error) {
	if f.Common() {
		return nil, f.unreadable()
	}
	name := ""
	switch {
	case f.Place != Inline && f.text():
		name = "data_loc"
	case f.Array && f.text(), f.Pointer && f.text():
		name = "string"
	case f.Array:
		name = "const_buf"
	case f.Pointer:
		name = "uint64"
	case f.number() && f.Signed:
		name = fmt.Sprintf("int%d", f.Size*8)
	case f.number():
		name = fmt.Sprintf("uint%d", f.Size*8)
	}
	if t := policy.LookupArgumentType(name); t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("field %s: no type shows %s of %d bytes", f.Name, f.Type, f.Size)
}

func (f Field) unreadable() error {
	return fmt.Errorf("field %s: BPF programs cannot read what all tracepoints have in common; the event has the process and the time", f.Name)
}

// text says whether it is char, what it points to is, or its elements are.
func (f Field) text() bool {
	of := f.Type
	if f.Array {
		of = f.Element
	}
	words := strings.FieldsFunc(of, func(r rune) bool { return r == ' ' || r == '*' })
	for len(words) > 1 && words[0] == "const" {
		words = words[1:]
	}
	return len(words) >= 1 && words[0] == "char" && strings.Count(of, "*") <= 1
}

// number says whether it is one, or an address.
func (f Field) number() bool {
	return !f.Array && (f.Size == 1 || f.Size == 2 || f.Size == 4 || f.Size == 8)
}

// shapes are what fields must be for a type. A type without a row has its class's.
var shapes = map[string]struct {
	fits func(Field) bool
	want string
}{
	"data_loc":   {func(f Field) bool { return f.Place != Inline }, "a __data_loc"},
	"char_iovec": {Field.address, "a pointer"},
	"fd":         {func(f Field) bool { return f.number() && f.Size >= 4 }, "a number of 4 or 8 bytes"},
	"syscall64":  {func(f Field) bool { return f.number() && f.Size >= 4 }, "a number of 4 or 8 bytes"},
	"filename":   {Field.address, "a pointer"},
	"net_device": {Field.address, "a pointer"},
	"nop":        {func(Field) bool { return true }, ""},
}

// classShapes are those of classes: kernel objects are behind pointers.
var classShapes = map[policy.Class]struct {
	fits func(Field) bool
	want string
}{
	policy.ClassNumber:     {Field.number, "a number"},
	policy.ClassCapability: {Field.number, "a number"},
	policy.ClassText:       {func(f Field) bool { return f.address() || f.Array }, "a pointer or an array"},
	policy.ClassBytes:      {func(f Field) bool { return f.address() || f.Array }, "a pointer or an array"},
}

// address says whether it can be one: some tracepoints have addresses as numbers.
func (f Field) address() bool { return f.Pointer || f.number() && f.Size == 8 }

// length finds how many elements the type of an array has.
var length = regexp.MustCompile(`\[(\d+)\]$`)

// first says whether a type is that of the words of an array: the first is read, as of the arguments of raw_syscalls/sys_enter.
func (f Field) first(t *policy.ArgumentType) bool {
	match := length.FindStringSubmatch(f.Type)
	if !f.Array || match == nil || t.Class != policy.ClassNumber {
		return false
	}
	count, err := strconv.Atoi(match[1])
	return err == nil && count > 0 && int(f.Size) == 8*count && t.Bits == 64
}

// Check refuses a type of the policy's that cannot be read from the field. A number may be wider or narrower than the field.
func (f Field) Check(t *policy.ArgumentType) error {
	if f.Common() && t.Name != "nop" {
		return f.unreadable()
	}
	if t.Class == policy.ClassAuto {
		_, err := f.ArgumentType()
		return err
	}
	shape, ok := shapes[t.Name]
	if !ok {
		shape, ok = classShapes[t.Class]
	}
	if !ok {
		shape.fits, shape.want = Field.address, "a pointer"
	}
	if !shape.fits(f) && !f.first(t) {
		return fmt.Errorf("field %s is %s of %d bytes, type %s wants %s", f.Name, f.Type, f.Size, t, shape.want)
	}
	return nil
}
