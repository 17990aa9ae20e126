// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// seenAtReturn says whether a program where system calls return sees all that a hook asks for, so that there need not be one
// where they begin: each costs every call of the node a little.
func seenAtReturn(h *policy.Hook, calls []policy.Call) bool {
	ends := func(c policy.Call) bool { return endless[c.Syscall] }
	switch {
	case slices.ContainsFunc(calls, func(c policy.Call) bool { return !executesAnother(c) }):
		return onlyNumbers(h) && !slices.ContainsFunc(calls, ends)
	default:
		return onlyFailures(h) && onlyNumbersAndTexts(h)
	}
}

// executesAnother says whether a call that succeeds returns into another program, with other registers and memory.
func executesAnother(c policy.Call) bool { return c.Syscall == "execve" || c.Syscall == "execveat" }

// onlyFailures says whether all that a hook is about are calls that return a negative number: these leave registers and memory as
// they were.
func onlyFailures(h *policy.Hook) bool {
	negative := func(r policy.Range) bool { return int64(r.Min) < 0 && int64(r.Max) < 0 }
	fails := func(f policy.ArgumentFilter) bool {
		return f.Match == policy.MatchRange && !f.Negated && len(f.Ranges) > 0 && !slices.ContainsFunc(f.Ranges, func(r policy.Range) bool { return !negative(r) })
	}
	return h.Return && h.ReturnArg != nil && len(h.Selectors) > 0 && !slices.ContainsFunc(h.Selectors, func(s policy.Selector) bool {
		return !slices.ContainsFunc(s.ReturnArgs, fails)
	})
}

// onlyNumbersAndTexts: a path in the program's memory is the one that the kernel has read by then, and so is in memory for certain.
func onlyNumbersAndTexts(h *policy.Hook) bool {
	other := func(a policy.Argument) bool {
		return len(a.Resolve) > 0 || a.Type.Class&(policy.ClassNumber|policy.ClassText) == 0
	}
	return len(h.Data) == 0 && !slices.ContainsFunc(h.Args, other)
}
