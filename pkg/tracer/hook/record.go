// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// Flags of a Record, as hook_record.h explains them.
const (
	RecordWaits  = uint32(bpf.HookHookRecordFlagsHOOK_RECORD_WAITS)
	RecordVoid   = uint32(bpf.HookHookRecordFlagsHOOK_RECORD_VOID)
	RecordAlone  = uint32(bpf.HookHookRecordFlagsHOOK_RECORD_ALONE)
	RecordCut    = uint32(bpf.HookHookRecordFlagsHOOK_RECORD_CUT)
	RecordCompat = uint32(bpf.HookHookRecordFlagsHOOK_RECORD_COMPAT)
)

// Bits of a Record's Stage.
const (
	StageEntry  = uint32(bpf.HookHookStageSTAGE_ENTRY)
	StageReturn = uint32(bpf.HookHookStageSTAGE_RETURN)
)

// CallsAwaited is how many calls of a function by one thread, one in the other, can wait for their returns: below it is a Record's Depth.
const CallsAwaited = uint32(len(bpf.HookCallContexts{}.Calls))

// Record is a call of a function that a hook watches, as the kernel side tells it.
type Record struct {
	bpf.HookHookRecord
	// Arguments in the order in which they were read, each place at most once.
	Arguments []Argument
	// KernelStack and UserStack are return addresses, the innermost first.
	KernelStack, UserStack []uint64
	// Hash of the file that the hook is about, of HashAlgorithm and with bytes that belong to none behind it; empty if there is
	// none. It is a part of the record's memory.
	Hash []byte
}

// Argument is what was read of one argument.
type Argument struct {
	// Place among those of the hook; Kind is a HookArgumentKind; Flags are HookArgumentHeaderFlags. Detail of a value that is
	// not readable: the step at which it was not, from 1; 0 for the value itself.
	Place, Kind, Flags, Detail uint8
	// Raw is the struct of its kind and the text that follows it. It is a part of the record's memory.
	Raw []byte
}

// errMalformed is the fault of a record that does not hold what it says.
var errMalformed = errors.New("malformed record of a hook")

// Decode reads the record that raw holds. The arguments alias raw: they are good until it is used again. What r had before is
// lost, but its memory is used again, so that decoding record after record into the same one allocates nothing. After an
// error r is of no use but to decode the next.
func (r *Record) Decode(raw []byte) error {
	rest, ok := cut(&r.HookHookRecord, raw)
	if !ok {
		return fmt.Errorf("%w: %d bytes, it takes %d", errMalformed, len(raw), unsafe.Sizeof(r.HookHookRecord))
	}
	lengths := uint64(r.ArgumentLength) + uint64(r.KernelStackLength) + uint64(r.UserStackLength) + uint64(r.HashLength)
	if lengths > uint64(len(rest)) {
		return fmt.Errorf("%w: %d bytes are announced, %d follow", errMalformed, lengths, len(rest))
	}
	if err := r.decodeArguments(rest[:r.ArgumentLength]); err != nil {
		return err
	}
	rest = rest[r.ArgumentLength:]
	r.KernelStack = addresses(r.KernelStack[:0], rest[:r.KernelStackLength])
	rest = rest[r.KernelStackLength:]
	r.UserStack = addresses(r.UserStack[:0], rest[:r.UserStackLength])
	r.Hash = nil
	if r.HashLength > 0 {
		r.Hash = rest[r.UserStackLength:][:r.HashLength]
	}
	return nil
}

func (r *Record) decodeArguments(raw []byte) error {
	r.Arguments = r.Arguments[:0]
	var seen uint32
	for i := range r.ArgumentCount {
		var h bpf.HookArgumentHeader
		rest, ok := cut(&h, raw)
		if !ok || uint64(h.Length) > uint64(len(rest)) {
			return fmt.Errorf("%w: argument %d is beyond its end", errMalformed, i)
		}
		if int(h.Place) >= MaxArguments || seen&(1<<h.Place) != 0 {
			return fmt.Errorf("%w: argument %d has the place %d, which is none or taken", errMalformed, i, h.Place)
		}
		seen |= 1 << h.Place
		r.Arguments = append(r.Arguments, Argument{h.Place, h.Kind, h.Flags, h.Detail, rest[:h.Length:h.Length]})
		padded := (uint64(h.Length) + 7) &^ 7
		raw = rest[min(padded, uint64(len(rest))):]
	}
	return nil
}

// addresses appends those that raw holds, 8 bytes each.
func addresses(to []uint64, raw []byte) []uint64 {
	for ; len(raw) >= 8; raw = raw[8:] {
		to = append(to, binary.NativeEndian.Uint64(raw))
	}
	return to
}

// cut copies the struct that raw begins with and returns what follows it: the kernel wrote it with this machine's layout and
// byte order. T has no pointers.
func cut[T any](to *T, raw []byte) (rest []byte, ok bool) {
	size := int(unsafe.Sizeof(*to))
	if len(raw) < size {
		return nil, false
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(to)), size), raw)
	return raw[size:], true
}
