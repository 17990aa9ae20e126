// SPDX-License-Identifier: Apache-2.0

//go:build linux

package symbol

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/executable"
)

// Processes names addresses of processes. The functions of a file are kept for the next stack, while there is room.
type Processes struct {
	proc  string
	mutex sync.Mutex
	cache cache
}

// Limits of what is kept: files, and bytes of memory.
const (
	mostFiles = 256
	mostBytes = 64 << 20
)

// NewProcesses reads nothing yet. proc is where the proc file system is mounted of the pid namespace that Stack's pids are of:
// /proc in most cases.
func NewProcesses(proc string) *Processes {
	return &Processes{proc: proc, cache: newCache(mostFiles, mostBytes)}
}

// Stack names the frames of a process's stack as bpf_get_stack has them, the innermost first. A frame in a file without a
// name for it has the file as Module and its Offset there: the address that the file's own tables have, or, if it is no ELF
// file that can be read, that of the byte. Of a process that has ended, and where no file is mapped, nothing but the addresses
// is known.
func (p *Processes) Stack(pid uint32, addresses []uint64) []event.StackTraceEntry {
	frames := make([]event.StackTraceEntry, len(addresses))
	calls := make([]uint64, len(addresses))
	for i, address := range addresses {
		frames[i].Address, calls[i] = address, call(addresses, i)
	}
	directory := filepath.Join(p.proc, strconv.FormatUint(uint64(pid), 10))
	mappings, err := mappingsOf(directory, calls)
	if err != nil {
		return frames
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	seen := map[mapping]*functions{}
	for i, m := range mappings {
		if m == nil {
			continue
		}
		frame := &frames[i]
		frame.Module = m.path
		after := frame.Address - calls[i]
		frame.Offset = calls[i] - m.start + m.offset + after
		if !m.file() {
			continue
		}
		if _, ok := seen[*m]; !ok {
			seen[*m] = p.functions(directory, m)
		}
		if f := seen[*m]; f != nil {
			f.name(frame, calls[i]-m.start+m.offset, after)
		}
	}
	return frames
}

func mappingsOf(directory string, addresses []uint64) ([]*mapping, error) {
	file, err := os.Open(filepath.Join(directory, "maps"))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return findMappings(file, addresses)
}

// functions of the file that is mapped, nil if it cannot be opened.
func (p *Processes) functions(directory string, m *mapping) *functions {
	file, err := openMapped(directory, m, filepath.Join(directory, "root"), "/")
	if err != nil {
		return nil
	}
	defer file.Close()
	key, err := keyOf(file)
	if err != nil {
		return nil
	}
	if known, ok := p.cache.get(key); ok {
		return known
	}
	read := readFunctions(file, key.size)
	p.cache.put(key, read)
	return read
}

// openMapped opens what is mapped: by the mapping itself, which may also be of a file that has no name any more, and where the
// kernel refuses that, by the name below the roots: that of the process, and ours if the process only has another root in our
// mount namespace. Another file that has the name now is refused.
func openMapped(directory string, m *mapping, roots ...string) (*os.File, error) {
	if file, err := executable.OpenLink(filepath.Join(directory, "map_files", m.link())); err == nil {
		return file, nil
	}
	for _, root := range roots {
		file, err := executable.OpenBelow(root, m.path)
		if err != nil {
			continue
		}
		var stat unix.Stat_t
		// Devices are not compared: of file systems that consist of several, stat has another than the mapping.
		if err := unix.Fstat(int(file.Fd()), &stat); err == nil && stat.Ino == m.inode {
			return file, nil
		}
		file.Close()
	}
	return nil, fmt.Errorf("%s: no such file, or another one now", m.path)
}
