// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"fmt"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy/syscalls"
)

// Machine is what values are shown with.
type Machine struct {
	// UserNamespace is the inode number of the host's.
	UserNamespace uint32
	// Native is the ABI for 64 bits, Compat that for 32.
	Native, Compat syscalls.ABI
	// SocketNumber makes of a socket's address its number in events; nil: it is the number.
	SocketNumber func(address uint64) uint64
}

// Value is one row of the table of what arguments are: how those of a policy's type are read, and how they are shown.
type Value struct {
	name  string
	kind  bpf.HookArgumentKind
	flags bpf.HookArgumentFlags
	// show sets the argument; false when its bytes are fewer than its kind has. Nil: it is not shown.
	show func(to *event.Argument, a *Argument, m *Machine) bool
	// empty sets the argument for a pointer that is NULL; nil: that is an error, as for any address that can't be read.
	empty func(to *event.Argument)
	// partial: show makes the best of what can't be read.
	partial bool
}

// values has a row for each type of a policy's arguments but auto, in the order of policy.ArgumentTypes.
var values = [...]Value{
	{name: "nop", kind: bpf.HookArgumentKindKIND_NUMBER, flags: bpf.HookArgumentFlagsARGUMENT_UNSENT},

	{name: "int", kind: bpf.HookArgumentKindKIND_NUMBER, show: number(showInt)},
	{name: "int8", kind: bpf.HookArgumentKindKIND_NUMBER, show: number(showInt)},
	{name: "int16", kind: bpf.HookArgumentKindKIND_NUMBER, show: number(showInt)},
	{name: "int32", kind: bpf.HookArgumentKindKIND_NUMBER, show: number(showInt)},
	{name: "int64", kind: bpf.HookArgumentKindKIND_NUMBER, show: number(showLong)},
	{name: "long", kind: bpf.HookArgumentKindKIND_NUMBER, show: number(showLong)},
	{name: "uint8", kind: bpf.HookArgumentKindKIND_NUMBER, show: number(showUint)},
	{name: "uint16", kind: bpf.HookArgumentKindKIND_NUMBER, show: number(showUint)},
	{name: "uint32", kind: bpf.HookArgumentKindKIND_NUMBER, show: number(showUint)},
	{name: "uint64", kind: bpf.HookArgumentKindKIND_NUMBER, show: number(showSize)},
	{name: "ulong", kind: bpf.HookArgumentKindKIND_NUMBER, show: number(showSize)},
	{name: "size_t", kind: bpf.HookArgumentKindKIND_NUMBER, show: number(showSize)},
	{name: "bpf_cmd", kind: bpf.HookArgumentKindKIND_NUMBER, show: number(showBpfCommand)},
	{name: "capability", kind: bpf.HookArgumentKindKIND_NUMBER, show: number(showCapability)},
	{name: "syscall64", kind: bpf.HookArgumentKindKIND_SYSCALL, show: number(showSyscall)},

	{name: "string", kind: bpf.HookArgumentKindKIND_TEXT, show: showString},
	{name: "filename", kind: bpf.HookArgumentKindKIND_FILENAME, show: showString},
	{name: "data_loc", kind: bpf.HookArgumentKindKIND_TEXT, show: showString},
	{name: "net_device", kind: bpf.HookArgumentKindKIND_NET_DEVICE, show: showString},
	{name: "char_buf", kind: bpf.HookArgumentKindKIND_BYTES, show: showBytes, empty: noBytes, partial: true},
	{name: "char_iovec", kind: bpf.HookArgumentKindKIND_BYTES, flags: bpf.HookArgumentFlagsARGUMENT_VECTOR, show: showBytes, empty: noBytes, partial: true},
	{name: "const_buf", kind: bpf.HookArgumentKindKIND_BYTES, show: showBytes, empty: noBytes, partial: true},
	{name: "iov_iter", kind: bpf.HookArgumentKindKIND_IOV_ITER, show: showBytes, empty: noBytes, partial: true},

	{name: "fd", kind: bpf.HookArgumentKindKIND_FD, show: file(fileArg), empty: noFile},
	{name: "file", kind: bpf.HookArgumentKindKIND_FILE, show: file(fileArg), empty: noFile},
	{name: "kiocb", kind: bpf.HookArgumentKindKIND_KIOCB, show: file(fileArg), empty: noFile},
	{name: "path", kind: bpf.HookArgumentKindKIND_PATH, show: file(pathArg), empty: noPath},
	{name: "dentry", kind: bpf.HookArgumentKindKIND_DENTRY, show: file(pathArg), empty: noPath},
	{name: "linux_binprm", kind: bpf.HookArgumentKindKIND_BINPRM, show: file(binprmArg), empty: noBinprm},

	{name: "sock", kind: bpf.HookArgumentKindKIND_SOCK, show: showSock, empty: noSock},
	{name: "socket", kind: bpf.HookArgumentKindKIND_SOCKET, show: showSock, empty: noSock},
	{name: "skb", kind: bpf.HookArgumentKindKIND_SKB, show: showSkb, empty: noSkb},
	{name: "sockaddr", kind: bpf.HookArgumentKindKIND_SOCKADDR, show: showSockaddr, empty: noSockaddr},
	{name: "sockaddr_un", kind: bpf.HookArgumentKindKIND_SOCKADDR_UN, show: showUnixAddress, empty: noUnixAddress},

	{name: "kernel_cap_t", kind: bpf.HookArgumentKindKIND_CAPABILITIES, show: number(showKernelCap)},
	{name: "cap_inheritable", kind: bpf.HookArgumentKindKIND_CAPABILITIES, show: number(showInheritable)},
	{name: "cap_permitted", kind: bpf.HookArgumentKindKIND_CAPABILITIES, show: number(showPermitted)},
	{name: "cap_effective", kind: bpf.HookArgumentKindKIND_CAPABILITIES, show: number(showEffective)},
	{name: "cred", kind: bpf.HookArgumentKindKIND_CRED, show: showCredentials, empty: noCredentials},
	{name: "user_namespace", kind: bpf.HookArgumentKindKIND_USER_NAMESPACE, show: showUserNamespace, empty: noUserNamespace},

	{name: "bpf_attr", kind: bpf.HookArgumentKindKIND_BPF_ATTR, show: program(bpfAttrArg), empty: noBpfAttr},
	{name: "bpf_map", kind: bpf.HookArgumentKindKIND_BPF_MAP, show: showBpfMap, empty: noBpfMap},
	{name: "bpf_prog", kind: bpf.HookArgumentKindKIND_BPF_PROG, show: program(bpfProgArg), empty: noBpfProg},
	{name: "perf_event", kind: bpf.HookArgumentKindKIND_PERF_EVENT, show: showPerfEvent, empty: noPerfEvent},
	{name: "load_info", kind: bpf.HookArgumentKindKIND_LOAD_INFO, show: showModule, empty: noModule},
	{name: "module", kind: bpf.HookArgumentKindKIND_MODULE, show: showModule, empty: noModule},
}

