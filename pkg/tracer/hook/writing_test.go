// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"testing"

	"github.com/cilium/ebpf/asm"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// TestWithoutWriting: a hook that sets nothing has no call in it that could.
func TestWithoutWriting(t *testing.T) {
	spec, err := bpf.LoadHook()
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range spec.Programs {
		before := calls(p.Instructions)
		withoutWriting(p)
		if name == string(Entry) && before == 0 {
			t.Errorf("%s has no call that writes: this test says nothing", name)
		}
		if after := calls(p.Instructions); after > 0 {
			t.Errorf("%s has %d calls that write", name, after)
		}
	}
}

func calls(all asm.Instructions) (count int) {
	for i := range all {
		if all[i].IsBuiltinCall() && all[i].Constant == int64(asm.FnProbeWriteUser) {
			count++
		}
	}
	return count
}
