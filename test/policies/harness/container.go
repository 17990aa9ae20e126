// SPDX-License-Identifier: Apache-2.0

//go:build linux

package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Container makes the cgroup of a container, as a kubelet does it, with a process that is in it until the test ends. It returns the
// file by which others enter it: whoever writes 0 there.
func Container(t testing.TB, podUID, containerID string) (enter string) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); fields[2] == "cgroup2" {
			top := filepath.Join(fields[1], fmt.Sprintf("trace-sec-policies-%d", os.Getpid()))
			folder := filepath.Join(top, "kubepods", "pod"+podUID, containerID)
			t.Cleanup(func() { removeUpTo(top, folder) })
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			enter = filepath.Join(folder, "cgroup.procs")
		}
	}
	if enter == "" {
		t.Fatal("cgroup v2 is not mounted")
	}
	holder := exec.Command("cat")
	stdin, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); _ = holder.Wait() })
	if err := os.WriteFile(enter, fmt.Append(nil, holder.Process.Pid), 0); err != nil {
		t.Fatal(err)
	}
	return enter
}

// removeUpTo removes cgroups; one that is not empty is left to who else made some in it.
func removeUpTo(top, folder string) {
	for at := folder; len(at) >= len(top); at = filepath.Dir(at) {
		_ = os.Remove(at)
	}
}
