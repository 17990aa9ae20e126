// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"slices"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// withFunction is an event in short, with the function that was called.
func withFunction(e *event.Event) string {
	if e.ProcessKprobe == nil {
		return string(e.Kind())
	}
	return e.ProcessKprobe.FunctionName + " " + harness.Line(e)
}

// matching is a spec of the functions that match a pattern, or those of a list.
func matching(list, more string, selectors ...string) string {
	return "lists: [{name: functions, " + list + "}]\nkprobes:\n- call: list:functions\n  syscall: false" + more + selected(selectors)
}

const (
	noMulti = "kprobe.multi"
	singly  = "options: [{name: disable-kprobe-multi, value: 'true'}]\n"
	// identities are the functions behind setuid(2), setgid(2) and setfsuid(2), setfsgid(2), but not those behind setreuid(2), ...
	identities = `type: generated_ftrace, pattern: "^__sys_set(fs)?[ug]id$"`
	// several are more functions than get programs of their own.
	several = `values: [security_task_getpgid, security_task_setpgid, security_task_getsid, security_task_setnice,
    security_task_getscheduler, security_task_setscheduler, security_task_getioprio, security_task_setioprio, security_task_movememory]`
	identity  = "\n  args: [{index: 0, type: int}]"
	succeeded = "\n  return: true\n  returnArg: {index: 0, type: int}"
	changes   = "setgid 7 then setgid 8 then setfsgid 7 then setregid 7 -1 then setreuid 7 -1 then setfsuid 7 then setuid 7"
)

var patterns = []row{
	{name: "pattern", spec: matching(identities, ""), shown: withFunction, refused: noMulti, do: []string{changes + " then call getpgid 1"},
		want: []string{"__sys_setgid ", "__sys_setgid ", "__sys_setfsgid ", "__sys_setfsuid ", "__sys_setuid "}},
	{name: "pattern-selected", spec: matching(identities, identity, matchArgs(0, "Equal", "7")), shown: withFunction, refused: noMulti, do: []string{changes},
		want: []string{"__sys_setgid int 7", "__sys_setfsgid int 7", "__sys_setfsuid int 7", "__sys_setuid int 7"}},
	{name: "pattern-returning", spec: matching(identities, identity+succeeded, "matchReturnArgs: [{index: 0, operator: Equal, values: ['-1']}]"),
		shown: withFunction, refused: noMulti, do: []string{"setgid 7 then setuid 7 then try setuid 0"},
		want: []string{"__sys_setuid int 0, = int -1"}},
	{name: "pattern-singly", spec: singly + matching(identities, identity+succeeded, matchArgs(0, "Equal", "7")), shown: withFunction, refused: noMulti, do: []string{changes},
		want: []string{"__sys_setgid int 7, = int 0", "__sys_setfsgid int 7, = int *", "__sys_setfsuid int 7, = int *", "__sys_setuid int 7, = int 0"}},
	{name: "pattern-of-many-singly", everywhere: true, refused: noMulti, shown: withFunction,
		spec: singly + matching(`type: generated_ftrace, pattern: "^tcp_"`, ""), do: []string{changes}},
	{name: "pattern-of-nothing", everywhere: true, refused: noMulti, shown: withFunction,
		spec: matching(`type: generated_ftrace, pattern: "^no_function_"`, ""), do: []string{changes}},
	{name: "many-functions", spec: matching(several, ""), shown: withFunction, do: []string{"call getpgid 1 then call getsid 1 then setfsuid 7 then call setpriority 0 0 5"},
		refused: noTracepoint,
		want:    []string{"security_task_getpgid ", "security_task_getsid ", "security_task_setnice "}},
}

// refusals are by row what kernels say that can trace functions; others cannot even list them.
var refusals = map[string]string{
	"pattern-of-nothing":     "matches ^no_function_",
	"pattern-of-many-singly": "at most 64 get programs of their own",
}

// TestPatterns: functions that a pattern names, and many by one list, share a program where the kernel has such programs.
func TestPatterns(t *testing.T) {
	rows := slices.Clone(patterns)
	traced := hook.NewProbes().Unavailable(hook.FEntry) == nil
	for i := range rows {
		if refused, ok := refusals[rows[i].name]; ok && traced {
			rows[i].refused = refused
		}
	}
	runRows(t, harness.Options{}, rows, nil)
}
