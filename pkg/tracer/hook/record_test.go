// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// bytesOf are a struct as the kernel side writes it, and what follows it.
func bytesOf[T any](v T, text ...string) []byte {
	return append(append([]byte{}, unsafe.Slice((*byte)(unsafe.Pointer(&v)), unsafe.Sizeof(v))...), strings.Join(text, "")...)
}

// encode is a record as the kernel side puts it together.
func encode(r Record) []byte {
	var arguments, stacks []byte
	for _, a := range r.Arguments {
		arguments = append(arguments, bytesOf(bpf.HookArgumentHeader{Place: a.Place, Kind: a.Kind, Flags: a.Flags, Detail: a.Detail, Length: uint32(len(a.Raw))}, string(a.Raw))...)
		for len(arguments)%8 != 0 {
			arguments = append(arguments, 0)
		}
	}
	for _, address := range append(append([]uint64{}, r.KernelStack...), r.UserStack...) {
		stacks = binary.NativeEndian.AppendUint64(stacks, address)
	}
	r.Header.Class = uint32(bpf.ProcessRecordClassCLASS_HOOK)
	r.ArgumentCount, r.ArgumentLength = uint32(len(r.Arguments)), uint32(len(arguments))
	r.KernelStackLength, r.UserStackLength = uint32(8*len(r.KernelStack)), uint32(8*len(r.UserStack))
	return append(bytesOf(r.HookHookRecord, string(arguments)), stacks...)
}

// sample is a record of what is usual: write(2).
func sample() Record {
	r := Record{
		Arguments: []Argument{
			{Place: 0, Kind: uint8(bpf.HookArgumentKindKIND_FD), Raw: bytesOf(bpf.HookFileValue{Inode: 7, Mode: 0o100644, Fd: 3}, "/var/log/app.log")},
			{Place: 1, Kind: uint8(bpf.HookArgumentKindKIND_BYTES), Raw: bytesOf(bpf.HookBytesValue{Size: 5}, "hello")},
			{Place: 2, Kind: uint8(bpf.HookArgumentKindKIND_NUMBER), Raw: bytesOf(uint64(5))},
		},
		KernelStack: []uint64{1, 2, 3}, UserStack: []uint64{4},
	}
	r.Header.Time, r.Entered, r.Header.Process.Tgid, r.Tid = 10, 10, 42, 43
	r.Function, r.Stage, r.Done, r.Selector = 1, StageEntry, 1, -1
	return r
}

func TestDecode(t *testing.T) {
	want := sample()
	raw := encode(want)
	var got Record
	for range 2 { // also into one that holds another record
		if err := got.Decode(raw); err != nil {
			t.Fatal(err)
		}
		got.HookHookRecord.Header.Class, got.ArgumentCount, got.ArgumentLength, got.KernelStackLength, got.UserStackLength = 0, 0, 0, 0, 0
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	}
	for cut := range raw {
		if err := got.Decode(raw[:cut]); !errors.Is(err, errMalformed) {
			t.Fatalf("%d of %d bytes: %v", cut, len(raw), err)
		}
	}
	if err := got.Decode(append(raw, 0, 0, 0, 0, 0, 0, 0)); err != nil {
		t.Errorf("with the padding of the ring: %v", err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	const first = unsafe.Sizeof(bpf.HookHookRecord{})
	for _, test := range []struct {
		name   string
		damage func(raw []byte, r *bpf.HookHookRecord, h *bpf.HookArgumentHeader)
	}{
		{"an argument too many", func(_ []byte, r *bpf.HookHookRecord, _ *bpf.HookArgumentHeader) { r.ArgumentCount++ }},
		{"a length that overflows", func(_ []byte, r *bpf.HookHookRecord, _ *bpf.HookArgumentHeader) {
			r.ArgumentLength, r.KernelStackLength = 1<<32-1, 1<<32-1
		}},
		{"an argument longer than all", func(_ []byte, _ *bpf.HookHookRecord, h *bpf.HookArgumentHeader) { h.Length = 1<<32 - 1 }},
		{"no such place", func(_ []byte, _ *bpf.HookHookRecord, h *bpf.HookArgumentHeader) { h.Place = 16 }},
		{"the place of another", func(_ []byte, _ *bpf.HookHookRecord, h *bpf.HookArgumentHeader) { h.Place = 1 }},
	} {
		raw := encode(sample())
		r, h := (*bpf.HookHookRecord)(unsafe.Pointer(&raw[0])), (*bpf.HookArgumentHeader)(unsafe.Pointer(&raw[first]))
		test.damage(raw, r, h)
		if err := new(Record).Decode(raw); !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// FuzzDecode: whatever the bytes, what is decoded is inside of them, and every value can be shown.
func FuzzDecode(f *testing.F) {
	f.Add(encode(sample()))
	for _, c := range valueCases() {
		r := sample()
		r.Arguments = []Argument{c.argument}
		f.Add(encode(r))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var r Record
		if err := r.Decode(raw); err != nil {
			return
		}
		total := 8 * (len(r.KernelStack) + len(r.UserStack))
		for i := range r.Arguments {
			total += len(r.Arguments[i].Raw)
			for v := range values {
				show(&values[v], r.Arguments[i])
			}
		}
		if total > len(raw) {
			t.Errorf("%d bytes were made of %d", total, len(raw))
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	raw := encode(sample())
	var r Record
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}
