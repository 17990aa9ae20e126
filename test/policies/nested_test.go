// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// TestNestedFunctions: of a kernel function that is called within a call of itself each call has its own result, also where only one of
// them matches. An overlay asks the layer for the names of attributes, and leaves out those that are its own.
func TestNestedFunctions(t *testing.T) {
	if !harness.FullTier(t) {
		return // tracepoints see system calls, of which a thread makes one at a time
	}
	merged := onOverlay(t)
	lower, upper := filepath.Join(filepath.Dir(merged), "lower"), filepath.Join(filepath.Dir(merged), "upper")
	file := filepath.Join(merged, "file")
	write(t, filepath.Join(lower, "file"), original)
	if err := os.Chmod(file, 0o600); err != nil { // which copies it
		t.Fatal(err)
	}
	if err := unix.Setxattr(file, "user.name", []byte("value"), 0); err != nil {
		t.Fatal(err)
	}
	size := func(path string) int {
		n, err := unix.Llistxattr(path, make([]byte, 4096))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	outer, inner := size(file), size(filepath.Join(upper, "file"))
	if outer >= inner {
		t.Fatalf("the overlay has %d bytes of names, the layer %d", outer, inner)
	}
	result := "\n  return: true\n  returnArg: {index: 0, type: long}"
	entry := "{index: 0, type: dentry}"
	do := []string{"listxattr " + file}
	runBatch(t, harness.Options{}, []string{merged}, []row{
		{name: "outer", spec: kprobe("vfs_listxattr", entry, matchArgs(0, "Equal", file)) + result, do: do, want: []string{fmt.Sprintf("path %s*, = long %d", file, outer)}},
		// older kernels keep the name that the copy had while it was made
		{name: "inner", spec: kprobe("vfs_listxattr", entry, matchArgs(0, "NotEqual", file)) + result, do: do, want: []string{fmt.Sprintf("path *, = long %d", inner)}},
	})
}
