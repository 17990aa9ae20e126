// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"context"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// explained has ways of all kinds, and an enforcer that no kernel serves.
const explained = `
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: explained}
spec:
  enforcers: [{calls: [sys_chdir]}]
  kprobes:
  - {call: sys_chdir, syscall: true, selectors: [{matchActions: [{action: Override, argError: -1}]}]}
  - {call: security_bprm_check, syscall: false, selectors: [{matchActions: [{action: Override, argError: -1}]}]}
`

// TestExplainedWays: each way has a name, and no two that are refused the same.
func TestExplainedWays(t *testing.T) {
	needRoot(t)
	all, err := Explain(context.Background(), []wire.PolicySource{{Name: "explained.yaml", Text: explained}}, true)
	if err != nil || len(all) != 3 {
		t.Fatalf("%d explanations, %v", len(all), err)
	}
	if e := all[2].Ways[0]; all[2].Hook != -1 || e.Refused != "" && (!strings.Contains(e.Refused, "sys_chdir by fmod_ret: ") || !strings.Contains(e.Refused, "sys_chdir by kprobe: ")) {
		t.Errorf("an enforcer on a system call is served, or each way says why not: %+v", all[2])
	}
	for _, e := range all {
		refused := map[string]bool{}
		for _, way := range e.Ways {
			if way.Backend == "" {
				t.Errorf("hook %d: a way without a name: %+v", e.Hook, way)
			}
			if line := way.Backend + ": " + way.Refused; way.Refused != "" && refused[line] {
				t.Errorf("hook %d says twice: %s", e.Hook, line)
			} else {
				refused[line] = true
			}
		}
	}
}

// TestCheckOfRegisters: a program that sets registers is tried as the others are.
func TestCheckOfRegisters(t *testing.T) {
	needRoot(t)
	types := layout.NewKernel()
	programs, err := kernel.Load(kernel.Scope{All: true, Types: types.Cache()})
	if err != nil {
		t.Fatal(err)
	}
	defer programs.Close()
	set, err := hook.NewSet(programs, types.Cache(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	d := &hook.Definition{Name: "registers", Attachments: []hook.Attachment{{Stage: hook.Entry, Mechanism: hook.Uprobe}}}
	if err := set.Check(d); err != nil {
		t.Fatalf("without registers: %v", err)
	}
	d.Registers = []hook.Assignment{{Offset: 1 << 14, Size: 8, Add: 1}} // behind the last
	if err := set.Check(d); err == nil || !strings.Contains(err.Error(), "registers") {
		t.Errorf("a register that is none: %v", err)
	}
}
