// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestSelectorsRefused(t *testing.T) {
	for _, test := range []struct{ selector, want string }{
		{"{matchPID: []}", "did you mean matchPIDs?"},
		{"{matchPIDs: [{operator: Equal, values: [1]}]}", `unknown operator "Equal"; want one of In, NotIn`},
		{"{matchPIDs: [{operator: In, values: []}]}", "values is empty"},
		{"{matchPIDs: [{operator: In, values: [-1]}]}", "out of range"},
		{"{matchPIDs: [{operator: In, values: ['1']}]}", "want a number, got the text"},
		{"{matchPIDs: [{operator: In, values: [4294967296]}]}", "out of range"},
		{"{matchPIDs: [{values: [1]}]}", "operator is missing"},
		{"{matchPIDs: [{operator: In, values: [1], followForks: 1}]}", "want true or false"},
		{"{matchNamespaces: [{namespace: Pids, operator: In, values: [host_ns]}]}", `unknown namespace "Pids"; did you mean Pid?`},
		{"{matchNamespaces: [{namespace: Pid, operator: In, values: [host]}]}", "want the inode number of a namespace or host_ns"},
		{"{matchNamespaces: [{namespace: Pid, operator: In, values: [1]}]}", `write "1"`},
		{"{matchNamespaceChanges: [{operator: In, values: [Mount]}]}", `unknown namespace "Mount"`},
		{"{matchCapabilities: [{type: Ambient, operator: In, values: [CAP_BPF]}]}", `unknown set "Ambient"`},
		{"{matchCapabilities: [{operator: In, values: [CAP_SYS_ADMN]}]}", "did you mean CAP_SYS_ADMIN?"},
		{"{matchCapabilityChanges: [{operator: In}]}", "values is missing"},
		{"{matchBinaries: [{operator: Equal, values: [/bin/sh]}]}", `unknown operator "Equal"; want one of In, NotIn, NotPostfix`},
		{"{matchBinaries: [{operator: Prefix, values: ['']}]}", "the text is empty"},
		{"{matchBinaries: [{operator: In, values: [/bin/sh, cat]}]}", `"cat" is no path, and In and NotIn compare the whole path of a program: write /usr/bin/cat, or use operator Postfix with /cat`},
		{"{matchParentBinaries: [{operator: NotIn, values: [cat]}]}", "or use operator NotPostfix with /cat"},
		{"{matchBinaries: [{operator: In, values: [/bin/sh], followForks: true}]}", "unknown field"},
		{"{matchBinaries: [], matchBinarys: []}", "the field is there already as matchBinaries"},
		{"{matchBinaries: {operator: In, values: [/bin/sh]}}", "want a list, got a mapping"},
		{"{matchParentBinaries: [{operator: In, values: [1]}]}", `write "1"`},
		{"{matchWorkloads: {}}", "want a mapping with podSelector, containerSelector or hostSelector"},
		{"{matchWorkloads: [{podSelector: {}}]}", "want a mapping with podSelector, containerSelector or hostSelector, got a list"},
		{"{matchWorkloads: {nodeSelector: {}}}", "unknown field"},
		{"{matchData: [{index: 0, operator: Equal, values: ['1']}]}", "data has no argument with index 0"},
		{"{macros: [a]}", `there is no macro "a"`},
		{"{label: 1}", "want text"},
	} {
		refused(t, hookText(Kprobe, "{index: 0, type: int}", test.selector+" #HERE"), test.want)
	}
	refused(t, hookText(LSM, "", "matchReturnArgs: [] #HERE"), "an LSM hook has no return")
	refused(t, hookText(Tracepoint, "", "matchReturnActions: [{action: Post}] #HERE"), "a tracepoint has no return")
	refused(t, policyText("  kprobes:\n  - call: sys_dup\n    selectors:\n    - matchReturnArgs: [] #HERE"), "does not watch the return")
}

// TestPartsOfBinaries: a name is a part of a path, and threads of the kernel have no path.
func TestPartsOfBinaries(t *testing.T) {
	for _, binaries := range []string{"{operator: Postfix, values: [cat]}", "{operator: NotPrefix, values: [cat]}", "{operator: In, values: [<kernel>, ./a]}"} {
		parse(t, hookText(Kprobe, "", "matchBinaries: ["+binaries+"]"))
	}
}

