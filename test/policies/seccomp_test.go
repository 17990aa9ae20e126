// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

const refusedCalls = `
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: call}
spec: {kprobes: [{call: sys_rmdir, syscall: true, args: [{index: 0, type: string}]}]}
---
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: decision}
spec: {kprobes: [{call: security_path_rmdir, syscall: false, args: [{index: 1, type: dentry}]}]}
`

// TestSeccompComesFirst: what seccomp refuses reaches neither the entry of the system call nor what the kernel decides later, but the
// return of the system call is passed (docs/enforce.md).
func TestSeccompComesFirst(t *testing.T) {
	base := newFolder(t, "")
	harness.Folder(t, base+"/kept")
	harness.Folder(t, base+"/going")
	r := harness.Run(t, refusedCalls, harness.Options{},
		harness.Step{Label: "refused", Do: "refuse rmdir then expect EPERM rmdir " + base + "/kept"},
		harness.Step{Label: "allowed", Do: "rmdir " + base + "/going"})
	atReturn := 1 // where the return of the call stands in for the decision
	if harness.FullTier(t) {
		atReturn = 0
	}
	for _, want := range []struct {
		policy, label string
		events        int
	}{{"call", "refused", 0}, {"call", "allowed", 1}, {"decision", "refused", atReturn}, {"decision", "allowed", 1}} {
		if got := len(r.Of(want.policy, want.label)); got != want.events {
			t.Errorf("%s of the call that is %s: %d events, want %d", want.policy, want.label, got, want.events)
		}
	}
}
