// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"regexp"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// withActions is an event in short, with what was done about it and what would have been.
func withActions(e *event.Event) string {
	body := harness.Hooked(e)
	text := harness.Line(e) + " " + actionName(body.Action)
	if e.ProcessKprobe != nil && e.ProcessKprobe.ReturnAction != "" {
		text += " return " + actionName(e.ProcessKprobe.ReturnAction)
	}
	for _, would := range body.Would {
		text += " would " + actionName(would)
	}
	return text
}

func actionName(name string) string { return strings.TrimPrefix(name, "KPROBE_ACTION_") }

// acted is a row about what is done when getsid(2) is called.
func acted(name, actions, do string, want ...string) row {
	return row{name: name, spec: kprobe("sys_getsid", "{index: 0, type: int}", "matchActions: ["+actions+"]"), do: []string{do},
		want: want, shown: withActions}
}

// observed are actions of a session that only observes: those that stop something are told, and not done.
var observed = []row{
	acted("post", "{action: Post}", ask+"1", "int 1 POST"),
	acted("no-post", "{action: NoPost}", ask+"1"),
	acted("limited-for-a-thread", "{action: Post, rateLimit: 1h}",
		ask+"1 then "+ask+"1 then "+ask+"2 then "+ask+"2 then fork then "+ask+"1",
		"int 1 POST", "int 2 POST", "int 1 POST"),
	acted("limited-for-a-process", "{action: Post, rateLimit: 1h, rateLimitScope: process}",
		ask+"1 then "+ask+"1 then fork then "+ask+"1 then "+ask+"1", "int 1 POST", "int 1 POST"),
	acted("limited-for-all", "{action: Post, rateLimit: 1h, rateLimitScope: global}",
		ask+"71 then "+ask+"71 then fork then "+ask+"71 then "+ask+"72", "int 71 POST", "int 72 POST"),
	acted("limited-shortly", "{action: Post, rateLimit: '1'}", ask+"1 then "+ask+"1 then linger then "+ask+"1", "int 1 POST",
		"int 1 POST"),
	// Where tracepoints stand in, the calls are seen by one program and execs by another.
	{name: "limited-together", spec: kprobe("commit_creds", "{index: 0, type: cred}", "matchActions: [{action: Post, rateLimit: 1h}]"),
		do:        []string{"setresgid 1 1 1 then setresuid 1 1 1 then exec $D/program $L nothing"},
		want:      []string{`*"uid":0,*`, `*"uid":1,*`},
		wantEqual: []string{`*"gid":0,*`, `*"uid":0,*`, `*"uid":1,*`}}, // that of its exec comes first
	{name: "limited-by-text",
		spec: kprobe("sys_access", "{index: 0, type: string}", "matchActions: [{action: Post, rateLimit: 1h}]"),
		do:   []string{`call access "/a then call access "/b then call access "/a then call access "/aa then call access "/b`},
		want: []string{"string /a", "string /b", "string /aa"}},
	{name: "limited-by-long-text",
		spec: kprobe("sys_access", "{index: 0, type: string}", "matchActions: [{action: Post, rateLimit: 1h}]"),
		do:   []string{`long access 0 39 x a then long access 0 39 x b then long access 0 39 x a`},
		want: []string{"string " + x(39) + "a", "string " + x(39) + "b"}},
	{name: "limited-by-socket",
		spec: kprobe("tcp_connect", "{index: 0, type: sock}", "matchActions: [{action: Post, rateLimit: 1h}]"), do: []string{
			"network then listen 127.0.0.1 80 then connect 127.0.0.1 80 127.0.0.1 50 then listen 127.0.0.1 81 then connect 127.0.0.1 81 127.0.0.1 50"},
		want: []string{"sock *>127.0.0.1:80 TCP_SYN_SENT", "sock *>127.0.0.1:81 TCP_SYN_SENT"}},
	acted("sigkill-observed", "{action: Sigkill}", ask+"1 then "+ask+"2", "int 1 POST would SIGKILL", "int 2 POST would SIGKILL"),
	acted("signal-observed", "{action: Signal, argSig: 9}", ask+"1 then "+ask+"2", "int 1 POST would SIGNAL",
		"int 2 POST would SIGNAL"),
	acted("sigkill-without-post-observed", "{action: Sigkill}, {action: NoPost}", ask+"1", "int 1 POST would SIGKILL"),
	{name: "override-observed", spec: kprobe("security_file_permission", "{index: 0, type: file}, {index: 1, type: int}",
		"matchArgs: ["+filter(0, "Equal",
			"$D/text")+"]\n    matchActions: [{action: Override, argError: -1}, {action: Sigkill}]"),
		do:   []string{"open $D/text w then write observed"},
		want: []string{"file $D/text -rw-r--r--, int 2 POST would SIGKILL would OVERRIDE"}, shown: withActions},
	{name: "return-actions",
		spec: kprobe("sys_umask", "{index: 0, type: int}", "matchReturnArgs: [{index: 0, operator: Equal, values: ['5']}]\n"+
			"    matchReturnActions: [{action: Signal, argSig: 9}]") + "\n  return: true\n  returnArg: {index: 0, type: int}",
		do:   []string{"call umask 5 then call umask 7 then call umask 1"},
		want: []string{"int 7, = int 5 POST return POST would SIGNAL"}, shown: withActions},
	{name: "return-actions-without-post",
		spec: kprobe("sys_umask", "{index: 0, type: int}", "matchReturnArgs: [{index: 0, operator: Equal, values: ['5']}]\n"+
			"    matchActions: [{action: NoPost}]\n    matchReturnActions: [{action: Signal, argSig: 9}, {action: NoPost}]") +
			"\n  return: true\n  returnArg: {index: 0, type: int}",
		do:   []string{"call umask 5 then call umask 7 then call umask 1"},
		want: []string{"int 7, = int 5 POST return POST would SIGNAL"}, shown: withActions},
	acted("canaries", "{action: GetUrl, argUrl: 'http://127.0.0.1:1/x'}, {action: DnsLookup, argFqdn: canary.invalid}", ask+"1",
		"int 1 DNSLOOKUP"),
	{name: "followed",
		spec: kprobe("fd_install", "{index: 0, type: int}, {index: 1, type: file}", "matchArgs: ["+filter(1, "Equal",
			"$D/text")+"]\n"+
			"    matchActions: [{action: FollowFD, argFd: 0, argName: 1}]"), do: []string{"open $D/text then open $D/program"},
		want: []string{"int *, file $D/text -rw-r--r-- FOLLOWFD"}, shown: withActions},
	{name: "unfollowed",
		spec: kprobe("sys_close", "{index: 0, type: int}", matchArgs(0, "Equal",
			"9")+"\n    matchActions: [{action: UnfollowFD, argFd: 0}]"),
		do: []string{"open $D/text then dup-to 9 then close"}, want: []string{"int 9 UNFOLLOWFD"}, shown: withActions},
	{name: "copied",
		spec: kprobe("sys_dup2", "{index: 0, type: fd}, {index: 1, type: int}",
			"matchActions: [{action: CopyFD, argFd: 0, argName: 1}]"),
		do: []string{"open $D/text then dup-to 9"}, want: []string{"file $D/text -rw-r--r--, int 9 COPYFD"}, shown: withActions},
	{name: "tracked", spec: kprobe("tcp_connect", "{index: 0, type: sock}", "matchActions: [{action: TrackSock, argSock: 0}]"),
		shown: withActions,
		do:    []string{"network then listen 127.0.0.1 80 then connect 127.0.0.1 80"},
		want:  []string{"sock AF_INET SOCK_STREAM IPPROTO_TCP *>127.0.0.1:80 * TRACKSOCK"}},
	{name: "untracked",
		spec: kprobe("tcp_close", "{index: 0, type: sock}", "matchArgs: ["+filter(0, "DPort",
			"80")+"]\n    matchActions: [{action: UntrackSock, argSock: 0}]"), shown: withActions,
		do:   []string{"network then listen 127.0.0.1 80 then connect 127.0.0.1 80 then close"},
		want: []string{"sock AF_INET SOCK_STREAM IPPROTO_TCP *>127.0.0.1:80 * UNTRACKSOCK"}},
	{name: "notes-for-enforcers",
		spec: "enforcers: [{calls: [sys_umask]}]\n" +
			kprobe("sys_getsid", "{index: 0, type: int}", "matchActions: [{action: NotifyEnforcer, argError: -1, argSig: 9}]"),
		do:   []string{ask + "1 then call umask 1 then " + ask + "2"},
		want: []string{"int 1 POST would NOTIFYENFORCER", "int 2 POST would NOTIFYENFORCER"}, shown: withActions},
	{name: "notes-removed",
		spec: "enforcers: [{calls: [sys_umask]}]\n" +
			kprobe("sys_getsid", "{index: 0, type: int}", "matchActions: [{action: CleanupEnforcerNotification}]"),
		do: []string{ask + "1"}, want: []string{"int 1 CLEANUPENFORCERNOTIFICATION"}, shown: withActions},
	{name: "kernel-stack",
		spec: kprobe("sys_getsid", "{index: 0, type: int}",
			"matchActions: [{action: Post, kernelStackTrace: true, userStackTrace: true}]"),
		do: []string{ask + "1"}, want: []string{"int 1 kernel * user *"}, shown: withStacks},
	{name: "message-and-tags",
		spec: kprobe("sys_getsid", "{index: 0, type: int}") + "\n  message: somebody asked\n  tags: [one, two]",
		do:   []string{ask + "1"}, want: []string{"somebody asked [one two]"}, shown: func(e *event.Event) string {
			return harness.Hooked(e).Message + " [" + strings.Join(harness.Hooked(e).Tags, " ") + "]"
		}},
}

// withStacks is an event in short, with the functions of its stacks.
func withStacks(e *event.Event) string {
	text := harness.Line(e) + " kernel"
	for _, entry := range e.ProcessKprobe.KernelStackTrace {
		text += " " + entry.Symbol
	}
	text += " user"
	for _, entry := range e.ProcessKprobe.UserStackTrace {
		text += " " + entry.Module + ":" + entry.Symbol
	}
	return text
}

func TestObservedActions(t *testing.T) {
	runRows(t, harness.Options{}, observed, func(folder string) { write(t, folder+"/text", "") })
}

// TestEveryAction: no action is without a row.
func TestEveryAction(t *testing.T) {
	actions := `Post FollowFD Sigkill UnfollowFD Override CopyFD GetUrl DnsLookup NoPost Signal TrackSock UntrackSock NotifyEnforcer
		CleanupEnforcerNotification`
	covered := map[string]bool{}
	for i := range observed {
		for _, match := range regexp.MustCompile(`action: (\w+)`).FindAllStringSubmatch(observed[i].spec, -1) {
			covered[match[1]] = true
		}
	}
	if without := missing(strings.Fields(actions), covered); len(without) > 0 {
		t.Errorf("no row has %v", without)
	}
}
