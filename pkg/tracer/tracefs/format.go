// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"fmt"
	"strconv"
	"strings"
)

// Format is the layout of a tracepoint's record.
type Format struct {
	Subsystem, Event string
	// ID is what perf_event_open takes; 0 if the format is from the kernel's type information, which does not have it.
	ID int
	// Fields in the order of the record, those that all tracepoints have first: policies count them too.
	Fields []Field
}

// Place is where a field's value lies.
type Place uint8

// The places.
const (
	// Inline: in the record, at the field's offset.
	Inline Place = iota
	// DataLoc: the record has a u32 there; its low 16 bits are the value's distance from the record's start in bytes, its
	// high 16 bits the length.
	DataLoc
	// RelLoc is the same with the distance from the end of that u32.
	RelLoc
)

// common is where the fields begin that are a tracepoint's own. The kernel puts a pointer of its own over the ones before
// when it calls a BPF program (perf_trace_*, include/trace/perf.h), so BPF cannot read them.
const common = 8

// Field of a record.
type Field struct {
	Name string
	// Type in C's words, without the name: int, const char *, char[16], __data_loc char[].
	Type string
	// Offset and Size in bytes. The argument of a system call has the size of its type, although 8 bytes are stored.
	Offset, Size uint32
	Signed       bool
	Place        Place
	Pointer      bool
	// Array: the field has elements; of type Element, and as many as the Size is for, unless it lies elsewhere than Inline.
	Array   bool
	Element string
}

// Common says whether it is one of the fields that all tracepoints have, which BPF programs cannot read.
func (f Field) Common() bool { return f.Offset < common }

// Field finds a field by its place; the error lists what there is.
func (f *Format) Field(index int) (Field, error) {
	if index >= 0 && index < len(f.Fields) {
		return f.Fields[index], nil
	}
	var list []string
	for i, field := range f.Fields {
		if !field.Common() {
			list = append(list, fmt.Sprintf("%d: %s %s", i, field.Type, field.Name))
		}
	}
	return Field{}, fmt.Errorf("tracepoint %s/%s has no field %d; want one of %s", f.Subsystem, f.Event, index, strings.Join(list, ", "))
}

// parse reads a format file, of which a line such as
//
//	field:__data_loc char[] filename;	offset:8;	size:4;	signed:0;
//
// describes a field.
func parse(subsystem, event, text string) (*Format, error) {
	f := &Format{Subsystem: subsystem, Event: event}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if id, ok := strings.CutPrefix(line, "ID:"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(id))
			if err != nil || n <= 0 {
				return nil, fmt.Errorf("%q is no number of a tracepoint", line)
			}
			f.ID = n
		}
		if strings.HasPrefix(line, "field:") {
			field, err := parseField(line)
			if err != nil {
				return nil, err
			}
			f.Fields = append(f.Fields, field)
		}
		if strings.HasPrefix(line, "print fmt:") {
			break
		}
	}
	if f.ID == 0 || len(f.Fields) == 0 {
		return nil, fmt.Errorf("no format of a tracepoint: its number or its fields are missing")
	}
	return f, nil
}

func parseField(line string) (f Field, err error) {
	values := map[string]uint64{}
	for part := range strings.SplitSeq(line, ";") {
		key, value, found := strings.Cut(strings.TrimSpace(part), ":")
		switch {
		case key == "field":
			f = declared(value)
		case found:
			if values[key], err = strconv.ParseUint(value, 10, 31); err != nil {
				return f, fmt.Errorf("%q: %w", line, err)
			}
		}
	}
	for _, key := range []string{"offset", "size", "signed"} {
		if _, ok := values[key]; !ok || f.Name == "" || f.Type == "" {
			return f, fmt.Errorf("%q is no field with a type, a name, an offset, a size and a sign", line)
		}
	}
	f.Offset, f.Size, f.Signed = uint32(values["offset"]), uint32(values["size"]), values["signed"] != 0
	return f, nil
}

// declared reads a declaration as in a struct: the name is the last word, a length may follow.
func declared(text string) (f Field) {
	text = strings.TrimSpace(text)
	length := ""
	if i := strings.LastIndexByte(text, '['); i > 0 && strings.HasSuffix(text, "]") {
		text, length = text[:i], text[i:]
	}
	i := strings.LastIndexAny(text, " *") + 1
	f.Name, f.Type = text[i:], strings.TrimSpace(text[:i])
	for place, word := range map[Place]string{DataLoc: "__data_loc ", RelLoc: "__rel_loc "} {
		if rest, ok := strings.CutPrefix(f.Type, word); ok {
			f.Place, f.Array, f.Element = place, true, strings.TrimSuffix(rest, "[]")
			return f
		}
	}
	if length != "" {
		f.Array, f.Element = true, f.Type
	}
	f.Pointer = !f.Array && strings.ContainsRune(f.Type, '*')
	f.Type += length
	return f
}
