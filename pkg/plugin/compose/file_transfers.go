// SPDX-License-Identifier: Apache-2.0

package compose

import "slices"

// System calls that read or write a file: the descriptor is argument 0, the bytes or the number of buffers argument 2. More
// than four of one hook share one program, which is attached at once.
var (
	readCalls  = []string{"sys_read", "sys_pread64", "sys_readv", "sys_preadv", "sys_preadv2"}
	writeCalls = []string{"sys_write", "sys_pwrite64", "sys_writev", "sys_pwritev", "sys_pwritev2"}
)

// copyCalls move bytes from one file to another without that the program sees them.
var copyCalls = []struct {
	names         []string
	from, to, len int
}{
	{[]string{"sys_sendfile"}, 1, 0, 3},
	{[]string{"sys_copy_file_range", "sys_splice"}, 0, 2, 4},
}

// transfers adds the hooks of the operations read and write, with what they return: the bytes.
func (p *Policy) transfers(paths FilePaths, operations []string) {
	reads, writes := slices.Contains(operations, "read"), slices.Contains(operations, "write")
	var calls []string
	if reads {
		calls = append(calls, readCalls...)
	}
	if writes {
		calls = append(calls, writeCalls...)
	}
	if len(calls) == 0 {
		return
	}
	h := ofSystemCalls(p.list("transfers", calls), Argument{Index: 0, Type: "fd"}, Argument{Index: 2, Type: "size_t", Label: "count"})
	h.Selectors = paths.selectors(0)
	p.Kprobes = append(p.Kprobes, h)
	for _, c := range copyCalls {
		call := c.names[0]
		if len(c.names) > 1 {
			call = p.list("copies", c.names)
		}
		args := []Argument{{Index: c.from, Type: "fd", Label: "from"}, {Index: c.to, Type: "fd", Label: "to"}, {Index: c.len, Type: "size_t", Label: "count"}}
		slices.SortFunc(args, func(a, b Argument) int { return a.Index - b.Index })
		h := ofSystemCalls(call, args...)
		if reads {
			h.Selectors = append(h.Selectors, paths.selectors(c.from)...)
		}
		if writes {
			h.Selectors = append(h.Selectors, paths.selectors(c.to)...)
		}
		p.Kprobes = append(p.Kprobes, h)
	}
}

// list adds a list of system calls and returns how hooks refer to it.
func (p *Policy) list(name string, calls []string) string {
	p.Lists = append(p.Lists, List{Name: name, Type: "syscalls", Values: calls})
	return "list:" + name
}
