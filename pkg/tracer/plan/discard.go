// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

// discarding is asked for each extended attribute of a file that an overlay copies up: by 1 it answers that the attribute is left
// out, and by an error that nothing is copied.
const discarding = security + "inode_copy_up_xattr"

// errorNumber is what a function is made to return. Policies write errors with either sign; but 1 is an answer of one function,
// which has been -ECANCELED since 6.12. Kernels with the former give it the name alone, those since 6.10 the file before; of these
// the two that still answer 1 copy nothing.
func (c *compiler) errorNumber(n int32) int32 {
	asksToDiscard := slices.ContainsFunc(c.hook.Calls, func(call policy.Call) bool { return call.Function == discarding })
	if n == 1 && asksToDiscard && c.site.parameter != nil {
		if first, err := c.site.parameter(0); err == nil && layout.PointsTo(first, "dentry") {
			return -int32(unix.ECANCELED)
		}
		c.def.Config.Flags |= uint32(bpf.HookHookFlagsHOOK_DISCARDS)
		return 1
	}
	if n > 0 {
		return -n
	}
	return n
}