func TestMacrosRefused(t *testing.T) {
	const macros = "  selectorsMacros:\n    a: {matchPIDs: [{operator: In, values: [1]}]}\n    b: {matchPIDs: [{operator: In, values: [2]}]}\n"
	for _, test := range []struct{ selectors, want string }{
		{"[{macros: [a, b]}]", "macro b and macro a both have matchPIDs"},
		{"[{macros: [a], matchPIDs: [{operator: In, values: [2]}]}]", "macro a and the selector both have matchPIDs"},
		{"[{macros: [a, a]}]", "macro a is there twice"},
		{"[{macros: [aa]}]", `there is no macro "aa"`},
	} {
		refused(t, policyText(macros+"  kprobes:\n  - call: sys_dup\n    selectors: "+test.selectors+" #HERE"), test.want)
	}
	// A mistake in a macro is told once, where it stands, although two hooks use it.
	refused(t, policyText("  selectorsMacros:\n    a: {matchArgs: [{index: 0, operator: GT, values: [x]}]} #HERE\n"+
		"  kprobes:\n  - {call: sys_dup, args: [{index: 0, type: int}], selectors: [{macros: [a]}]}\n"+
		"  - {call: sys_dup2, args: [{index: 0, type: int}], selectors: [{macros: [a]}]}"), "spec.selectorsMacros.a.matchArgs[0].values[0]")
}

func TestActions(t *testing.T) {
	const args = "{index: 4, type: int}, {index: 1, type: sock}, {index: 2, type: file}"
	for _, test := range []struct {
		kind   HookKind
		action string
		want   Action
	}{
		{Kprobe, "Post", Action{Kind: Post}},
		{USDT, "post, rateLimit: '30'", Action{Kind: Post, RateLimit: 30 * time.Second}},
		{Tracepoint, "Post, rateLimit: 2h, rateLimitScope: global, kernelStackTrace: true, userStackTrace: true",
			Action{Kind: Post, RateLimit: 2 * time.Hour, RateLimitScope: RateLimitGlobal, KernelStackTrace: true, UserStackTrace: true}},
		{LSM, "Post, imaHash: true", Action{Kind: Post, IMA: true}},
		{Uprobe, "nopost", Action{Kind: NoPost}},
		{RawTracepoint, "Sigkill", Action{Kind: Sigkill}},
		{Kprobe, "Sigkill, argError: -13", Action{Kind: Sigkill, Error: -13}},
		{LSM, "Signal, argSig: 9, argError: 1", Action{Kind: Signal, Signal: 9, Error: 1}},
		{USDT, "Signal, argSig: 64", Action{Kind: Signal, Signal: 64}},
		{Kprobe, "Override, argError: 1", Action{Kind: Override, Error: 1}},
		{Fentry, "Override, argError: -4095", Action{Kind: Override, Error: -4095}},
		{LSM, "Override, argError: -1", Action{Kind: Override, Error: -1}},
		{LSM, "Override, argError: 4095", Action{Kind: Override, Error: 4095}},
		{Uprobe, "Override, argNewAddr: 0x1000", Action{Kind: Override, NewAddress: 4096}},
		{Uprobe, "Override, argNewOffset: 16", Action{Kind: Override, NewOffset: 16}},
		{Kprobe, "TrackSock, argSock: 1", Action{Kind: TrackSock, Sock: 1}},
		{Fentry, "UntrackSock, argSock: 1", Action{Kind: UntrackSock, Sock: 1}},
		{Kprobe, "FollowFD, argFd: 4, argName: 2", Action{Kind: FollowFD, Name: 2}},
		{Kprobe, "UnfollowFD, argFd: 4", Action{Kind: UnfollowFD}},
		{Kprobe, "CopyFD, argFd: 4, argName: 4", Action{Kind: CopyFD}},
		{Kprobe, "GetUrl, argUrl: 'https://a/b'", Action{Kind: GetURL, URL: "https://a/b"}},
		{Uprobe, "DnsLookup, argFqdn: a.example.", Action{Kind: DNSLookup, Domain: "a.example."}},
		{Tracepoint, "CleanupEnforcerNotification", Action{Kind: CleanupEnforcerNotification}},
	} {
		hookArgs := args
		if test.kind&inProgram != 0 {
			hookArgs = ""
		}
		a := parse(t, hookText(test.kind, hookArgs, "matchActions: [{action: "+test.action+"}]")).Selectors[0].Actions[0]
		for _, place := range []*int{&a.FD, &a.Name, &a.Sock, &a.Index} {
			*place = max(*place, 0)
		}
		a.Position = Position{}
		if fmt.Sprint(a) != fmt.Sprint(test.want) {
			t.Errorf("%s on a %s: %+v", test.action, test.kind, a)
		}
	}
}

