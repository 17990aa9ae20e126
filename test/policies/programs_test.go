// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/kernelversion"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// uprobe is a spec with a function of provoke.
func uprobe(symbols, more string, selectors ...string) string {
	return "uprobes:\n- path: $D/program\n  symbols: [" + symbols + "]" + more + selected(selectors)
}

const (
	bothArguments = "\n  args: [{index: 0, type: string}, {index: 1, type: long}]"
	returning     = "\n  return: true\n  returnArg: {index: 0, type: long}"
	usdt          = "usdts:\n- path: $D/program\n  provider: provoke\n  name: hit\n  args: [{index: 0, type: int64}, {index: 1, type: int32}, {index: 2, type: string}]"
	inProgram     = "exec $D/program $L "
)

// whereProbesSleep is what is told of memory that the process has not read itself: on kernels whose programs at uprobes cannot wait for it
// (before 5.19) it cannot be read, and no filter asks for that.
func whereProbesSleep(told ...string) []string {
	if kernelversion.Before(5, 19) {
		return nil
	}
	return told
}

var programs = []row{
	{name: "uprobe", spec: uprobe("provoke_function", bothArguments),
		do:   []string{inProgram + "function text 5 and function other -6", "function text 5"},
		want: []string{"string text, long 5", "string other, long -6"}},
	{name: "uprobe-selected",
		spec: uprobe("provoke_function", bothArguments, "matchArgs: ["+filter(0, "Prefix", "te")+", "+filter(1, "GT", "4")+"]"),
		do:   []string{inProgram + "function text 5 and function text 4 and function other 6"},
		want: []string{"string text, long 5"}},
	{name: "uprobe-returning",
		spec: uprobe("provoke_function",
			bothArguments+returning, "matchReturnArgs: [{index: 0, operator: Equal, values: ['10']}]"),
		do: []string{inProgram + "function text 5 and function text 4"}, want: []string{"string text, long 5*"}},
	{name: "uprobe-nested", // of calls in one another only some match, and each has its own result
		spec: uprobe("provoke_nested", "\n  args: [{index: 0, type: int64}]"+returning, matchArgs(0, "Equal", "1", "3", "4")),
		do:   []string{inProgram + "nested 4"}, want: []string{"long 1, long 1", "long 3, long 123", "long 4, long 1234"}},
	{name: "uprobe-nested-deep", // deeper than what is remembered: the innermost are told without their results
		spec: uprobe("provoke_nested", "\n  args: [{index: 0, type: int64}]"+returning, matchArgs(0, "LT", "6")),
		do:   []string{inProgram + "nested 5"}, want: []string{"long 1", "long 0", "long 2, long 12", "long 3, long 123", "long 4, long 1234", "long 5, long 12345"}},
	{name: "uprobe-of-several", spec: uprobe("provoke_function, provoke_other", ""),
		do: []string{inProgram + "function text 5 and other-function and nothing"}, want: []string{"", ""}},
	{name: "uprobe-unread", spec: uprobe("provoke_function", bothArguments, matchArgs(0, "Equal", "unread")),
		do: []string{inProgram + "function-of $D/unread 5"}, want: whereProbesSleep("string unread, long 5")},
	{name: "uprobe-and-task", // the kernel's types are known though the program's are not
		spec: uprobe("provoke_function", "\n  data: [{source: current_task, type: int, resolve: mm.owner.tgid}]",
			"matchData: ["+filter(0, "NotEqual", "$P")+"]"),
		do: []string{inProgram + "function text 5"}, want: []string{"data int *"}},
	{name: "uprobe-untyped", everywhere: true, refused: "btfType file: ",
		spec: uprobe("provoke_function", "\n  args: [{index: 0, type: int64, btfType: file, resolve: f_pos}]"),
		do:   []string{inProgram + "function text 5"}},
	{name: "usdt", spec: usdt, do: []string{inProgram + "probe 17 and probe -1"},
		want: []string{"long 17, int 5, string 17", "long -1, int 5, string -1"}},
	{name: "usdt-selected", spec: usdt + selected([]string{matchArgs(0, "LT", "0")}),
		do: []string{inProgram + "probe 17 and probe -1"}, want: []string{"long -1, int 5, string -1"}},
	{name: "usdt-observed", spec: usdt + selected([]string{"matchActions: [{action: Set, argIndex: 1, argValue: 9}]"}),
		shown: withActions,
		do:    []string{inProgram + "probe 1 5"}, want: []string{"long 1, int 5, string 1 POST would SET"}},
	{name: "lsm",
		spec: "lsmhooks:\n- hook: file_open\n  args: [{index: 0, type: file}]" +
			selected([]string{matchArgs(0, "Equal", "$D/text")}),
		do: []string{"open $D/text then open $D/program"}, want: []string{"file $D/text -rw-r--r--"}},
	{name: "lsm-exec",
		spec: "lsmhooks:\n- hook: bprm_check_security\n  args: [{index: 0, type: linux_binprm}]" +
			selected([]string{matchArgs(0, "Postfix", "/program")}),
		do: []string{inProgram + "nothing"}, want: []string{"binprm $D/program -rwxr-xr-x"}},
	{name: "fentry", spec: strings.Replace(kprobe("security_task_setnice", "{index: 1, type: int}"), "kprobes", "fentries", 1),
		refused: noTracepoint,
		do:      []string{"call setpriority 0 0 5"}, want: []string{"int 5"}},
	{name: "several-sections", spec: kprobe("sys_getsid", "{index: 0, type: int}") + "\n" + usdt,
		do:   []string{inProgram + ask + "3 and probe 4"},
		want: []string{"int 3", "long 4, int 5, string 4"}},
}

