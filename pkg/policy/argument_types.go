// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
)

// Class is what values of a type can be compared with. Classes are bits, so that tables can name several.
type Class uint16

// The classes.
const (
	// ClassNumber: integers; Bits and Signed say which.
	ClassNumber Class = 1 << iota
	// ClassCapability: the number of a capability, which has a name.
	ClassCapability
	// ClassCapabilities: a set of capabilities by bit.
	ClassCapabilities
	// ClassSyscall: a system call's number and its ABI.
	ClassSyscall
	// ClassText: text that ends at a NUL.
	ClassText
	// ClassBytes: a buffer that has a length.
	ClassBytes
	// ClassFile: an object in a file system, compared by its path.
	ClassFile
	// ClassSocket: both ends of a connection and its state.
	ClassSocket
	// ClassPacket: both ends of a connection.
	ClassPacket
	// ClassAddress: one end of a connection.
	ClassAddress
	// ClassUnixAddress: the path of a Unix socket; @ and a name for an abstract one.
	ClassUnixAddress
	// ClassOpaque: shown, never compared.
	ClassOpaque
	// ClassAuto: the kernel's type information says, when the hook is loaded.
	ClassAuto
)

// ArgumentType is one row of the vocabulary of args[].type.
type ArgumentType struct {
	Name    string
	aliases []string
	Class   Class
	// Bits and Signed of numbers.
	Bits   int
	Signed bool
	// Hooks that can have such an argument. What a program can pass, a system call can be passed.
	Hooks HookKind
}

// buffer: sizeArgIndex, returnCopy and maxData are for these.
func (t *ArgumentType) buffer() bool { return t.Class == ClassBytes }

// String is the type's name.
func (t *ArgumentType) String() string { return t.Name }

// argumentTypes by name, as the CRD lists them.
var argumentTypes = []ArgumentType{
	{Name: "auto", Class: ClassAuto, Hooks: anyHook},
	{Name: "nop", Class: ClassOpaque, Hooks: anyHook},

	{Name: "int", Class: ClassNumber, Bits: 32, Signed: true, Hooks: anyHook},
	{Name: "int8", aliases: []string{"sint8"}, Class: ClassNumber, Bits: 8, Signed: true, Hooks: anyHook},
	{Name: "int16", aliases: []string{"sint16"}, Class: ClassNumber, Bits: 16, Signed: true, Hooks: anyHook},
	{Name: "int32", aliases: []string{"sint32"}, Class: ClassNumber, Bits: 32, Signed: true, Hooks: anyHook},
	{Name: "int64", aliases: []string{"sint64"}, Class: ClassNumber, Bits: 64, Signed: true, Hooks: anyHook},
	{Name: "long", Class: ClassNumber, Bits: 64, Signed: true, Hooks: anyHook},
	{Name: "uint8", Class: ClassNumber, Bits: 8, Hooks: anyHook},
	{Name: "uint16", Class: ClassNumber, Bits: 16, Hooks: anyHook},
	{Name: "uint32", Class: ClassNumber, Bits: 32, Hooks: anyHook},
	{Name: "uint64", Class: ClassNumber, Bits: 64, Hooks: anyHook},
	{Name: "ulong", aliases: []string{"unsigned long"}, Class: ClassNumber, Bits: 64, Hooks: anyHook},
	{Name: "size_t", Class: ClassNumber, Bits: 64, Hooks: anyHook},
	{Name: "bpf_cmd", Class: ClassNumber, Bits: 32, Signed: true, Hooks: anyHook},
	{Name: "capability", Class: ClassCapability, Bits: 32, Signed: true, Hooks: anyHook},
	{Name: "syscall64", Class: ClassSyscall, Bits: 64, Signed: true, Hooks: Tracepoint | RawTracepoint},

	{Name: "string", Class: ClassText, Hooks: anyHook},
	{Name: "filename", Class: ClassText, Hooks: inKernel},
	{Name: "data_loc", Class: ClassText, Hooks: Tracepoint},
	{Name: "net_device", Class: ClassText, Hooks: inKernel},
	{Name: "char_buf", Class: ClassBytes, Hooks: anyHook},
	{Name: "char_iovec", Class: ClassBytes, Hooks: anyHook},
	{Name: "const_buf", Class: ClassBytes, Hooks: anyHook},
	{Name: "iov_iter", Class: ClassBytes, Hooks: inKernel},

	{Name: "fd", Class: ClassFile, Hooks: anyHook},
	{Name: "file", Class: ClassFile, Hooks: inKernel},
	{Name: "kiocb", Class: ClassFile, Hooks: inKernel},
	{Name: "path", Class: ClassFile, Hooks: inKernel},
	{Name: "dentry", Class: ClassFile, Hooks: inKernel},
	{Name: "linux_binprm", Class: ClassFile, Hooks: inKernel},

	{Name: "sock", Class: ClassSocket, Hooks: inKernel},
	{Name: "socket", Class: ClassSocket, Hooks: inKernel},
	{Name: "skb", Class: ClassPacket, Hooks: inKernel},
	{Name: "sockaddr", Class: ClassAddress, Hooks: anyHook},
	{Name: "sockaddr_un", Class: ClassUnixAddress, Hooks: anyHook},

	{Name: "kernel_cap_t", Class: ClassCapabilities, Bits: 64, Hooks: inKernel},
	{Name: "cap_inheritable", Class: ClassCapabilities, Bits: 64, Hooks: inKernel},
	{Name: "cap_permitted", Class: ClassCapabilities, Bits: 64, Hooks: inKernel},
	{Name: "cap_effective", Class: ClassCapabilities, Bits: 64, Hooks: inKernel},
	{Name: "cred", Class: ClassOpaque, Hooks: inKernel},
	{Name: "user_namespace", Class: ClassOpaque, Hooks: inKernel},

	{Name: "bpf_attr", Class: ClassOpaque, Hooks: inKernel},
	{Name: "bpf_map", Class: ClassOpaque, Hooks: inKernel},
	{Name: "bpf_prog", Class: ClassOpaque, Hooks: inKernel},
	{Name: "perf_event", Class: ClassOpaque, Hooks: inKernel},
	{Name: "load_info", Class: ClassOpaque, Hooks: inKernel},
	{Name: "module", Class: ClassOpaque, Hooks: inKernel},
}

// ArgumentTypes lists the vocabulary.
func ArgumentTypes() []ArgumentType { return slices.Clone(argumentTypes) }

// LookupArgumentType finds a type by its name or an alias, in any case; nil if there is none.
func LookupArgumentType(name string) *ArgumentType {
	for i := range argumentTypes {
		t := &argumentTypes[i]
		if strings.EqualFold(t.Name, name) || slices.ContainsFunc(t.aliases, func(a string) bool { return strings.EqualFold(a, name) }) {
			return t
		}
	}
	return nil
}

// typeNames are those that fit a class; of 0 all, aliases included.
func typeNames(classes Class) (names []string) {
	for i := range argumentTypes {
		if t := &argumentTypes[i]; classes == 0 {
			names = append(append(names, t.Name), t.aliases...)
		} else if t.Class&classes != 0 {
			names = append(names, t.Name)
		}
	}
	return names
}
