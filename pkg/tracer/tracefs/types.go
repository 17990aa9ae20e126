// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

// Names under which type information has what makes up a record.
const (
	// recordPrefix of a record's struct. It has the name of the event, or of the class of events that share it.
	recordPrefix = "trace_event_raw_"
	// tracepointPrefix of the typedef of every tracepoint.
	tracepointPrefix = "btf_trace_"
	// Prefixes of members that lie elsewhere.
	dataLocPrefix = "__data_loc_"
	relLocPrefix  = "__rel_loc_"
)

// FromTypes makes up a tracepoint's format from the type information: its ID is missing, the number of a field is the same.
// An event that shares its record with others (DEFINE_EVENT) has none under its name there: an error says so. The error wraps
// fs.ErrNotExist if the kernel has no such event.
func FromTypes(types *btf.Spec, subsystem, event string) (*Format, error) {
	what := "tracepoint " + subsystem + "/" + event
	var record *btf.Struct
	if err := types.TypeByName(recordPrefix+event, &record); err != nil {
		var declared *btf.Typedef
		if errors.Is(types.TypeByName(tracepointPrefix+event, &declared), btf.ErrNotFound) {
			return nil, fmt.Errorf("%s: %w on this kernel", what, fs.ErrNotExist)
		}
		return nil, fmt.Errorf("%s: which record it has, the kernel's type information does not tell: %w", what, err)
	}
	f := &Format{Subsystem: subsystem, Event: event}
	for _, m := range record.Members {
		switch {
		case m.Name == "ent":
			f.Fields = append(f.Fields, entry(m)...)
		case m.Name != "__data":
			f.Fields = append(f.Fields, member(m))
		}
	}
	return f, nil
}

// entry is what all records begin with: struct trace_entry.
func entry(m btf.Member) (fields []Field) {
	inner, _ := btf.As[*btf.Struct](m.Type)
	if inner == nil {
		return nil
	}
	for _, m := range inner.Members {
		field := member(m)
		field.Name = "common_" + field.Name
		fields = append(fields, field)
	}
	return fields
}

func member(m btf.Member) Field {
	f := Field{Name: m.Name, Type: layout.TypeName(m.Type), Offset: m.Offset.Bytes()}
	if size, err := btf.Sizeof(m.Type); err == nil {
		f.Size = uint32(size)
	}
	for place, prefix := range map[Place]string{DataLoc: dataLocPrefix, RelLoc: relLocPrefix} {
		if name, ok := strings.CutPrefix(m.Name, prefix); ok {
			// Of what it is an array is not told; nearly all are text.
			f.Name, f.Type, f.Place, f.Array, f.Element = name, strings.Trim(prefix, "_")+" char[]", place, true, "char"
			f.Type = "__" + f.Type
			return f
		}
	}
	switch t := btf.UnderlyingType(m.Type).(type) {
	case *btf.Array:
		f.Array, f.Element = true, layout.TypeName(t.Type)
		f.Type = strings.ReplaceAll(f.Type, " [", "[")
	case *btf.Pointer:
		f.Pointer = true
	default:
		f.Signed = signed(t)
	}
	return f
}

func signed(t btf.Type) bool {
	number, err := layout.TypeFor(t)
	return err == nil && number.Class == policy.ClassNumber && number.Signed
}

// sizeOf a number's type in C's words.
func sizeOf(types *btf.Spec, text string) (size uint32, sign, ok bool) {
	words := strings.Fields(text)
	for len(words) > 1 && (words[0] == "const" || words[0] == "volatile" || words[0] == "enum") {
		words = words[1:]
	}
	name := strings.Join(words, " ")
	if spelled, ok := spellings[name]; ok {
		name = spelled
	}
	all, err := types.AnyTypesByName(name)
	if err != nil {
		return 0, false, false
	}
	for _, t := range all {
		t = btf.UnderlyingType(t)
		switch t.(type) {
		case *btf.Int, *btf.Enum:
			n, err := btf.Sizeof(t)
			return uint32(n), signed(t), err == nil
		}
	}
	return 0, false, false
}

// spellings of C's types in the kernel's source, and as compilers name them.
var spellings = map[string]string{
	"unsigned":           "unsigned int",
	"short":              "short int",
	"unsigned short":     "short unsigned int",
	"long":               "long int",
	"unsigned long":      "long unsigned int",
	"long long":          "long long int",
	"unsigned long long": "long long unsigned int",
	"bool":               "_Bool",
}
