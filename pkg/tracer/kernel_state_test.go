// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/cilium/ebpf"
)

// programs counts our programs in the kernel, whoever loaded them.
func programs(t *testing.T) (count int) {
	t.Helper()
	names := []string{"process_exec", "process_fork", "process_exit", "cgroup_made", "tasks"}
	for id := ebpf.ProgramID(0); ; {
		next, err := ebpf.ProgramGetNextID(id)
		if errors.Is(err, os.ErrNotExist) {
			return count
		}
		must(t, err)
		id = next
		program, err := ebpf.NewProgramFromID(id)
		if errors.Is(err, os.ErrNotExist) {
			continue // gone in between
		}
		must(t, err)
		info, err := program.Info()
		must(t, err)
		if slices.Contains(names, info.Name) {
			count++
		}
		program.Close()
	}
}

// lockedBuffer is a bytes.Buffer for two goroutines.
type lockedBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) bytes() []byte {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return bytes.Clone(b.buffer.Bytes())
}
