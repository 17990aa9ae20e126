// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"fmt"
	"slices"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// idMapped are the functions that are given a mapping of ids before anything else, but not by old kernels: before 5.12,
// security_inode_setattr before 6.0.
var idMapped = []string{"security_inode_setattr", "security_inode_setxattr", "security_inode_removexattr", "security_inode_killpriv"}

// withoutIdmap is the function for a policy that was written for kernels with that mapping, where this one has none: what it asks for
// as a dentry comes one argument sooner, and so do all. A policy that fits as it is, is taken as it is.
func (f function) withoutIdmap(h *policy.Hook) (function, string) {
	if !slices.Contains(idMapped, f.name) {
		return f, ""
	}
	for i := range h.Args {
		a := &h.Args[i]
		if a.Type == nil || a.Type.Name != "dentry" || a.Index < 1 || f.takesDentry(a.Index) || !f.takesDentry(a.Index-1) {
			continue
		}
		f.before = -1
		return f, fmt.Sprintf("%s is given no mapping of ids by this kernel: its arguments come one sooner", f.name)
	}
	return f, ""
}

func (f function) takesDentry(index int) bool {
	t, err := f.parameter(index)
	if err != nil {
		return false
	}
	pointer, ok := btf.UnderlyingType(t).(*btf.Pointer)
	if !ok {
		return false
	}
	of, ok := btf.UnderlyingType(pointer.Target).(*btf.Struct)
	return ok && of.Name == "dentry"
}
