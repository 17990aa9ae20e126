// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracefs

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

// Read finds the format of a tracepoint in tracefs, or without one in the type information. What the arguments of system
// calls are, type information has to tell in any case: without it they have the 8 bytes that are stored.
//
// The error wraps fs.ErrNotExist if the kernel has no such tracepoint, ErrNotMounted if nothing could tell.
func Read(kernel *layout.Kernel, subsystem, event string) (*Format, error) {
	return read(kernel, directories, subsystem, event)
}

func read(kernel *layout.Kernel, directories []string, subsystem, event string) (*Format, error) {
	types, noTypes := kernel.Spec()
	mounted, notMounted := openIn(directories)
	if notMounted == nil {
		defer mounted.Close()
		format, err := mounted.Format(subsystem, event)
		if err == nil && noTypes == nil {
			format.narrow(types)
		}
		return format, err
	}
	if noTypes != nil {
		return nil, fmt.Errorf("tracepoint %s/%s: %w; and %w", subsystem, event, notMounted, noTypes)
	}
	format, err := FromTypes(types, subsystem, event)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return nil, fmt.Errorf("%w; and %w", notMounted, err)
	}
	return format, nil
}

// narrow gives arguments of system calls the size and the sign of their types. The kernel stores all in 8 bytes, whose low
// ones are the value on little-endian processors, which all that we know are.
func (f *Format) narrow(types *btf.Spec) {
	if f.Subsystem != "syscalls" {
		return
	}
	for i := range f.Fields {
		field := &f.Fields[i]
		if field.Common() || field.Size != 8 || field.Pointer || field.Array {
			continue
		}
		if size, signed, ok := sizeOf(types, field.Type); ok && size <= 8 {
			field.Size, field.Signed = size, signed
		}
	}
}