func TestActionsRefused(t *testing.T) {
	for _, test := range []struct {
		kind           HookKind
		actions, wants string
	}{
		{Kprobe, "{action: Sigkil}", `unknown action "Sigkil"; did you mean Sigkill?`},
		{Kprobe, "{argSig: 1}", "action is missing"},
		{Kprobe, "{action: Sigkill, argSig: 9}", "Sigkill has no argSig, only argError"},
		{Kprobe, "{action: Sigkill, argError: 4096}", "4096 is out of range"},
		{Kprobe, "{action: NoPost, argError: 1}", "NoPost has no argError, it takes nothing"},
		{Kprobe, "{action: Override, argSig: 9, argError: 1}", "Override has no argSig, only argError"},
		{Uprobe, "{action: Override, argSig: 9, argNewAddr: 1}", "Override has no argSig, only argError, argRegs, argNewSymbol, argNewAddr, argNewOffset"},
		{Uprobe, "{action: Override}", "Override needs argError or argRegs or argNewSymbol or argNewAddr or argNewOffset"},
		{Kprobe, "{action: Post, ratelimit: 1m}", "did you mean rateLimit?"},
		{Kprobe, "{action: Post, rateLimit: 1d}", "is not a time"},
		{Kprobe, "{action: Post, rateLimit: '0'}", "is no time"},
		{Kprobe, "{action: Post, rateLimit: 5}", `write "5"`},
		{Kprobe, "{action: Post, rateLimitScope: process}", "there is no rateLimit"},
		{Kprobe, "{action: Post, rateLimit: 1m, rateLimitScope: pod}", `unknown scope "pod"`},
		{Kprobe, "{action: Post, imaHash: true}", "want spec.lsmhooks"},
		{Kprobe, "{action: Post}, {action: NoPost}", "Post and NoPost exclude each other"},
		{Kprobe, "{action: Sigkill}, {action: sigkill}", "Sigkill is there twice"},
		{Kprobe, "{action: Signal}", "Signal needs argSig"},
		{Kprobe, "{action: Signal, argSig: 0}", "0 is out of range: 1 to 64"},
		{Kprobe, "{action: Signal, argSig: 65}", "65 is out of range: 1 to 64"},
		{Kprobe, "{action: Override}", "Override needs argError"},
		{Kprobe, "{action: Override, argError: -4096}", "-4096 is out of range"},
		{Kprobe, "{action: Override, argRegs: ['rax=1']}", "only a uprobe's program has it"},
		{Kprobe, "{action: Override, argError: 4096}", "4096 is out of range"},
		{LSM, "{action: Override, argError: 0}", "0 is no error: want 1 to 4095"},
		{Kprobe, "{action: Override, argError: EPERM}", "want a number"},
		{Tracepoint, "{action: Override, argError: -1}", "NotifyEnforcer with spec.enforcers can"},
		{USDT, "{action: Override, argError: -1}", "Override is not for a usdt"},
		{Uprobe, "{action: Override, argError: -1, argRegs: ['rax=1']}", "excludes the rest"},
		{Uprobe, "{action: Override, argRegs: ['rax']}", "want register=number"},
		{Uprobe, "{action: Override, argRegs: ['rax=(%rsp']}", "want register=number"},
		{Uprobe, "{action: Override, argRegs: ['raxx=1']}", "unknown register raxx; did you mean rax?"},
		{Uprobe, "{action: Override, argRegs: ['rax=%x0']}", "are of two processors"},
		{Uprobe, "{action: Override, argRegs: ['rax=1', 'x0=1']}", "are of two processors"},
		{Uprobe, "{action: Override, argNewAddr: 1, argNewOffset: 2}", "argNewAddr and argNewOffset exclude each other"},
		{Uprobe, "{action: TrackSock, argSock: 0}", "it knows no sockets"},
		{Kprobe, "{action: TrackSock}", "TrackSock needs argSock: argument 0 is no socket"},
		{Kprobe, "{action: TrackSock, argSock: 0}", "argument 0 has type int: want one of sock, socket"},
		{Kprobe, "{action: TrackSock, argSock: 9}", "args has no argument with index 9"},
		{Kprobe, "{action: FollowFD, argFd: 0}", "FollowFD needs argName"},
		{LSM, "{action: FollowFD, argFd: 0, argName: 0}", "it follows what a function installs"},
		{Kprobe, "{action: Set, argIndex: 0, argValue: 1}", "only the arguments of a usdt"},
		{USDT, "{action: Set, argIndex: 0, argError: 1}", "Set has no argError, only argIndex, argValue"},
		{Kprobe, "{action: NotifyEnforcer}", "NotifyEnforcer needs argError or argSig"},
		{Kprobe, "{action: NotifyEnforcer, argError: -1}", "spec.enforcers, and there are none"},
		{Kprobe, "{action: GetUrl}", "GetUrl needs argUrl"},
		{Kprobe, "{action: GetUrl, argUrl: 'file:///etc/passwd'}", "is not a URL of http or https"},
		{Kprobe, "{action: DnsLookup, argFqdn: 'a b'}", "is not a domain name"},
	} {
		refused(t, hookText(test.kind, "{index: 0, type: int}", "matchActions: ["+test.actions+"] #HERE"), test.wants)
	}
	refused(t, hookText(Kprobe, "", "matchReturnActions: [{action: Override, argError: -1}] #HERE"), "Override comes too late at the return")
	refused(t, policyText("  lsmhooks:\n  - {hook: socket_connect, selectors: [{matchActions: [{action: Post, imaHash: true}]}]} #HERE"), "is about no file")
}

