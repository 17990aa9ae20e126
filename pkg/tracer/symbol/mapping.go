// SPDX-License-Identifier: Apache-2.0

package symbol

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// mapping is a line of /proc/PID/maps.
type mapping struct {
	start, end uint64
	// offset in the file of what is at start.
	offset uint64
	// device as the kernel writes it, of which the inode is.
	device string
	inode  uint64
	// path as the process's mount namespace has it, or ours if that is the same; a name in brackets for the kernel's own, empty
	// for memory without a file.
	path string
}

// mostMaps is how much of the list is read, in bytes: the kernel's limit is 65530 mappings per process, which only a process
// that wants to be looked at has.
const mostMaps = 16 << 20

// longestLine in bytes: a path has at most 4 KiB, of which each byte may be written with 4.
const longestLine = 1 << 16

// findMappings reads the list up to the last mapping that is needed: one for each address, nil where there is none.
func findMappings(from io.Reader, addresses []uint64) ([]*mapping, error) {
	found := make([]*mapping, len(addresses))
	order := make([]int, len(addresses))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(addresses[a], addresses[b]) })
	lines := bufio.NewScanner(io.LimitReader(from, mostMaps))
	lines.Buffer(nil, longestLine)
	for len(order) > 0 && lines.Scan() {
		m, ok := parseMapping(lines.Bytes())
		if !ok {
			return nil, errors.New("a malformed list of mappings")
		}
		for len(order) > 0 && addresses[order[0]] < m.end {
			if addresses[order[0]] >= m.start {
				found[order[0]] = &m
			}
			order = order[1:]
		}
	}
	return found, lines.Err()
}

// parseMapping reads start-end permissions offset device inode path.
func parseMapping(line []byte) (m mapping, ok bool) {
	fields := bytes.SplitN(line, []byte{' '}, 6)
	if len(fields) < 5 {
		return m, false
	}
	start, end, _ := strings.Cut(string(fields[0]), "-")
	var errs [4]error
	m.start, errs[0] = strconv.ParseUint(start, 16, 64)
	m.end, errs[1] = strconv.ParseUint(end, 16, 64)
	m.offset, errs[2] = strconv.ParseUint(string(fields[2]), 16, 64)
	m.inode, errs[3] = strconv.ParseUint(string(fields[4]), 10, 64)
	m.device = string(fields[3])
	if len(fields) == 6 {
		m.path = path(string(bytes.TrimLeft(fields[5], " ")))
	}
	return m, errors.Join(errs[:]...) == nil && m.start < m.end
}

// path undoes what the kernel does to paths: a newline is \012, and one that is gone is marked.
func path(text string) string {
	return strings.ReplaceAll(strings.TrimSuffix(text, " (deleted)"), `\012`, "\n")
}

// link is the mapping's name in map_files.
func (m *mapping) link() string { return fmt.Sprintf("%x-%x", m.start, m.end) }

// file says whether the mapping is one of a file.
func (m *mapping) file() bool { return m.inode != 0 && strings.HasPrefix(m.path, "/") }
