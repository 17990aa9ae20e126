// SPDX-License-Identifier: Apache-2.0

package compose

// FailedExecsPolicy is the name of the policy of FailedExecs.
const FailedExecsPolicy = "exec-failed"

// claimed is the label of what is read from the memory of a process at the time of its call: it may have been another a moment
// later.
const claimed = "claimed"

// FailedExecs is the policy that tells which programs processes try to execute in vain. No tracepoint tells of these: they are
// seen by what the system calls return.
func FailedExecs() Policy {
	failed := func(call string, args ...Argument) Hook {
		return Hook{
			Call: call, Syscall: new(true), Args: args, Return: true, ReturnArg: &Argument{Type: "int"},
			Selectors: []Selector{{MatchReturnArgs: []Filter{{Index: 0, Operator: "LessThan", Values: []string{"0"}}}}},
		}
	}
	return Policy{Name: FailedExecsPolicy, Kprobes: []Hook{
		failed("sys_execve", Argument{Index: 0, Type: "string", Label: claimed}),
		failed("sys_execveat", Argument{Index: 0, Type: "int", Label: "directory"}, Argument{Index: 1, Type: "string", Label: claimed}),
	}}
}
