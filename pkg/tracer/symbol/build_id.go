// SPDX-License-Identifier: Apache-2.0

//go:build linux

package symbol

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/executable"
)

// Limits of reading build ids: of how many files they are remembered, how long one may take, and how many that take longer wait
// for their file systems before no more are read. A container may have a file system that never answers.
const (
	mostBuildIDs   = 1024
	longestReading = 200 * time.Millisecond
	mostStuck      = 4
)

// BuildIDs reads those of files that processes have mapped.
type BuildIDs struct {
	proc string
	// reading has an entry for each file that is being read.
	reading chan struct{}

	mutex sync.Mutex
	known map[fileKey][]byte
	order []fileKey // the oldest first
}

// NewBuildIDs reads nothing yet. proc is where the proc file system is mounted of the pid namespace that Of's pids are of.
func NewBuildIDs(proc string) *BuildIDs {
	return &BuildIDs{proc: proc, reading: make(chan struct{}, mostStuck), known: map[fileKey][]byte{}}
}

// Of is the build id of a file that a process has mapped, or is about to, by the path that it has for the process and its inode
// number. It is nil for a file without one, and where it cannot be told for sure: the process has ended, the file cannot be
// opened, another one has its name now, or its file system does not answer soon.
func (b *BuildIDs) Of(pid uint32, path string, inode uint64) []byte {
	select {
	case b.reading <- struct{}{}:
	default:
		return nil
	}
	read := make(chan []byte, 1)
	go func() {
		defer func() { <-b.reading }()
		read <- b.read(filepath.Join(b.proc, strconv.FormatUint(uint64(pid), 10)), path, inode)
	}()
	patience := time.NewTimer(longestReading)
	defer patience.Stop()
	select {
	case id := <-read:
		return id
	case <-patience.C:
		return nil
	}
}

func (b *BuildIDs) read(directory, path string, inode uint64) []byte {
	file, err := openMapped(directory, findFile(directory, path, inode), filepath.Join(directory, "root"))
	if err != nil {
		return nil
	}
	defer file.Close()
	key, err := keyOf(file)
	if err != nil {
		return nil
	}
	if id, ok := b.get(key); ok {
		return id
	}
	var id []byte
	if elf, err := executable.New(file, key.size); err == nil {
		if id, err = elf.BuildID(); err != nil || len(id) > executable.LongestBuildID {
			id = nil
		}
	}
	b.put(key, id)
	return id
}

func (b *BuildIDs) get(key fileKey) (id []byte, ok bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	id, ok = b.known[key]
	return id, ok
}

// put remembers an id, and forgets the one that was read first if there are too many.
func (b *BuildIDs) put(key fileKey, id []byte) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if _, ok := b.known[key]; !ok {
		b.order = append(b.order, key)
	}
	b.known[key] = id
	if len(b.order) > mostBuildIDs {
		delete(b.known, b.order[0])
		b.order = b.order[1:]
	}
}

// findFile is where a process has mapped a file. Where that is nowhere yet, or where several files have the number, of several file
// systems, it is the path alone.
func findFile(directory, path string, inode uint64) *mapping {
	byPath := &mapping{path: path, inode: inode}
	maps, err := os.Open(filepath.Join(directory, "maps"))
	if err != nil {
		return byPath
	}
	defer maps.Close()
	var found *mapping
	lines := bufio.NewScanner(io.LimitReader(maps, mostMaps))
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		m, ok := parseMapping(lines.Bytes())
		switch {
		case !ok || m.inode != inode || !m.file():
		case found != nil && found.device != m.device:
			return byPath
		default:
			found = &m
		}
	}
	if found == nil || lines.Err() != nil {
		return byPath
	}
	return &mapping{start: found.start, end: found.end, path: path, inode: inode}
}
