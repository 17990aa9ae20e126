// SPDX-License-Identifier: Apache-2.0

package event

import "strings"

// FailedExec is an exec that failed: what of a process_kprobe of the system calls execve and execveat says so.
type FailedExec struct {
	// Path is what the process asked for, from its own memory at the time of the call; empty when it gave only a descriptor, or
	// it could not be read.
	Path string
	// Returned is the negative number of the error.
	Returned int64
}

// FailedExec says whether the event is an exec that failed.
func (e *Event) FailedExec() (failed FailedExec, ok bool) {
	k := e.ProcessKprobe
	if k == nil || k.Return == nil {
		return failed, false
	}
	if _, call, found := strings.Cut(k.FunctionName, "sys_"); !found || call != "execve" && call != "execveat" {
		return failed, false
	}
	switch {
	case k.Return.IntArg != nil:
		failed.Returned = int64(*k.Return.IntArg)
	case k.Return.LongArg != nil:
		failed.Returned = *k.Return.LongArg
	}
	for i := range k.Args {
		if path := k.Args[i].StringArg; path != nil {
			failed.Path = *path
			break
		}
	}
	return failed, failed.Returned < 0
}
