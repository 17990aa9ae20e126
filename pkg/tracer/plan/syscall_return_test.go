// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// What is about calls that may succeed, and so return into another program, has to look where they begin.
func TestSeenAtReturn(t *testing.T) {
	const (
		path     = "args: [{index: 0, type: string}]"
		failures = "selectors: [{matchReturnArgs: [{index: 0, operator: LessThan, values: ['0']}]}]"
	)
	for hook, want := range map[string]bool{
		"call: sys_execve, " + path + ", " + failures:                                                                          true,
		"call: sys_execveat, args: [{index: 1, type: string}], " + failures:                                                    true,
		"call: sys_execve, " + path + ", selectors: [{matchReturnArgs: [{index: 0, operator: Equal, values: ['-2', '-13']}]}]": true,
		"call: sys_execve, " + path + ", selectors: [{matchReturnArgs: [{index: 0, operator: Equal, values: ['-2', '0']}]}]":   false,
		"call: sys_execve, " + path + ", selectors: [{matchReturnArgs: [{index: 0, operator: LessThan, values: ['1']}]}]":      false,
		"call: sys_execve, " + path + ", selectors: [{matchReturnArgs: [{index: 0, operator: NotEqual, values: ['-2']}]}]":     false,
		"call: sys_execve, " + path + ", selectors: [{matchReturnArgs: [{index: 0, operator: LessThan, values: ['0']}]}, {}]":  false,
		"call: sys_execve, " + path: false,
		"call: sys_execve":          false,
		"call: sys_openat, args: [{index: 1, type: string}], " + failures:                    false,
		"call: sys_close, args: [{index: 0, type: int}]":                                     true,
		"call: sys_exit_group, args: [{index: 0, type: int}], " + failures:                   false,
		"call: sys_execve, args: [{index: 1, type: char_buf, sizeArgIndex: 3}], " + failures: false,
	} {
		text := "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: p}\nspec: {kprobes: [{" + hook +
			", syscall: true, return: true, returnArg: {index: 0, type: int}}]}"
		file, err := policy.Parse("p", strings.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", hook, err)
		}
		h := &file.Policies[0].Hooks[0]
		if got := seenAtReturn(h, h.Calls); got != want {
			t.Errorf("%s: %v", hook, got)
		}
	}
}
