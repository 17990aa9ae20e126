// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

import (
	"fmt"
	"io"
	"os"
)

// argumentsMax is ARGUMENTS_MAX of bpf/records.h.
const argumentsMax = 8192

// readArguments reads what a running process was called with from /proc: the task iterator of old kernels cannot.
func readArguments(i *Image) {
	if i.Header.Flags&KernelThread != 0 || i.ReaderPid == 0 {
		return
	}
	file, err := os.Open(fmt.Sprintf("/proc/%d/cmdline", i.ReaderPid))
	if err != nil {
		i.Header.Flags |= ArgumentsUnreadable
		return
	}
	defer file.Close()
	arguments, err := io.ReadAll(io.LimitReader(file, argumentsMax+1))
	switch {
	case err != nil:
		i.Header.Flags |= ArgumentsUnreadable
		return
	case len(arguments) > argumentsMax:
		i.Header.Flags |= ArgumentsCut
		arguments = arguments[:argumentsMax]
	}
	i.Arguments, i.ArgumentsLength = string(arguments), uint32(len(arguments))
}
