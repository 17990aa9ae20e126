// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"slices"
	"strings"
)

// FileOperation is something that is done to files.
type FileOperation struct {
	Name string
	// Changes: the content, the name or an attribute of a file is another afterwards.
	Changes bool
	// Asked: it is watched only when it is asked for: each takes its time until tracing begins.
	Asked bool
	// hooks that show it; nil for those that are made of system calls, see transfers.
	hooks func(FilePaths) []Hook
}

// fileOperations is the table of what can be watched.
var fileOperations = [...]FileOperation{
	{Name: "open", hooks: opened},
	{Name: "read"},
	{Name: "write", Changes: true},
	{Name: "mmap", Asked: true, hooks: mapped},
	{Name: "mmap-write", Changes: true, hooks: mappedToWrite},
	{Name: "truncate", Changes: true, hooks: truncated},
	{Name: "rename", Changes: true, hooks: decided("rename", []Argument{{Index: 0, Type: "path"}, {Index: 1, Type: "dentry"}, {Index: 2, Type: "path"}, {Index: 3, Type: "dentry"}}, 1, 3)},
	{Name: "unlink", Changes: true, hooks: decided("unlink", entry, 1)},
	{Name: "link", Changes: true, hooks: decided("link", []Argument{{Index: 0, Type: "dentry"}, {Index: 1, Type: "path"}, {Index: 2, Type: "dentry"}}, 0, 2)},
	{Name: "symlink", Changes: true, hooks: decided("symlink", withMore(Argument{Index: 2, Type: "string"}), 1)},
	{Name: "mkdir", Changes: true, hooks: decided("mkdir", withMore(Argument{Index: 2, Type: "uint16"}), 1)},
	{Name: "rmdir", Changes: true, hooks: decided("rmdir", entry, 1)},
	{Name: "mknod", Changes: true, hooks: decided("mknod", withMore(Argument{Index: 2, Type: "uint16"}, Argument{Index: 3, Type: "uint32"}), 1)},
	{Name: "chmod", Changes: true, Asked: true, hooks: decided("chmod", []Argument{{Index: 0, Type: "path"}, {Index: 1, Type: "uint16"}}, 0)},
	{Name: "chown", Changes: true, Asked: true, hooks: decided("chown", []Argument{{Index: 0, Type: "path"}, {Index: 1, Type: "int", Label: "uid"}, {Index: 2, Type: "int", Label: "gid"}}, 0)},
	{Name: "close", Asked: true, hooks: closed},
}

// FileOperations lists what can be watched.
func FileOperations() []FileOperation { return slices.Clone(fileOperations[:]) }

// FilePaths says which files are watched: those below one of Prefixes (and these themselves) whose path ends in one of
// Suffixes where there are any, and those that Paths name. All begin with a slash but Suffixes, and are clean.
type FilePaths struct{ Prefixes, Paths, Suffixes []string }

// root is everything that has a path.
const root = "/"

// selectors match where an argument is one of the files and what is in and holds too.
func (p FilePaths) selectors(argument int, and ...Filter) (all []Selector) {
	below := Filter{Index: argument, Operator: "Prefix"}
	itself := Filter{Index: argument, Operator: "Equal"}
	for _, path := range p.Paths {
		if !slices.Contains(itself.Values, path) {
			itself.Values = append(itself.Values, path)
		}
	}
	for _, prefix := range p.Prefixes {
		if prefix == root {
			below.Values = append(below.Values, root)
			continue
		}
		below.Values = append(below.Values, prefix+"/")
		if p.hasSuffix(prefix) && !slices.Contains(itself.Values, prefix) {
			itself.Values = append(itself.Values, prefix)
		}
	}
	var many []Filter
	if len(below.Values) > 0 {
		many = append(many, below)
	}
	if len(p.Suffixes) > 0 {
		many = append(many, Filter{Index: argument, Operator: "Postfix", Values: p.Suffixes})
	}
	if len(many) > 0 {
		all = append(all, Selector{MatchArgs: append(many, and...)})
	}
	if len(itself.Values) > 0 {
		all = append(all, Selector{MatchArgs: append([]Filter{itself}, and...)})
	}
	return all
}