func TestPrograms(t *testing.T) {
	runRows(t, harness.Options{}, programs, func(folder string) {
		write(t, folder+"/text", "")
		write(t, folder+"/unread", "unread")
	})
}

// TestProgramsReturnAtOnce: registers are set, where the kernel lets programs do that.
func TestProgramsReturnAtOnce(t *testing.T) {
	folder := newFolder(t, "")
	registers := map[string][]string{"amd64": {"rax=123", "rip=(%rsp)", "rsp=8%rsp"}, "arm64": {"x0=123", "pc=%lr"}}[runtime.GOARCH]
	instead := map[string]string{"by-registers": "argRegs: [" + quoted(registers) + "]", "by-error": "argError: 123"}
	texts := []string{(&row{name: "seen", spec: uprobe("provoke_other", "")}).policyText(folder)}
	var steps []harness.Step
	allowed := map[string][]int{}
	for name, how := range instead {
		of := row{name: name, spec: uprobe("provoke_function", bothArguments, matchArgs(0, "Equal", name)+"\n    matchActions: [{action: Override, "+how+"}]")}
		texts, allowed[name] = append(texts, of.policyText(folder)), []int{unchanged}
		steps = append(steps, harness.Step{Label: name, Do: place{folder, name}.fill(inProgram + "function other 5 10 and function $L 5 123")})
	}
	result := harness.Run(t, strings.Join(texts, "---\n"), harness.Options{Enforce: true, Allowed: allowed}, steps...)
	for name := range instead {
		h, _ := result.Hook(name)
		if !harness.SetsRegisters(t) {
			if !strings.Contains(h.Refused, "programs that set registers are not accepted by this kernel: ") {
				t.Errorf("%s is refused: %q", name, h.Refused)
			}
			continue
		}
		if !slices.Equal(result.Status[name], []int{0}) {
			t.Errorf("%s: the program ended with %v; refused: %q", name, result.Status[name], h.Refused)
		}
		var got []string
		for _, e := range result.Of(name, name) {
			got = append(got, withActions(e))
		}
		compare(t, got, []string{"string " + name + ", long 5 OVERRIDE"})
	}
}

// unchanged is provoke's status when the probe's answer was not set.
const unchanged = 96

// TestProgramsEnforced: what is written into a program, and functions that do not run.
func TestProgramsEnforced(t *testing.T) {
	runRows(t, harness.Options{Enforce: true}, []row{
		{name: "usdt-set", lockedDown: "kernel is locked down",
			spec: usdt + selected([]string{matchArgs(0, "Equal", "3") +
				"\n    matchActions: [{action: Set, argIndex: 1, argValue: 9}]"}), shown: withActions,
			do: []string{inProgram + "probe 4 5 and probe 3 9"}, want: []string{"long 3, int 5, string 3 SET"},
			status: []int{unchanged}},
		{name: "uprobe-killed",
			spec: uprobe("provoke_function", bothArguments, matchArgs(0, "Equal",
				"die")+"\n    matchActions: [{action: Sigkill}]"), shown: withActions, status: []int{killed},
			do:   []string{inProgram + "function live 1 and function die 2 and creat $D/made"},
			want: []string{"string die, long 2 SIGKILL"}},
	}, nil)
}
