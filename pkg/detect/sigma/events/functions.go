// SPDX-License-Identifier: Apache-2.0

package events

import "strings"

// Operation is what a hook tells of.
type Operation string

// Operations.
const (
	OpExec     Operation = "exec"
	OpOpen     Operation = "open"
	OpCreate   Operation = "create"
	OpTruncate Operation = "truncate"
	OpMkdir    Operation = "mkdir"
	OpRename   Operation = "rename"
	OpLink     Operation = "link"
	OpSymlink  Operation = "symlink"
	OpUnlink   Operation = "unlink"
	OpRmdir    Operation = "rmdir"
	OpConnect  Operation = "connect"
	OpAccept   Operation = "accept"
	OpSyscall  Operation = "syscall"
)

// Labels of arguments that hooks add for rules, beside those of the function: the open flags of a file (f_flags), its mode (f_mode), and
// the path as the process asked for it.
const (
	LabelFlags = "flags"
	LabelMode  = "mode"
	LabelAsked = "asked"
)

// Argument of a hook, as policies name it: the index in the function's own arguments, the type; BTFType and Resolve lead to a member.
type Argument struct {
	Index                         int
	Type, Label, Resolve, BTFType string
}

// Hook is a function of the kernel, what of its arguments is read, in this order, and what it tells of.
type Hook struct {
	Function  string
	Operation Operation
	Arguments []Argument
	// Return is the type of the returned value that is read, empty for none.
	Return string

	// path and from are the places in Arguments of the path that is told, and of the one that a rename takes away; -1 for none.
	path, from int
}

// entry is an entry of a directory, as the functions that decide about names are given it: the directory, and the name in it.
var entry = []Argument{{Index: 0, Type: "path"}, {Index: 1, Type: "dentry"}}

// hookTable is which functions are file events and connections. A function that an LSM hook names without security_ is the same.
//
// At security_file_open f_flags still has O_CREAT and O_TRUNC, which do_dentry_open (fs/open.c) takes away afterwards, and f_mode has
// FMODE_CREATED if the file was not there.
var hookTable = [...]Hook{
	{
		Function: "security_file_open", Operation: OpOpen, path: 0, from: -1,
		Arguments: []Argument{
			{Index: 0, Type: "file"},
			{Index: 0, Type: "uint32", Label: LabelFlags, Resolve: "f_flags", BTFType: "file"},
			{Index: 0, Type: "uint32", Label: LabelMode, Resolve: "f_mode", BTFType: "file"},
		},
	},
	{Function: "fd_install", Operation: OpOpen, path: 1, from: -1, Arguments: []Argument{{Index: 0, Type: "int"}, {Index: 1, Type: "file"}}},
	{
		Function: "security_path_mknod", Operation: OpCreate, path: 1, from: -1,
		Arguments: []Argument{{Index: 0, Type: "path"}, {Index: 1, Type: "dentry"}, {Index: 2, Type: "uint16"}},
	},
	{Function: "security_path_mkdir", Operation: OpMkdir, path: 1, from: -1, Arguments: entry},
	{Function: "security_path_truncate", Operation: OpTruncate, path: 0, from: -1, Arguments: []Argument{{Index: 0, Type: "path"}}},
	{Function: "security_file_truncate", Operation: OpTruncate, path: 0, from: -1, Arguments: []Argument{{Index: 0, Type: "file"}}},
	{
		Function: "security_path_rename", Operation: OpRename, path: 3, from: 1,
		Arguments: []Argument{{Index: 0, Type: "path"}, {Index: 1, Type: "dentry"}, {Index: 2, Type: "path"}, {Index: 3, Type: "dentry"}},
	},
	{
		Function: "security_path_link", Operation: OpLink, path: 2, from: -1,
		Arguments: []Argument{{Index: 0, Type: "dentry"}, {Index: 1, Type: "path"}, {Index: 2, Type: "dentry"}},
	},
	{Function: "security_path_symlink", Operation: OpSymlink, path: 1, from: -1, Arguments: entry},
	{Function: "security_path_unlink", Operation: OpUnlink, path: -1, from: 1, Arguments: entry},
	{Function: "security_path_rmdir", Operation: OpRmdir, path: -1, from: 1, Arguments: entry},
	{Function: "tcp_connect", Operation: OpConnect, path: -1, from: -1, Arguments: []Argument{{Index: 0, Type: "sock"}}},
	{
		Function: "security_socket_connect", Operation: OpConnect, path: -1, from: -1,
		Arguments: []Argument{{Index: 0, Type: "socket"}, {Index: 1, Type: "sockaddr"}},
	},
	{Function: "inet_csk_accept", Operation: OpAccept, path: -1, from: -1, Return: "sock"},
}

// hooksByName has the table by the names that events have.
var hooksByName = func() map[string]*Hook {
	all := map[string]*Hook{}
	for i := range hookTable {
		h := &hookTable[i]
		all[h.Function] = h
		all[strings.TrimPrefix(h.Function, "security_")] = h
	}
	return all
}()

// Hooks are the functions that tell of an operation; none for exec, which is always told, and for system calls, which have their own
// names.
func Hooks(operation Operation) (all []Hook) {
	for _, h := range hookTable {
		if h.Operation == operation {
			all = append(all, h)
		}
	}
	return all
}
