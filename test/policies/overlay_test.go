// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// What an overlay does with an attribute of a file that it copies up: security_inode_copy_up_xattr is asked.
const (
	capabilityAttribute = "security.capability"
	otherAttribute      = "user.other"
)

// nameOfAttribute is the argument that is the attribute's name: the first, until the file came before it (6.10).
func nameOfAttribute(t *testing.T) int {
	t.Helper()
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		t.Fatal(err)
	}
	var function *btf.Func
	if err := spec.TypeByName("security_inode_copy_up_xattr", &function); err != nil {
		t.Fatal(err)
	}
	return len(function.Type.(*btf.FuncProto).Params) - 1
}

// TestCopiedUp: an Override with 1 leaves an attribute out, and everything else is copied.
func TestCopiedUp(t *testing.T) {
	folder := newFolder(t, disk)
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		harness.Folder(t, filepath.Join(folder, name))
	}
	file := filepath.Join(folder, "lower", "file")
	write(t, file, original)
	// struct vfs_cap_data, version 2: CAP_CHOWN is permitted.
	capability := []byte{1, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	for name, value := range map[string][]byte{capabilityAttribute: capability, otherAttribute: []byte("x")} {
		if err := unix.Setxattr(file, name, value, 0); err != nil {
			t.Fatal(err)
		}
	}
	index := nameOfAttribute(t)
	answer, attribute := "1", fmt.Sprintf("string %s, = int ", capabilityAttribute)
	if index > 0 {
		answer = "-125" // ECANCELED
	}
	r := row{name: "copied-up", shown: withActions, refused: noTracepoint,
		spec: kprobe("security_inode_copy_up_xattr", fmt.Sprintf("{index: %d, type: string}", index),
			"matchArgs: ["+filter(index, "Equal", capabilityAttribute)+"]\n    matchActions: [{action: Override, argError: 1}]") +
			"\n  return: true\n  returnArg: {index: 0, type: int}",
		do: []string{"unshare " + newMount + " then mount overlay $D/merged overlay 0 " +
			"lowerdir=$D/lower,upperdir=$D/upper,workdir=$D/work then open $D/merged/file w"},
		want: []string{attribute + answer + " OVERRIDE*"}}
	result := runBatch(t, harness.Options{Enforce: true}, []string{folder}, []row{r})
	copied := filepath.Join(folder, "upper", "file")
	value := make([]byte, len(capability))
	if n, err := unix.Getxattr(copied, otherAttribute, value); err != nil || string(value[:n]) != "x" {
		t.Errorf("%s of the copy is %q, %v", otherAttribute, value[:max(n, 0)], err)
	}
	_, err := unix.Getxattr(copied, capabilityAttribute, value)
	if h, _ := result.Hook(r.name); h.Prevents != errors.Is(err, unix.ENODATA) {
		t.Errorf("%s of the copy: %v; the hook prevents: %t", capabilityAttribute, err, h.Prevents)
	}
}