func (p FilePaths) hasSuffix(path string) bool {
	return len(p.Suffixes) == 0 || slices.ContainsFunc(p.Suffixes, func(suffix string) bool { return strings.HasSuffix(path, suffix) })
}

// File is the policy that tells what is done to files. The operations are names of FileOperations.
func File(paths FilePaths, operations []string) Policy {
	p := Policy{Name: "file"}
	p.transfers(paths, operations)
	for _, o := range fileOperations {
		if o.Name == "mmap-write" && slices.Contains(operations, "mmap") {
			continue // among those
		}
		if o.hooks != nil && slices.Contains(operations, o.Name) {
			p.Kprobes = append(p.Kprobes, o.hooks(paths)...)
		}
	}
	return p
}

// ofKernel is a hook on a function of the kernel.
func ofKernel(function string, args ...Argument) Hook {
	return Hook{Call: function, Syscall: new(false), Args: args}
}

// ofSystemCalls is a hook on system calls that return a number of bytes.
func ofSystemCalls(call string, args ...Argument) Hook {
	return Hook{Call: call, Syscall: new(true), Args: args, Return: true, ReturnArg: &Argument{Type: "long"}}
}

// opened: a descriptor of the file was made.
func opened(p FilePaths) []Hook {
	h := ofKernel("fd_install", Argument{Index: 0, Type: "int"}, Argument{Index: 1, Type: "file"})
	h.Selectors = p.selectors(1)
	return []Hook{h}
}

func closed(p FilePaths) []Hook {
	h := Hook{Call: "sys_close", Syscall: new(true), Args: []Argument{{Index: 0, Type: "fd"}}, Selectors: p.selectors(0)}
	return []Hook{h}
}

// Bits of mappings: PROT_WRITE, and MAP_SHARED, which MAP_SHARED_VALIDATE has too (include/uapi/linux/mman.h).
const (
	protWrite = "2"
	mapShared = "1"
)

func mapped(p FilePaths) []Hook { return mapping(p) }

// mappedToWrite: what is written to the memory comes into the file.
func mappedToWrite(p FilePaths) []Hook {
	return mapping(p, Filter{Index: 1, Operator: "Mask", Values: []string{protWrite}}, Filter{Index: 2, Operator: "Mask", Values: []string{mapShared}})
}

func mapping(p FilePaths, and ...Filter) []Hook {
	h := ofKernel("security_mmap_file", Argument{Index: 0, Type: "file"}, Argument{Index: 1, Type: "ulong", Label: "prot"}, Argument{Index: 2, Type: "ulong", Label: "flags"})
	h.Selectors = p.selectors(0, and...)
	return []Hook{h}
}

// truncated: by its path, and of an open file or by opening it, about which kernels before 6.2 do not ask on its own.
func truncated(p FilePaths) []Hook {
	byPath, open := ofKernel("security_path_truncate", Argument{Index: 0, Type: "path"}), ofKernel("security_file_truncate", Argument{Index: 0, Type: "file"})
	byPath.Selectors, open.Selectors = p.selectors(0), p.selectors(0)
	open.Ignore = &Ignore{CallNotFound: true}
	return []Hook{byPath, open}
}

// entry is an entry of a directory, as the functions that decide about names are given it: the directory, and the name in it.
var entry = []Argument{{Index: 0, Type: "path"}, {Index: 1, Type: "dentry"}}

func withMore(more ...Argument) []Argument { return slices.Concat(entry, more) }

// decided is an operation that security_path_NAME decides about; the files are any of the arguments of.
func decided(name string, args []Argument, of ...int) func(FilePaths) []Hook {
	return func(p FilePaths) []Hook {
		h := ofKernel("security_path_"+name, slices.Clone(args)...)
		for _, index := range of {
			h.Selectors = append(h.Selectors, p.selectors(index)...)
		}
		return []Hook{h}
	}
}
