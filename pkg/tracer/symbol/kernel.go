// SPDX-License-Identifier: Apache-2.0

package symbol

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// ErrHidden: the kernel shows no addresses of its functions.
var ErrHidden = errors.New("the kernel hides the addresses of its functions (/proc/sys/kernel/kptr_restrict is 2, or CAP_SYSLOG is missing)")

const (
	kallsyms = "/proc/kallsyms"
	// mostKallsyms is how much of it is read, in bytes: Linux 6.18 without modules has 5 MiB.
	mostKallsyms = 256 << 20
	// longestKernelFunction in bytes. What is further from the next lower symbol is between modules, or in one that was loaded
	// since: to be sure, the list is read again, at most every rereadAfter.
	longestKernelFunction = 64 << 10
	rereadAfter           = 10 * time.Second
)

// Kernel names addresses of the kernel.
type Kernel struct {
	report func(error)
	path   string
	now    func() time.Time

	mutex   sync.Mutex
	table   table
	read    time.Time
	problem error
}

// NewKernel reads nothing yet. report is told once why there are no names, by an error that wraps ErrHidden or is that of
// reading.
func NewKernel(report func(error)) *Kernel {
	return &Kernel{report: report, path: kallsyms, now: time.Now}
}

// Stack names the frames of a stack as bpf_get_stack has them, the innermost first. Addresses are in the result: who must not
// show the kernel's layout removes them.
func (k *Kernel) Stack(addresses []uint64) []event.StackTraceEntry {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	frames := make([]event.StackTraceEntry, len(addresses))
	for i, address := range addresses {
		frames[i].Address = address
		if name, offset, ok := k.find(call(addresses, i)); ok {
			frames[i].Symbol, frames[i].Offset = name, offset+address-call(addresses, i)
		}
	}
	return frames
}

func (k *Kernel) find(address uint64) (name string, offset uint64, ok bool) {
	if k.read.IsZero() {
		k.load()
	}
	name, offset, ok = k.table.find(address)
	if ok && offset < longestKernelFunction {
		return name, offset, true
	}
	if k.problem == nil && k.now().Sub(k.read) >= rereadAfter {
		k.load()
		name, offset, ok = k.table.find(address)
	}
	return name, offset, ok && offset < longestKernelFunction
}

func (k *Kernel) load() {
	k.read = k.now()
	loaded, err := readKallsyms(k.path)
	if err == nil {
		k.table = loaded
		return
	}
	if k.problem == nil {
		k.problem = fmt.Errorf("kernel stacks have no names: %w", err)
		k.report(k.problem)
	}
}

func readKallsyms(path string) (table, error) {
	file, err := os.Open(path)
	if err != nil {
		return table{}, fmt.Errorf("names of the kernel's functions: %w", err)
	}
	defer file.Close()
	return parseKallsyms(io.LimitReader(file, mostKallsyms))
}

// parseKallsyms takes the functions: lines such as "ffffffff81000000 T _stext", and after a tab the module in brackets.
func parseKallsyms(from io.Reader) (t table, err error) {
	hidden := false
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		fields := bytes.Fields(lines.Bytes())
		if len(fields) < 3 || len(fields[1]) != 1 || !bytes.Contains([]byte("tTwW"), fields[1]) {
			continue
		}
		address, err := strconv.ParseUint(string(fields[0]), 16, 64)
		if err != nil {
			continue
		}
		if address == 0 {
			hidden = true
			continue
		}
		t.add(fields[2], address, unknownSize)
	}
	if err := lines.Err(); err != nil {
		return table{}, fmt.Errorf("names of the kernel's functions: %w", err)
	}
	switch {
	case len(t.functions) == 0 && hidden:
		return table{}, ErrHidden
	case len(t.functions) == 0:
		return table{}, errors.New("names of the kernel's functions: " + kallsyms + " has none")
	}
	t.sort()
	return t, nil
}
