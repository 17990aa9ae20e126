// SPDX-License-Identifier: Apache-2.0

package hooks

// Group of hooks that belong into one policy.
type Group string

// The groups.
const (
	Files   Group = "files"
	Network Group = "network"
	Calls   Group = "calls"
)

// Argument is a value that is told.
type Argument struct {
	// Index of the system call's argument.
	Index int
	// Type and Label as in a TracingPolicy. Labels are the names of the event type's parameters, and those of package fields.
	Type, Label string
	// Resolve is the way from the current task to the value; empty for an argument.
	Resolve string
	// SizeFrom is the argument that has the size of a buffer, which is read when the call returns; 0 for none.
	SizeFrom int
}

// call is one row of the table of event types: what is told of the system call of that name.
type call struct {
	event     string
	group     Group
	arguments []Argument
	// returns is the type of what is returned: fd for the file that was opened, whose label is resolved.
	returns string
	// always holds for all calls that are told: what the fields can't tell otherwise.
	always []Filter
}

func argument(index int, kind, label string) Argument {
	return Argument{Index: index, Type: kind, Label: label}
}

func number(index int, label string) Argument { return argument(index, "int", label) }

func text(index int, label string) Argument { return argument(index, "string", label) }

// file is what a descriptor stands for.
func file(index int, label string) Argument { return argument(index, "fd", label) }

// toAddress is the address of the other end.
func toAddress(index int) Argument { return argument(index, "sockaddr", address) }

// Labels that are no parameters of event types.
const (
	resolved = "resolved"
	address  = "addr"
)

// Types of what is returned.
const (
	asNumber = "int"
	asFile   = "fd"
)

// calls is the table of event types. Programs that run are told anyway.
var calls = []call{
	{"open", Files, []Argument{text(0, "name"), number(1, "flags"), number(2, "mode")}, asFile, nil},
	{"openat", Files, []Argument{file(0, "dirfd"), text(1, "name"), number(2, "flags"), number(3, "mode")}, asFile, nil},
	{"openat2", Files, []Argument{file(0, "dirfd"), text(1, "name")}, asFile, nil},
	{"creat", Files, []Argument{text(0, "name"), number(1, "mode")}, asFile, nil},
	{"symlink", Files, []Argument{text(0, "target"), text(1, "linkpath")}, asNumber, nil},
	{"symlinkat", Files, []Argument{text(0, "target"), file(1, "dirfd"), text(2, "linkpath")}, asNumber, nil},
	{"link", Files, []Argument{text(0, "oldpath"), text(1, "newpath")}, asNumber, nil},
	{"linkat", Files, []Argument{file(0, "dirfd"), text(1, "oldpath"), file(2, "newdirfd"), text(3, "newpath"), number(4, "flags")}, asNumber, nil},
	{"rename", Files, []Argument{text(0, "oldpath"), text(1, "newpath")}, asNumber, nil},
	{"renameat", Files, []Argument{file(0, "dirfd"), text(1, "oldpath"), file(2, "newdirfd"), text(3, "newpath")}, asNumber, nil},
	{"renameat2", Files, []Argument{file(0, "dirfd"), text(1, "oldpath"), file(2, "newdirfd"), text(3, "newpath"), number(4, "flags")}, asNumber, nil},
	{"unlink", Files, []Argument{text(0, "path")}, asNumber, nil},
	{"unlinkat", Files, []Argument{file(0, "dirfd"), text(1, "name"), number(2, "flags")}, asNumber, nil},
	{"rmdir", Files, []Argument{text(0, "path")}, asNumber, nil},
	{"mkdir", Files, []Argument{text(0, "path"), number(1, "mode")}, asNumber, nil},
	{"mkdirat", Files, []Argument{file(0, "dirfd"), text(1, "path"), number(2, "mode")}, asNumber, nil},
	{"chmod", Files, []Argument{text(0, "filename"), number(1, "mode")}, asNumber, nil},
	{"fchmod", Files, []Argument{file(0, resolved), number(0, "fd"), number(1, "mode")}, asNumber, nil},
	{"fchmodat", Files, []Argument{file(0, "dirfd"), text(1, "filename"), number(2, "mode")}, asNumber, nil},

	{"connect", Network, []Argument{number(0, "fd"), toAddress(1)}, asNumber, nil},
	{"accept", Network, []Argument{number(0, "listener")}, asNumber, nil},
	{"accept4", Network, []Argument{number(0, "listener"), number(3, "flags")}, asNumber, nil},
	{"listen", Network, []Argument{number(0, "fd"), number(1, "backlog")}, asNumber, nil},
	{"socket", Network, []Argument{number(0, "domain"), number(1, "type"), number(2, "proto")}, asNumber, nil},
	{"sendto", Network, []Argument{number(0, "fd"), toAddress(4)}, asNumber, nil},
	{"sendmsg", Network, []Argument{number(0, "fd")}, asNumber, nil},
	{"recvfrom", Network, []Argument{number(0, "fd"), {Index: 1, Type: "char_buf", Label: "data", SizeFrom: 2}}, asNumber, nil},
	{"recvmsg", Network, []Argument{number(0, "fd")}, asNumber, nil},
	{"dup", Network, []Argument{file(0, resolved), number(0, "oldfd")}, asNumber, sockets},
	{"dup2", Network, []Argument{file(0, resolved), number(0, "oldfd"), number(1, "newfd")}, asNumber, sockets},
	{"dup3", Network, []Argument{file(0, resolved), number(0, "oldfd"), number(1, "newfd"), number(2, "flags")}, asNumber, sockets},

	{"ptrace", Calls, []Argument{argument(0, "long", "request"), argument(1, "long", "pid")}, asNumber, nil},
	{"setns", Calls, []Argument{number(0, "fd"), number(1, "nstype")}, asNumber, nil},
	{"unshare", Calls, []Argument{number(0, "flags")}, asNumber, nil},
	{"bpf", Calls, []Argument{number(0, "cmd")}, asNumber, nil},
	{"userfaultfd", Calls, []Argument{number(0, "flags")}, asNumber, nil},
	{"setuid", Calls, []Argument{number(0, "uid")}, asNumber, nil},
	{"init_module", Calls, []Argument{argument(1, "ulong", "length")}, asNumber, nil},
	{"finit_module", Calls, []Argument{number(0, "fd"), number(2, "flags")}, asNumber, nil},
}

// sockets: of descriptors that are copied only those of sockets are told.
var sockets = []Filter{{Place: 0, Operator: "FileType", Values: []string{"sock"}}}

// acting is what is told of the thread that makes a call, as it is then.
var acting = []Argument{
	{Type: "cap_effective", Label: "cap_effective", Resolve: "cred.cap_effective"},
	{Type: "cap_permitted", Label: "cap_permitted", Resolve: "cred.cap_permitted"},
	{Type: "uint32", Label: "euid", Resolve: "cred.euid.val"},
	{Type: "path", Label: "cwd", Resolve: "fs.pwd"},
}

// place of an argument in the row by its label, -1 if it has none.
func (c *call) place(label string) int {
	for i, a := range c.arguments {
		if a.Label == label {
			return i
		}
	}
	return -1
}