// shape is what a kind's bytes hold: a site may have a value in another form than its type says, of the same shape.
type shape string

const (
	shapeWord          shape = "a number"
	shapeText          shape = "text"
	shapeBuffer        shape = "a buffer"
	shapeFile          shape = "a file"
	shapeSocket        shape = "a socket"
	shapeUnixAddress   shape = "an address of a Unix socket"
	shapeCredentials   shape = "credentials"
	shapeUserNamespace shape = "a user namespace"
	shapeModule        shape = "a module"
	shapeProgram       shape = "a BPF program"
	shapeMap           shape = "a BPF map"
	shapePerfEvent     shape = "a perf event"
)

// shapes by kind.
var shapes = [...]shape{
	bpf.HookArgumentKindKIND_NUMBER: shapeWord, bpf.HookArgumentKindKIND_CAPABILITIES: shapeWord, bpf.HookArgumentKindKIND_SYSCALL: shapeWord,
	bpf.HookArgumentKindKIND_TEXT: shapeText, bpf.HookArgumentKindKIND_FILENAME: shapeText, bpf.HookArgumentKindKIND_NET_DEVICE: shapeText,
	bpf.HookArgumentKindKIND_BYTES: shapeBuffer, bpf.HookArgumentKindKIND_IOV_ITER: shapeBuffer,
	bpf.HookArgumentKindKIND_FD: shapeFile, bpf.HookArgumentKindKIND_FILE: shapeFile, bpf.HookArgumentKindKIND_KIOCB: shapeFile,
	bpf.HookArgumentKindKIND_PATH: shapeFile, bpf.HookArgumentKindKIND_DENTRY: shapeFile, bpf.HookArgumentKindKIND_BINPRM: shapeFile,
	bpf.HookArgumentKindKIND_USER_PATH: shapeFile,
	bpf.HookArgumentKindKIND_SOCK:      shapeSocket, bpf.HookArgumentKindKIND_SOCKET: shapeSocket, bpf.HookArgumentKindKIND_SKB: shapeSocket,
	bpf.HookArgumentKindKIND_SOCKADDR: shapeSocket, bpf.HookArgumentKindKIND_SOCKADDR_UN: shapeUnixAddress,
	bpf.HookArgumentKindKIND_CRED: shapeCredentials, bpf.HookArgumentKindKIND_USER_NAMESPACE: shapeUserNamespace,
	bpf.HookArgumentKindKIND_LOAD_INFO: shapeModule, bpf.HookArgumentKindKIND_MODULE: shapeModule,
	bpf.HookArgumentKindKIND_BPF_ATTR: shapeProgram, bpf.HookArgumentKindKIND_BPF_PROG: shapeProgram,
	bpf.HookArgumentKindKIND_BPF_MAP: shapeMap, bpf.HookArgumentKindKIND_PERF_EVENT: shapePerfEvent,
}

