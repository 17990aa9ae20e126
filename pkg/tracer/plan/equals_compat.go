// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

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
	"mmap":      {"mmap2"}, // the older one has its arguments in memory
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
		all = append(all, row)
	}
	return all
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
	from.ShiftLeft, from.ShiftRight = 32, 32
	return from, nil
}
