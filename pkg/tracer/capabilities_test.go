// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// capabilitiesOf are the permitted, effective and inheritable capabilities of each thread of a process: one line, if they are alike.
func capabilitiesOf(t *testing.T, pid int) (sets []string) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(files) < 2 {
		t.Fatalf("%d threads (%v)", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		var set string
		for line := range strings.Lines(string(text)) {
			if name, value, _ := strings.Cut(line, ":"); slices.Contains([]string{"CapPrm", "CapEff", "CapInh"}, name) {
				set += name + " " + strings.TrimSpace(value) + " "
			}
		}
		if !slices.Contains(sets, set) {
			sets = append(sets, set)
		}
	}
	return sets
}

// When all is attached, no thread of a tracer has a capability that is not needed any more, and it goes on to trace.
func TestTracerDropsCapabilities(t *testing.T) {
	const stacks = `{apiVersion: cilium.io/v1alpha1, kind: TracingPolicy, metadata: {name: stacks}, spec: {kprobes: [{call: sys_getppid, syscall: true,
		selectors: [{matchActions: [{action: Post, userStackTrace: true}]}]}]}}`
	for name, test := range map[string]struct {
		policies []wire.PolicySource
		needed   capabilitySet
	}{
		"without policies": {nil, 0},
		"stacks":           {[]wire.PolicySource{{Name: "stacks.yaml", Text: stacks}}, 1 << unix.CAP_SYS_PTRACE},
	} {
		t.Run(name, func(t *testing.T) {
			run, frames := startTracer(t, test.policies...)
			sets := capabilitiesOf(t, run.Process.Pid)
			if len(sets) != 1 {
				t.Fatalf("its threads have different capabilities: %q", sets)
			}
			ofMaps := test.needed | 1<<unix.CAP_BPF | 1<<unix.CAP_PERFMON // on a kernel that asks for them
			if !slices.ContainsFunc([]capabilitySet{test.needed, ofMaps}, func(want capabilitySet) bool {
				return sets[0] == fmt.Sprintf("CapInh %016x CapPrm %016x CapEff %016x ", 0, uint64(want), uint64(want))
			}) {
				t.Errorf("it has %s", sets[0])
			}
			must(t, exec.Command(scenarioProgram(t), "exit", "0").Run()) // something to see
			must(t, run.Process.Signal(os.Interrupt))
			for {
				frame, err := frames.Next()
				must(t, err)
				if frame.Bye != nil {
					if frame.Bye.Error != "" || frame.Bye.Totals.Seen["exec"]+frame.Bye.Totals.Seen["fork"]+frame.Bye.Totals.Seen["exit"] == 0 {
						t.Errorf("it ends with %+v", frame.Bye)
					}
					return
				}
			}
		})
	}
}
