// SPDX-License-Identifier: Apache-2.0

//go:build linux

package field

import (
	"slices"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// hasStacks: the kernel's stack goes down to where system calls are entered; of the program's there may be no names, as it is
// gone by then.
func hasStacks(t *testing.T, told []*event.Event) {
	t.Helper()
	for _, e := range told {
		if !hasSymbol(e.ProcessKprobe.KernelStackTrace, "do_syscall_64") {
			t.Errorf("kernel stack %+v", e.ProcessKprobe.KernelStackTrace)
		}
		if len(e.ProcessKprobe.UserStackTrace) == 0 {
			t.Errorf("user stack %+v", e.ProcessKprobe.UserStackTrace)
		}
	}
}

func hasSymbol(stack []event.StackTraceEntry, symbol string) bool {
	return slices.ContainsFunc(stack, func(e event.StackTraceEntry) bool { return e.Symbol == symbol })
}

// TestEverySyscall: a policy without any filter tells each system call once, and the last is that which ends the process.
func TestEverySyscall(t *testing.T) {
	const name, getsid, exitGroup = "every-syscall", 124, 231
	folder := newFolder(t, "")
	result := harness.Run(t, policyText(t, name, folder), harness.Options{}, harness.Step{Label: name, Do: "call getsid 0 then call getsid 0 then call getsid 0"})
	var ids []uint32
	for _, e := range result.Of(name, name) {
		ids = append(ids, e.ProcessTracepoint.Args[0].SyscallID.ID)
	}
	first := slices.Index(ids, getsid)
	if first < 0 || len(ids) != first+4 || !slices.Equal(ids[first:], []uint32{getsid, getsid, getsid, exitGroup}) {
		t.Errorf("told %v", ids)
	}
}

// TestLoader: files that are mapped to be executed are told, and only those.
func TestLoader(t *testing.T) {
	folder := newFolder(t, "")
	result := harness.Run(t, policyText(t, "libraries", folder), harness.Options{}, harness.Step{
		Label: "libraries", Do: "open " + folder + "/program then mmap rx then open " + folder + "/probes then mmap r",
	})
	var paths []string
	for _, e := range result.Events {
		if l := e.ProcessLoader; l != nil && l.Process != nil && len(l.Process.Arguments) > 4 {
			paths = append(paths, l.Path)
		}
	}
	if !slices.Contains(paths, folder+"/program") || slices.Contains(paths, folder+"/probes") {
		t.Errorf("told %v", paths)
	}
}