func TestEnforcing(t *testing.T) {
	file, err := Load([]string{"testdata/kernel.yaml", "testdata/programs.json"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"[Override Sigkill Signal NotifyEnforcer]", "[Override Set]"} {
		if got := fmt.Sprint(file.Policies[i].Enforcing()); got != want {
			t.Errorf("%s: %s, want %s", file.Policies[i].Name, got, want)
		}
	}
}

func TestHookNames(t *testing.T) {
	file, err := Load([]string{"testdata/kernel.yaml", "testdata/programs.json"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range file.Policies {
		for i := range p.Hooks {
			names = append(names, p.Hooks[i].Name())
		}
	}
	for i, want := range []string{
		"security_file_permission", "sys_dup,sys_dup2,i386/sys_dup,i386/sys_dup2,x64/sys_uname", "security_file_open,security_inode_unlink",
		"/^tcp_(connect|close)$/", "sk_alloc", "sys_read", "security_capset", "tty_write", "raw_syscalls/sys_enter",
		"sched/sched_process_exec", "bprm_check_security", "loader",
		"/bin/bash:readline,main+0x10", "/usr/lib/libssl.so.3:+0x1000,+0xffffffffffffffff", "/usr/bin/app:0x401000",
		"/usr/bin/python3:python:function__entry",
	} {
		if i >= len(names) || names[i] != want {
			t.Errorf("hook %d of %q, want %s", i, names, want)
		}
	}
	all := parse(t, policyText("  lists: [{name: all, type: generated_syscalls}]\n  kprobes: [{call: 'list:all'}]"))
	if name := all.Name(); len(all.Calls) < 300 || !strings.HasPrefix(name, "sys__sysctl,sys_accept,") || !strings.HasSuffix(name, " more") {
		t.Errorf("%d calls: %s", len(all.Calls), name)
	}
}

func TestLabelSelector(t *testing.T) {
	file, err := Load([]string{"testdata/kernel.yaml"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	scope := file.Policies[0].Scope
	pods := map[string]string{"app": "web", NamespaceLabel: "shop", "tier": "back"}
	if !scope.Pods.Matches(pods) || scope.Pods.String() != "app=web,io.kubernetes.pod.namespace=shop,tier in (front,back),!debug" {
		t.Errorf("%s does not match %v", scope.Pods, pods)
	}
	for key, value := range map[string]string{"app": "db", NamespaceLabel: "default", "tier": "side", "debug": ""} {
		other := map[string]string{"app": "web", NamespaceLabel: "shop", "tier": "back"}
		other[key] = value
		if scope.Pods.Matches(other) {
			t.Errorf("%s matches %v", scope.Pods, other)
		}
	}
	nginx := map[string]string{ContainerRepo: "docker.io/library/nginx"}
	if !scope.Containers.Matches(nginx) || scope.Containers.Matches(map[string]string{ContainerName: "sidecar", ContainerRepo: nginx[ContainerRepo]}) {
		t.Errorf("containers %s", scope.Containers)
	}
	if !(*LabelSelector)(nil).Matches(nil) || !scope.Selects() || !scope.IncludesHost() {
		t.Error("scope")
	}
}

// TestNumbersLeftOut: an action's number that is left out is 0, where argument 0 is what the action is about.
func TestNumbersLeftOut(t *testing.T) {
	for _, test := range []struct {
		kind         HookKind
		args, action string
	}{{USDT, "{index: 0, type: int}", "Set"}, {Kprobe, "{index: 0, type: sock}", "TrackSock"}, {Fentry, "{index: 0, type: sock}", "UntrackSock"}} {
		a := parse(t, hookText(test.kind, test.args, "matchActions: [{action: "+test.action+"}]")).Selectors[0].Actions[0]
		if place := map[ActionKind]int{Set: a.Index, TrackSock: a.Sock, UntrackSock: a.Sock}[a.Kind]; place != 0 || a.Value != 0 {
			t.Errorf("%s: %+v", test.action, a)
		}
	}
}
