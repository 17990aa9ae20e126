// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import "slices"

// System calls of the ABI for 32 bits, which any program of 64 bits can make too (int 0x80): what is armed must not be passed by them.

// compatCalls are the system calls of that ABI that do what one of the native ABI does, where it has others than the one of that name:
// with numbers of 64 bits, and with ids of 32 bits.
var compatCalls = map[string][]string{
	"truncate":  {"truncate", "truncate64"},
	"ftruncate": {"ftruncate", "ftruncate64"},
	"chown":     {"chown", "chown32"},
	"lchown":    {"lchown", "lchown32"},
	"fchown":    {"fchown", "fchown32"},
	"sendfile":  {"sendfile", "sendfile64"},
	"mmap":      {"mmap2"},
	oldMmap:     {"mmap"},
	"utimensat": {"utimensat", "utimensat_time64"},
}

// compatRows are the rows for that ABI; none where it has the registers of the native one, so that its rows are not told apart yet.
func (n *Node) compatRows(rows []equal) (all []equal) {
	if n.Registers.Architecture != "amd64" {
		return nil
	}
	for _, row := range rows {
		if row.event != "" {
			continue // it is passed whoever calls
		}
		row.compat, row.note = true, ""
		all = append(append(all, row), rowsInMemory(row)...)
	}
	return all
}

// socketcall is the one system call that programs for 32 bits had for all that is done to sockets.
const socketcall = "socketcall"

// socketCalls are its numbers of what other system calls do, include/uapi/linux/net.h.
var socketCalls = map[string]uint64{"socket": 1, "bind": 2, "connect": 3, "listen": 4, "accept": 5, "getsockname": 6, "getpeername": 7,
	"socketpair": 8, "sendto": 11, "recvfrom": 12, "shutdown": 13, "setsockopt": 14, "getsockopt": 15, "sendmsg": 16, "recvmsg": 17,
	"accept4": 18, "recvmmsg": 19, "sendmmsg": 20}

// oldMmap is what the first mmap of that ABI is called in the kernel: it has its arguments in memory.
const oldMmap = "old_mmap"

// rowsInMemory are a row's for those of its calls that can be made by one that has the arguments in memory.
func rowsInMemory(row equal) (all []equal) {
	for _, name := range slices.Concat(row.enter, row.exit) {
		one := row
		call := socketcall
		switch number, ofSocket := socketCalls[name]; {
		case ofSocket:
			one = row.if_(when{value: compatRegister(0), min: number, max: number})
			one.array = compatRegister(1)
		case name == "mmap":
			call, one.array = oldMmap, compatRegister(0)
		default:
			continue
		}
		if len(row.enter) > 0 {
			one.enter = []string{call}
		} else {
			one.exit = []string{call}
		}
		all = append(all, one)
	}
	return all
}

// compatRegister is what the register of an argument holds.
func compatRegister(index int) seen {
	return func(n *Node, _ *equal) (source, error) { return n.compatArgument(index) }
}

// compatNumbers are those of the calls that do what a native one does.
func (n *Node) compatNumbers(name string) (numbers []uint32) {
	names, several := compatCalls[name]
	if !several {
		names = []string{name}
	}
	_, compat := n.abis()
	for _, name := range names {
		if number, err := n.syscall(compat, name); err == nil {
			numbers = append(numbers, uint32(number))
		}
	}
	return numbers
}

// compatArgument is the register of an argument, of which the lower half counts.
func (n *Node) compatArgument(index int) (source, error) {
	if index < 0 || index >= len(compatArguments) {
		return source{}, noArgument("a system call", index)
	}
	register, _ := n.Registers.Lookup(compatArguments[index])
	from := inRegisters(0, register.Offset)
	from.Scale = 1
	return from, nil
}

// compatWord is the size of a pointer of that ABI.
const compatWord = 4
