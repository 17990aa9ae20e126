// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// number makes a row's show from that of its one word. What is narrower is extended in it already.
func number(show func(to *event.Argument, word uint64, m *Machine)) func(*event.Argument, *Argument, *Machine) bool {
	return func(to *event.Argument, a *Argument, m *Machine) bool {
		var word uint64
		_, ok := cut(&word, a.Raw)
		if ok {
			show(to, word, m)
		}
		return ok
	}
}

func showInt(to *event.Argument, word uint64, _ *Machine)  { to.IntArg = new(int32(word)) }
func showUint(to *event.Argument, word uint64, _ *Machine) { to.UintArg = new(uint32(word)) }
func showLong(to *event.Argument, word uint64, _ *Machine) { to.LongArg = new(int64(word)) }
func showSize(to *event.Argument, word uint64, _ *Machine) { to.SizeArg = &word }

func showBpfCommand(to *event.Argument, word uint64, _ *Machine) {
	to.BpfCmdArg = new(event.BpfCommandName(uint32(word)))
}

func showCapability(to *event.Argument, word uint64, _ *Machine) {
	value := int32(word)
	to.CapabilityArg = &event.CapabilityArg{Value: &value, Name: event.CapabilityName(value)}
}

// compatBit is set in the word of a system call's number that was entered by the ABI for 32 bits.
const compatBit = 1 << 32

func showSyscall(to *event.Argument, word uint64, m *Machine) {
	abi := m.Native
	if word&compatBit != 0 {
		abi = m.Compat
	}
	to.SyscallID = &event.SyscallID{ID: uint32(word), Abi: string(abi)}
}

func showKernelCap(to *event.Argument, word uint64, _ *Machine) {
	to.KernelCapTArg = new(event.CapabilityDigits(word))
}

func showInheritable(to *event.Argument, word uint64, _ *Machine) {
	to.CapInheritableArg = new(event.CapabilityDigits(word))
}

func showPermitted(to *event.Argument, word uint64, _ *Machine) {
	to.CapPermittedArg = new(event.CapabilityDigits(word))
}

func showEffective(to *event.Argument, word uint64, _ *Machine) {
	to.CapEffectiveArg = new(event.CapabilityDigits(word))
}

// text is a copy of what the kernel gave, fit for JSON.
func text(raw []byte) string {
	s := string(raw)
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// name is the text in a fixed array of C characters.
func name(chars [16]int8) string {
	var raw [len(chars)]byte
	for i, c := range chars {
		raw[i] = byte(c)
	}
	before, _, _ := bytes.Cut(raw[:], []byte{0})
	return text(before)
}

// showString shows of a path that a site has instead of a name the path.
func showString(to *event.Argument, a *Argument, _ *Machine) bool {
	raw := a.Raw
	if shapeOf(a.Kind) == shapeFile {
		var v bpf.HookFileValue
		path, ok := cut(&v, raw)
		if !ok {
			return false
		}
		raw = path
	}
	to.StringArg = new(text(raw))
	return true
}

// showBytes shows of a buffer what could be read.
func showBytes(to *event.Argument, a *Argument, _ *Machine) bool {
	var v bpf.HookBytesValue
	content, ok := cut(&v, a.Raw)
	unreadable := a.Flags&uint8(bpf.HookArgumentHeaderFlagsVALUE_UNREADABLE) != 0
	switch {
	case unreadable && len(content) == 0: // also where not even its size is told: memory of another kind
		noBytes(to)
		return true
	case !ok:
		return false
	}
	copied := append([]byte{}, content...) // not nil: an empty buffer is shown
	if unreadable || a.Flags&uint8(bpf.HookArgumentHeaderFlagsVALUE_CUT) != 0 {
		to.TruncatedBytesArg = &event.TruncatedBytesArg{BytesArg: copied, OrigSize: v.Size}
	} else {
		to.BytesArg = copied
	}
	return true
}

func noBytes(to *event.Argument) { to.BytesArg = []byte(errorBuffer) }
