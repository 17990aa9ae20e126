// SPDX-License-Identifier: Apache-2.0

package library

import "slices"

// Group of hooks that belong into one policy.
type Group string

// The groups.
const (
	Files   Group = "files"
	Network Group = "network"
	Calls   Group = "calls"
)

// Groups are all of them.
func Groups() []Group { return []Group{Files, Network, Calls} }

// Argument is a value that is told.
type Argument struct {
	// Index of the function's argument.
	Index int
	// Type and Label as in a TracingPolicy. Labels are rows of the table of values.
	Type, Label string
	// Resolve is the way from the current task to the value; empty for an argument.
	Resolve string
}

// Hook is a function of the kernel that is watched, plain data in the words of TracingPolicy.
type Hook struct {
	Group Group
	// Function is its name, or that of a system call with sys_ before it.
	Function string
	Syscall  bool
	// Arguments of the function, and Acting: what is told of its thread.
	Arguments, Acting []Argument
	// Returns is the type of what is returned, empty if that is not told, ReturnLabel its label.
	Returns, ReturnLabel string
	// Selectors, of which the first that matches decides; without any each call is told.
	Selectors []Selector
}

// Selector is filters of which all have to match.
type Selector struct{ Filters, Returned []Filter }

// Filter compares an argument, by its place in the hook's list, or what is returned.
type Filter struct {
	Place    int
	Operator string
	Values   []string
}

// kind is one row of the table of what can be observed.
type kind struct {
	name string
	// hooks that show it; none for programs that run, which are told anyway.
	hooks []Hook
	// filters that a rule may give, by key.
	filters []filterKey
	// what it is, for documents.
	about string
}

// comparison is how a filter compares.
type comparison int

const (
	// byText compares with the texts of texts.
	byText comparison = iota
	// byNumber compares with numbers, or with mask.
	byNumber
	// byPort and byAddress compare one end of a connection.
	byPort
	byAddress
	// byAccess is how a file is opened.
	byAccess
)

// filterKey is a filter that a rule may give: its key, and the labels of the values of which one has to match.
type filterKey struct {
	key    string
	how    comparison
	labels []string
}

// Labels of values.
const (
	labelPath, labelNewPath, labelTarget, labelWritten, labelDirectory = "path", "new_path", "target", "written", "directory"
	labelFlags, labelMode, labelDevice, labelRequest, labelPID         = "flags", "mode", "device", "request", "pid"
	labelCommand, labelFD, labelNewFD, labelDomain, labelType          = "command", "fd", "new_fd", "domain", "type"
	labelAddress, labelUnix, labelSocket, labelListener, labelSignal   = "address", "unix", "socket", "listener", "signal"
	labelSource, labelFilesystem, labelEUID, labelCapabilities         = "source", "filesystem", "euid", "capabilities"
	labelProtection, labelError                                        = "protection", "error"
)

func number(index int, label string) Argument {
	return Argument{Index: index, Type: "int", Label: label}
}
func text(index int, label string) Argument {
	return Argument{Index: index, Type: "string", Label: label}
}

// file is the file that the first argument, a descriptor, stands for.
func file(label string) Argument { return Argument{Type: "fd", Label: label} }

// entry is an entry of a directory as functions that decide about names are given it: the directory, and the name in it.
func entry(first int, label string) []Argument {
	return []Argument{{Index: first, Type: "path", Label: labelDirectory}, {Index: first + 1, Type: "dentry", Label: label}}
}

func syscall(group Group, name string, arguments ...Argument) Hook {
	return Hook{Group: group, Function: "sys_" + name, Syscall: true, Arguments: arguments}
}

func function(name string, arguments ...Argument) Hook {
	return Hook{Group: Files, Function: name, Arguments: arguments}
}

func returning(h Hook, kind, label string) Hook {
	h.Returns, h.ReturnLabel = kind, label
	return h
}

// acting tells what the thread may do at the time of the call.
func acting(h Hook) Hook {
	h.Acting = []Argument{
		{Type: "uint32", Label: labelEUID, Resolve: "cred.euid.val"},
		{Type: "cap_effective", Label: labelCapabilities, Resolve: "cred.cap_effective"},
	}
	return h
}

// opens tell the file that was opened: what its path is compared with.
func opens(name string, arguments ...Argument) Hook {
	return returning(syscall(Files, name, arguments...), "fd", labelPath)
}

// Names of the kinds that are not only a row.
const (
	kindExec = "exec"
	kindOpen = "open"
)

