// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// TestOneCallIsToldOnce: where tracepoints stand in, of two functions that no system call tells apart one is told, and the hook of the other says
// as which.
func TestOneCallIsToldOnce(t *testing.T) {
	if harness.FullTier(t) {
		return // each function is seen by itself
	}
	folder := newFolder(t, disk)
	write(t, folder+"/text", original)
	hook := func(call string) string {
		return kprobe(call, "{index: 1, type: dentry}", matchArgs(1, "Prefix", "$D/"))
	}
	both := hook("security_inode_setxattr") + "\n" + strings.TrimPrefix(hook("security_inode_set_acl"), "kprobes:\n")
	r := row{name: "attribute", spec: both, do: []string{`call setxattr "$D/text "user.name "value 5 0`}, want: []string{"path $D/text"}}
	result := runBatch(t, harness.Options{}, []string{folder}, []row{r})
	acl := result.Hello.Hooks[len(result.Hello.Hooks)-1]
	if acl.Programs != 0 || acl.Refused != "" || !slices.ContainsFunc(acl.Notes, func(note string) bool { return strings.Contains(note, "told as security_inode_setxattr") }) {
		t.Errorf("the other hook: %+v", acl)
	}
}
