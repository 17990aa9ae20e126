// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
)

func TestHookPolicies(t *testing.T) {
	for name, args := range map[string]string{
		"hook-function":       "tcp_connect --arg 0:sock",
		"hook-syscall":        "sys_openat --arg 1:string:path --arg 0:int --return int --match 1:Prefix:/etc/,\"/a,b\" --match return:Equal:-2,-13 --stack kernel,user --rate-limit 5s",
		"hook-lsm":            "lsm:file_open --arg 0:file --match 0:Prefix:/etc/,/dev/ --rate-limit 1m",
		"hook-tracepoint":     "tracepoint:syscalls/sys_enter_ptrace",
		"hook-raw-tracepoint": "raw_tracepoint:sched:sched_process_exec --arg 2:linux_binprm",
		"hook-uprobe":         "uprobe:/bin/bash:readline --return string",
		"hook-uprobe-local":   "uprobe:/bin/bash:readline --local",
		"hook-uprobe-offset":  "uprobe:/opt/a:b/c:+0x1000 --arg 0:int",
		"hook-uprobe-address": "uprobe:/bin/bash:0x401000",
		"hook-usdt":           "usdt:/usr/lib/libc.so.6:libc:memory_heap_new --arg 1:uint64:size",
		"hook-abi":            "i386/sys_ptrace --arg 0:int --match 0:GreaterThan:15",
	} {
		t.Run(name, func(t *testing.T) { goldenPolicy(t, name, append([]string{"hook"}, strings.Fields(args)...)...) })
	}
}

func TestHookRefuses(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"", "hook what?"},
		{"--arg 0:int", "hook what?"},
		{"--local -- true", "hook what?"},
		{"ptrace", "sys_ptrace"},
		{"sys_ptrce", "did you mean sys_ptrace?"},
		{"kprobe:", "the place is missing"},
		{"kprob:tcp_connect", "did you mean kprobe?"},
		{"sched:sched_switch", "did you mean tracepoint:sched/sched_switch?"},
		{"sched/sched_switch", "a tracepoint would be tracepoint:sched/sched_switch"},
		{"t:sched:sched_switch", "did you mean tracepoint:sched:sched_switch?"},
		{"kretprobe:tcp_connect", "did you mean kprobe:tcp_connect --return TYPE?"},
		{"lsm/file_open", "did you mean lsm:file_open?"},
		{"/bin/bash:readline", "did you mean uprobe:/bin/bash:readline?"},
		{"/bin/bash", "uprobe:/PATH:FUNCTION"},
		{"syscall:openat", "did you mean sys_openat?"},
		{"deploy/web", "pods and workloads stand behind the place: hook PLACE deploy/web"},
		{"nothing:x", "want one of kprobe, lsm"},
		{"a-b", "is not the name of a kernel function"},
		{"tracepoint:sched", "SUBSYSTEM/EVENT"},
		{"tracepoint:sched/a-/b", "is not a name"},
		{"tracepoint:syscalls/sys_enter_ptrce", "did you mean ptrace?"},
		{"raw_tracepoint:sched_switch", "SUBSYSTEM/EVENT"},
		{"lsm:security_file_open", "the hook is lsm:file_open"},
		{"lsm:bpf_lsm_file_open", "the hook is lsm:file_open"},
		{"uprobe:bash:readline", `"bash" is not an absolute path`},
		{"uprobe:/bin/bash", "want uprobe:/PATH:FUNCTION"},
		{"uprobe:/bin/bash:", "want uprobe:/PATH:FUNCTION"},
		{"uprobe:/bin/bash:0xyz", "neither a function, nor an offset"},
		{"uprobe:/bin/bash:+readline", "neither a function, nor an offset"},
		{"usdt:/bin/bash:name", "want usdt:/PATH:PROVIDER:NAME"},
		{"tcp_connect --arg sock", "want INDEX:TYPE"},
		{"tcp_connect --arg first:sock", "is not the place of an argument"},
		{"tcp_connect --arg -1:sock", "is not the place of an argument"},
		{"tcp_connect --arg 0:sok", "did you mean sock?"},
		{"tcp_connect --arg 0:what", "types there: auto, nop, int"},
		{"sys_openat --arg 1:file", "type file is not for a system call"},
		{"sys_openat --arg 1:string --arg 1:int --match 1:GT:3", "GreaterThan does not compare type string"}, // the first is compared
		{"uprobe:/bin/bash:f --arg 0:sock", "type sock is not for a place of kind uprobe"},
		{"lsm:file_open --return int", "nothing is seen that it returns"},
		{"tcp_connect --return what", "types there: auto"},
		{"sys_read --match 0:Equal:3", "--arg 0:TYPE is missing"},
		{"sys_read --match return:Equal:3", "--return is missing"},
		{"sys_read --arg 0:int --match x:Equal:3", "neither the index of an argument nor the word return"},
		{"sys_read --arg 0:int --match 0", "want INDEX:OPERATOR"},
		{"sys_read --arg 0:int --match 0:Eqal:3", "--match 0:Eqal:3: unknown operator \"Eqal\"; did you mean Equal?"},
		{"sys_read --arg 0:int --match 0:Prefix:3", "--match 0:Prefix:3: "},
		{"sys_read --arg 0:int --match 0:Equal:x", "\"x\" is not a number"},
		{"sys_read --arg 0:int --match 0:Equal:\"3", "quote"},
		{"sys_read --arg 0:int --match 0:Equal:3 --match 0:Equal:x", "--match 0:Equal:x: "},
		{"sys_read --return int --match return:Equal:x", "--match return:Equal:x: "},
		{"sys_openat --arg 1:string --match 1:Equal:/a\xff", "is not UTF-8"},
		{"sys_openat --arg 1:string --match 1:Equal:", "--match 1:Equal:: "},
		{"sys_openat --arg 1:string --match 1:Equal:/a\n/b", "line feed"},
		{"sys_read --stack all", "want kernel or user"},
		{"uprobe:/bin/bash:f --stack user", "have no stack traces"},
		{"sys_read --rate-limit soon", "--rate-limit soon: "},
		{"sys_read --aarg 0:int", "did you mean --arg"},
		{"sys_read --local web", "--local -- web"},
		{"sys_read --server http://localhost:1 -l a=b=c", "a=b=c"},
		{"sys_read web", "no cluster is configured"},
	} {
		t.Run(test.args, func(t *testing.T) {
			code, stdout, stderr := runPlugin(t, built, append([]string{"hook"}, strings.Split(test.args, " ")...)...)
			if code != exit.Error || stdout != "" || !strings.Contains(stderr, test.want) || strings.Contains(stderr, "a bug in this program") {
				t.Errorf("exit code %d, want %q, stderr:\n%s", code, test.want, stderr)
			}
		})
	}
	_, _, stderr := runPlugin(t, built, "hook", "sys_read", "--arg", "0:what", "--return", "what", "--stack", "all", "--max-events", "0")
	for _, want := range []string{"--arg 0:what", "--return what", "--stack all", "--max-events"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr lacks %s:\n%s", want, stderr)
		}
	}
}

func TestHookHelp(t *testing.T) { testHelp(t, "hook") }