var paths = filterKey{"path", byText, []string{labelPath}}

// bothPaths: one of the two names.
var bothPaths = filterKey{"path", byText, []string{labelPath, labelNewPath}}

func numbers(label string) filterKey { return filterKey{label, byNumber, []string{label}} }

// kinds is the table of what can be observed.
var kinds = []kind{
	{name: kindExec, about: "a program runs; process is the new one, previous what it replaced"},
	{name: "exec_failed", about: "a program cannot be run: no permission, or no format that the kernel knows; file.written is its path", hooks: []Hook{
		failing(syscall(Calls, "execve", text(0, labelWritten))),
	}},
	{
		name: kindOpen, about: "a file is opened, with its path as the kernel found it; calls that fail are not told",
		hooks: []Hook{
			opens("open", text(0, labelWritten), number(1, labelFlags), number(2, labelMode)),
			opens("openat", number(0, labelDirectory), text(1, labelWritten), number(2, labelFlags), number(3, labelMode)),
			opens("openat2", text(1, labelWritten)),
			opens("creat", text(0, labelWritten), number(1, labelMode)),
		},
		filters: []filterKey{paths, {"access", byAccess, []string{labelFlags, labelMode}}},
	},
	{name: "rename", about: "file.path gets the name file.new_path", hooks: []Hook{function("security_path_rename", append(entry(0, labelPath), entry(2, labelNewPath)...)...)}, filters: []filterKey{bothPaths}},
	{name: "unlink", about: "a file is removed", hooks: []Hook{function("security_path_unlink", entry(0, labelPath)...)}, filters: []filterKey{paths}},
	{name: "link", about: "file.path gets a second name, file.new_path", hooks: []Hook{function("security_path_link", append([]Argument{{Index: 0, Type: "dentry", Label: labelPath}}, entry(1, labelNewPath)...)...)}, filters: []filterKey{bothPaths}},
	{name: "symlink", about: "a symbolic link file.path is made that says file.target", hooks: []Hook{function("security_path_symlink", append(entry(0, labelPath), text(2, labelTarget))...)}, filters: []filterKey{paths, {"target", byText, []string{labelTarget}}}},
	{name: "mkdir", about: "a directory is made", hooks: []Hook{function("security_path_mkdir", entry(0, labelPath)...)}, filters: []filterKey{paths}},
	{name: "mknod", about: "a device, pipe or socket is made, file.type", hooks: []Hook{function("security_path_mknod", append(entry(0, labelPath), Argument{Index: 2, Type: "uint16", Label: labelMode}, Argument{Index: 3, Type: "uint32", Label: labelDevice})...)}, filters: []filterKey{paths}},
	{name: "chmod", about: "a file gets the permissions file.mode", hooks: []Hook{function("security_path_chmod", Argument{Index: 0, Type: "path", Label: labelPath}, Argument{Index: 1, Type: "uint16", Label: labelMode})}, filters: []filterKey{paths, numbers(labelMode)}},
	{name: "map", about: "a file is mapped into memory", hooks: []Hook{function("security_mmap_file", Argument{Index: 0, Type: "file", Label: labelPath}, Argument{Index: 1, Type: "ulong", Label: labelProtection})}, filters: []filterKey{paths, numbers(labelProtection)}},
	{name: "truncate", about: "a file is cut; opening it to be emptied is an open", hooks: []Hook{syscall(Files, "truncate", text(0, labelPath)), syscall(Files, "ftruncate", file(labelPath))}, filters: []filterKey{paths}},
	{
		name: "mount", about: "file.source is mounted at file.path as file.filesystem; with the newer calls only the last is known",
		hooks: []Hook{
			function("security_sb_mount", text(0, labelSource), Argument{Index: 1, Type: "path", Label: labelPath}, text(2, labelFilesystem), Argument{Index: 3, Type: "ulong", Label: labelFlags}),
			syscall(Files, "fsopen", text(0, labelFilesystem)),
		},
	},

	{
		name: "connect", about: "a socket is connected, whether it succeeds or not",
		hooks:   []Hook{syscall(Network, "connect", file(labelSocket), number(0, labelFD), Argument{Index: 1, Type: "sockaddr", Label: labelAddress}, Argument{Index: 1, Type: "sockaddr_un", Label: labelUnix})},
		filters: []filterKey{{"port", byPort, []string{labelAddress}}, {"address", byAddress, []string{labelAddress}}, {"unix", byText, []string{labelUnix}}},
	},
	{name: "accept", about: "a connection is accepted, call.fd", hooks: []Hook{
		returning(syscall(Network, "accept", file(labelSocket)), "int", labelFD),
		returning(syscall(Network, "accept4", file(labelSocket)), "int", labelFD),
	}},
	{name: "listen", about: "a socket listens at net.port", hooks: []Hook{{Group: Network, Function: "security_socket_listen", Arguments: []Argument{{Index: 0, Type: "socket", Label: labelListener}}}}},
	{name: "socket", about: "a socket is made", hooks: []Hook{syscall(Network, "socket", number(0, labelDomain), number(1, labelType))}, filters: []filterKey{numbers(labelDomain), numbers(labelType)}},
	{name: "dup", about: "the descriptor call.fd, a socket, becomes call.new_fd, too", hooks: []Hook{
		onlySockets(returning(syscall(Network, "dup", file(labelSocket), number(0, labelFD)), "int", labelNewFD)),
		onlySockets(syscall(Network, "dup2", file(labelSocket), number(0, labelFD), number(1, labelNewFD))),
		onlySockets(syscall(Network, "dup3", file(labelSocket), number(0, labelFD), number(1, labelNewFD))),
	}},

	{name: "ptrace", about: "ptrace(2)", hooks: []Hook{syscall(Calls, "ptrace", number(0, labelRequest), number(1, labelPID))}, filters: []filterKey{numbers(labelRequest)}},
	{name: "write_memory", about: "process_vm_writev(2)", hooks: []Hook{syscall(Calls, "process_vm_writev", number(0, labelPID))}},
	{name: "setns", about: "setns(2)", hooks: []Hook{syscall(Calls, "setns", file(labelPath), number(1, labelFlags))}},
	{name: "user_namespace", about: "a user namespace is made", hooks: []Hook{acting(Hook{Group: Calls, Function: "create_user_ns"})}},
	{name: "bpf", about: "bpf(2)", hooks: []Hook{syscall(Calls, "bpf", number(0, labelCommand))}, filters: []filterKey{numbers(labelCommand)}},
	{name: "module", about: "a kernel module is loaded, or is to be", hooks: []Hook{syscall(Calls, "init_module"), syscall(Calls, "finit_module", file(labelPath))}},
	{name: "userfaultfd", about: "userfaultfd(2)", hooks: []Hook{acting(syscall(Calls, "userfaultfd", number(0, labelFlags)))}},
	{name: "io_uring", about: "io_uring_setup(2)", hooks: []Hook{syscall(Calls, "io_uring_setup", number(0, labelFlags))}},
	{name: "chroot", about: "chroot(2) and pivot_root(2)", hooks: []Hook{syscall(Calls, "chroot", text(0, labelWritten)), syscall(Calls, "pivot_root", text(0, labelWritten))}},
	{name: "chdir", about: "chdir(2) to file.written", hooks: []Hook{syscall(Calls, "chdir", text(0, labelWritten))}, filters: []filterKey{{"written", byText, []string{labelWritten}}}},
	{name: "kill", about: "kill(2)", hooks: []Hook{syscall(Calls, "kill", number(0, labelPID), number(1, labelSignal))}, filters: []filterKey{numbers(labelSignal)}},
}