// shapeUnknown is that of kinds that are no values of arguments.
const shapeUnknown shape = "nothing that is known"

func shapeOf(kind uint8) shape {
	if int(kind) < len(shapes) && shapes[kind] != "" {
		return shapes[kind]
	}
	return shapeUnknown
}

// LookupValue is the row of a type; nil for auto, of which the kernel says what it is.
func LookupValue(t *policy.ArgumentType) *Value {
	for i := range values {
		if values[i].name == t.Name {
			return &values[i]
		}
	}
	return nil
}

// Layout is how the kernel side reads an argument of a type: a HookArgumentKind, and those of HookArgumentFlags that belong to
// the type itself. ARGUMENT_SIGNED is not among them: t.Signed says it. It is not ok for auto.
func Layout(t *policy.ArgumentType) (kind, flags uint8, ok bool) {
	v := LookupValue(t)
	if v == nil {
		return 0, 0, false
	}
	return uint8(v.kind), uint8(v.flags), true
}

// Shown says whether arguments of the type are in events.
func (v *Value) Shown() bool { return v.show != nil }

// Texts of arguments that could not be read; the first two and errorBuffer are Tetragon's.
const (
	errorBasicType = "Bad address for basic type"
	errorDepth     = "Bad address encountered during resolve dereference at depth %d"
	errorBuffer    = "CharBufErrorPageFault"
	// ErrorRoom: the hook's arguments together are longer than a record.
	ErrorRoom = "no room left in the record"
)

// Set makes the argument of an event from that of a record; nothing of the record is kept.
func (v *Value) Set(to *event.Argument, a *Argument, m *Machine) {
	unreadable := a.Flags&uint8(bpf.HookArgumentHeaderFlagsVALUE_UNREADABLE) != 0
	absent := a.Flags&uint8(bpf.HookArgumentHeaderFlagsVALUE_ABSENT) != 0
	switch {
	case v.show == nil:
	case unreadable && a.Detail > 0:
		Fail(to, fmt.Sprintf(errorDepth, a.Detail))
	case absent && v.empty != nil:
		v.empty(to)
	case absent, unreadable && !v.partial:
		Fail(to, errorBasicType)
	case !v.takes(shapeOf(a.Kind)):
		Fail(to, fmt.Sprintf("type %s is %s, but what was read is %s", v.name, shapeOf(uint8(v.kind)), shapeOf(a.Kind)))
	case !v.show(to, a, m):
		Fail(to, ErrorRoom)
	}
}

// takes says whether bytes of a shape can be shown: a name may be seen as the path that it stands for.
func (v *Value) takes(s shape) bool {
	own := shapeOf(uint8(v.kind))
	return s == own || own == shapeText && s == shapeFile
}

// Fail has the argument say why there is no value.
func Fail(to *event.Argument, why string) { to.ErrorArg = &event.ErrorArg{Message: why} }
