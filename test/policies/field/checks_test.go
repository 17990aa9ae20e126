// SPDX-License-Identifier: Apache-2.0

//go:build linux

package field

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// hasStacks: the kernel's stack goes down to where system calls are entered; of the program's there may be no names, as it is
// gone by then.
func hasStacks(t *testing.T, _ *harness.Result, told []*event.Event) {
	t.Helper()
	for _, e := range told {
		entry := func(e event.StackTraceEntry) bool { return e.Symbol == "do_syscall_64" }
		if !slices.ContainsFunc(e.ProcessKprobe.KernelStackTrace, entry) {
			t.Errorf("kernel stack %+v", e.ProcessKprobe.KernelStackTrace)
		}
		if len(e.ProcessKprobe.UserStackTrace) == 0 {
			t.Errorf("user stack %+v", e.ProcessKprobe.UserStackTrace)
		}
	}
}

// hasKernelStacks: functions of the kernel have names.
func hasKernelStacks(t *testing.T, _ *harness.Result, told []*event.Event) {
	t.Helper()
	for _, e := range told {
		if !slices.ContainsFunc(e.ProcessKprobe.KernelStackTrace, func(e event.StackTraceEntry) bool { return e.Symbol == "udp_sendmsg" }) {
			t.Errorf("kernel stack %+v", e.ProcessKprobe.KernelStackTrace)
		}
	}
}

// hasEveryCall: each system call is told once, and the last is that which ends the process.
func hasEveryCall(t *testing.T, _ *harness.Result, told []*event.Event) {
	t.Helper()
	const getsid, exitGroup = 124, 231
	var ids []uint32
	for _, e := range told {
		ids = append(ids, e.ProcessTracepoint.Args[0].SyscallID.ID)
	}
	first := slices.Index(ids, getsid)
	if first < 0 || !slices.Equal(ids[first:], []uint32{getsid, getsid, getsid, exitGroup}) {
		t.Errorf("told %v", ids)
	}
}

// hasMapped: files that are mapped to be executed are told, and only those.
func hasMapped(t *testing.T, result *harness.Result, _ []*event.Event) {
	t.Helper()
	var mapped []string
	for _, e := range result.Events {
		if l := e.ProcessLoader; l != nil && l.Process != nil && strings.HasPrefix(l.Process.Arguments, "libraries ") {
			mapped = append(mapped, path.Base(l.Path))
		}
	}
	if !slices.Contains(mapped, "program") || slices.Contains(mapped, "probes") {
		t.Errorf("told %v", mapped)
	}
}