// failing has calls left out that succeed, and those that find no file: shells look for programs that way.
func failing(h Hook) Hook {
	h = returning(h, "int", labelError)
	h.Selectors = []Selector{{Returned: []Filter{{0, "Equal", []string{"-13", "-8", "-1"}}}}} // EACCES, ENOEXEC, EPERM
	return h
}

// onlySockets has descriptors of other files left out.
func onlySockets(h Hook) Hook {
	h.Selectors = []Selector{{Filters: []Filter{{Place: 0, Operator: "FileType", Values: []string{"sock"}}}}}
	return h
}

// kindOf is the row of a name, -1 if there is none.
func kindOf(name string) int {
	return slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
}

func kindNames() (names []string) {
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

// filter is the row of a key, nil if there is none.
func (k *kind) filter(key string) *filterKey {
	for i := range k.filters {
		if k.filters[i].key == key {
			return &k.filters[i]
		}
	}
	return nil
}

func (k *kind) filterKeys() (keys []string) {
	for _, f := range k.filters {
		keys = append(keys, f.key)
	}
	return keys
}

// place of an argument in the hook's list by its label, -1 if it has none.
func (h *Hook) place(label string) int {
	return slices.IndexFunc(h.Arguments, func(a Argument) bool { return a.Label == label })
}
