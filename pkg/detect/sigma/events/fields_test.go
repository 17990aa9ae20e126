// SPDX-License-Identifier: Apache-2.0

package events_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma/events"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// ruleOf is a rule of a source with one selection.
func ruleOf(t *testing.T, source, selection, condition string) *sigma.Rule {
	t.Helper()
	text := "title: t\nlogsource: " + source + "\ndetection:\n  s: " + selection + "\n  condition: " + condition + "\n"
	rules, refusals := sigma.Parse("t.yml", []byte(text))
	if len(refusals) > 0 {
		t.Fatalf("%s\n%v", text, refusals)
	}
	return rules[0]
}

// sources are the log sources that rules are loaded of.
const (
	processes   = "{product: linux, category: process_creation}"
	files       = "{product: linux, category: file_event}"
	connections = "{product: linux, category: network_connection}"
	audit       = "{product: linux, service: auditd}"
)

// outcome is how a rule with that item ends for an event: yes, no, truncated (a match that is not certain) or undecided.
func outcome(t *testing.T, source, item string, o events.Options, e *event.Event) string {
	t.Helper()
	rule := ruleOf(t, source, "{"+item+"}", "s")
	detector := events.NewPlan([]*sigma.Rule{rule}, o).Detector()
	switch matches := detector.Detect(e); {
	case len(matches) == 1 && matches[0].Truncated:
		return "truncated"
	case len(matches) == 1:
		return "yes"
	case detector.Undecided()[rule] > 0:
		return "undecided"
	}
	return "no"
}

func flagged(flags string, e *event.Event) *event.Event {
	return changing(e, func(p *event.Process) { p.Flags = flags })
}

var fieldTests = []struct {
	source, item string
	options      events.Options
	event        *event.Event
	want         string
}{
	// Image
	{processes, "Image: /bin/wget", events.Options{}, exec("/bin/wget", ""), "yes"},
	{processes, "Image: /bin/busybox", events.Options{}, loading("/bin/busybox", exec("/bin/wget", "")), "yes"},
	{processes, "Image: /bin/wget", events.Options{}, loading("/bin/busybox", exec("/bin/wget", "")), "yes"},
	{processes, "Image: /tmp/x", events.Options{}, loading("/tmp/x (deleted)", exec("/bin/y", "")), "yes"},
	{processes, "Image: '/tmp/x (deleted)'", events.Options{}, loading("/tmp/x (deleted)", exec("/bin/y", "")), "yes"},
	{processes, "Image|endswith: /x", events.Options{}, flagged("errorFilename", exec("/a/b", "")), "undecided"},
	{processes, "Image|contains: /a", events.Options{}, flagged("errorFilename", exec("/a/b", "")), "yes"},
	{processes, "Image|exists: true", events.Options{}, exec("", ""), "undecided"},
	{processes, "ParentImage: /bin/bash", events.Options{}, exec("/bin/ls", ""), "yes"},
	{processes, "ParentImage: /bin/bash", events.Options{}, execBy(nil, "/bin/ls", ""), "undecided"},
	{processes, "ParentImage: /bin/bash", events.Options{}, execBy(&event.Process{ExecID: "x", Flags: "unknown"}, "/bin/ls", ""), "undecided"},
	{processes, "ParentImage: /opt/real", events.Options{Executable: func(p *event.Process) string { return "/opt/real" }}, exec("/bin/ls", ""), "yes"},
	{processes, "Image|endswith: /wget", events.Options{Argv: vector(true, "./wget"), AppletNames: true}, exec("/proc/self/exe", ""), "yes"},
	{processes, "Image|endswith: /wget", events.Options{Argv: vector(true, "wget")}, exec("/proc/self/exe", ""), "no"},
	{processes, "ParentImage|endswith: /wget", events.Options{Argv: vector(true, "wget"), AppletNames: true}, exec("/bin/x", ""), "yes"},
	{files, "Image: /bin/vi", events.Options{}, creating("/bin/vi", "/x"), "yes"},
	{files, "Image: /bin/busybox", events.Options{Executable: func(p *event.Process) string { return "/bin/busybox" }}, creating("/bin/vi", "/x"), "yes"},
	{connections, "Image: /bin/nc", events.Options{}, connecting("/bin/nc", "10.0.0.1", 1), "yes"},

	// CommandLine
	{processes, "CommandLine: 'ls -l /a'", events.Options{}, exec("/bin/ls", "-l /a"), "yes"},
	{processes, "CommandLine: ls", events.Options{}, exec("/bin/ls", ""), "yes"},
	{processes, "CommandLine: 'sh -c echo a b'", events.Options{}, exec("/bin/sh", `-c "echo a b"`), "yes"},
	{processes, "CommandLine: 'sh -c a b c d e'", events.Options{}, exec("/bin/sh", `-c "a b" c "d e"`), "yes"},
	{processes, `CommandLine: 'sh -c echo "a" b'`, events.Options{}, exec("/bin/sh", `-c "echo "a" b"`), "no"}, // quotes within: see the field's note
	{processes, "CommandLine: 'bash /srv/x.sh a'", events.Options{}, loading("/bin/bash", exec("/srv/x.sh", "/srv/x.sh a")), "yes"},
	{processes, "CommandLine: 'python3 -u ./x.py'", events.Options{}, loading("/usr/bin/python3", exec("/srv/x.py", "-u ./x.py")), "yes"},
	{processes, "CommandLine: 'wget http://x/'", events.Options{}, loading("/bin/busybox", exec("/bin/wget", "http://x/")), "yes"},
	{processes, "CommandLine|contains: needle", events.Options{}, flagged("execve truncArgs", exec("/bin/x", "hay")), "undecided"},
	{processes, "CommandLine|contains: hay", events.Options{}, flagged("execve truncArgs", exec("/bin/x", "hay")), "yes"},
	{processes, "CommandLine|endswith: hay", events.Options{}, flagged("truncArgs", exec("/bin/x", "hay")), "truncated"},
	{processes, "CommandLine|startswith: 'x h'", events.Options{}, flagged("truncArgs", exec("/bin/x", "hay")), "yes"},
	{processes, "CommandLine|startswith: 'y'", events.Options{}, flagged("truncArgs", exec("/bin/x", "hay")), "no"},
	{processes, "CommandLine|contains: needle", events.Options{}, flagged("errorArgs", exec("/bin/x", "")), "undecided"},
	{processes, "CommandLine: '/bin/sh -c id'", events.Options{Argv: vector(true, "/bin/sh", "-c", "id")}, exec("/bin/sh", "-c id"), "yes"},
	{processes, "CommandLine: 'a \"b\" c'", events.Options{Argv: vector(true, "a", `"b"`, "c")}, exec("/bin/sh", "-c id"), "yes"},
	{processes, "CommandLine|endswith: c", events.Options{Argv: vector(false, "a", "c")}, exec("/bin/sh", ""), "truncated"},
	{processes, "ParentCommandLine: 'bash -l'", events.Options{}, execBy(program("/bin/bash", "-l"), "/bin/ls", ""), "yes"},
	{processes, "ParentCommandLine: 'bash -l'", events.Options{}, execBy(nil, "/bin/ls", ""), "undecided"},

	// who and where
	{processes, "User: '1000'", events.Options{}, exec("/bin/ls", ""), "yes"},
	{processes, "User: root", events.Options{}, changing(exec("/bin/ls", ""), func(p *event.Process) { p.Uid = new(uint32(0)) }), "yes"},
	{processes, "User: web", events.Options{UserName: func(_ *event.Process, uid uint32) string { return map[uint32]string{1000: "web"}[uid] }}, exec("/bin/ls", ""), "yes"},
	{processes, "User: root", events.Options{}, changing(exec("/bin/ls", ""), func(p *event.Process) { p.Uid = nil }), "undecided"},
	{processes, "LogonId: 4294967295", events.Options{}, exec("/bin/ls", ""), "yes"},
	{processes, "LogonId|lt: 4294967295", events.Options{}, exec("/bin/ls", ""), "no"},
	{processes, "CurrentDirectory: /srv", events.Options{}, exec("/bin/ls", ""), "yes"},
	{processes, "CurrentDirectory: /tmp", events.Options{}, changing(exec("/bin/ls", ""), func(p *event.Process) { p.Cwd = "/tmp/" }), "yes"},
	{processes, "CurrentDirectory: /", events.Options{}, changing(exec("/bin/ls", ""), func(p *event.Process) { p.Cwd = "/" }), "yes"},
	{processes, "CurrentDirectory|startswith: /srv", events.Options{}, flagged("errorCWD", exec("/bin/ls", "")), "truncated"},
	{processes, "Unheard|exists: false", events.Options{}, exec("/bin/ls", ""), "yes"},
	{processes, "TargetFilename|exists: false", events.Options{}, exec("/bin/ls", ""), "yes"},

	// files
	{files, "TargetFilename: /etc/x", events.Options{}, creating("/bin/vi", "/etc/x"), "yes"},
	{files, "TargetFilename: /etc/x", events.Options{}, creating("/bin/vi", "/etc/x (deleted)"), "yes"},
	{files, "TargetFilename|endswith: c/x", events.Options{}, unresolved(creating("/bin/vi", "/c/x")), "yes"},
	{files, "TargetFilename|startswith: /c", events.Options{}, unresolved(creating("/bin/vi", "/c/x")), "truncated"},
	{files, "TargetFilename: /srv/y", events.Options{}, asking("y", creating("/bin/vi", "/mnt/y")), "yes"},
	{files, "TargetFilename: /mnt/y", events.Options{}, asking("y", creating("/bin/vi", "/mnt/y")), "yes"},
	{files, "TargetFilename: /x", events.Options{Opens: events.OpensUntold}, mknod("/x", 0o100644), "yes"},
	{files, "TargetFilename: /x", events.Options{}, mknod("/x", 0o100644), "no"},
	{files, "TargetFilename: /x", events.Options{}, mknod("/x", 0o140755), "yes"},
	{files, "TargetFilename: /x", events.Options{}, lsm("path_mknod", pathArg("/"), pathArg("/x"), uintArg(0o010644)), "yes"},
	{files, "TargetFilename: /x", events.Options{Opens: events.OpensByFlags}, calling(program("/bin/vi", ""), "security_file_open", fileArg("/x"), labelled("flags", uintArg(openCreate))), "yes"},
	{files, "TargetFilename|exists: true", events.Options{}, calling(program("/bin/vi", ""), "security_path_mkdir", pathArg("/"), pathArg("/x")), "no"},
	{files, "TargetFilename|exists: true", events.Options{}, exec("/bin/vi", ""), "no"},
	{files, "TargetFilename: /x", events.Options{}, calling(program("/bin/vi", ""), "security_path_rename"), "undecided"},

	// connections
	{connections, "DestinationIp: 10.0.0.1", events.Options{}, connecting("/bin/nc", "10.0.0.1", 1), "yes"},
	{connections, "DestinationIp: '2001:db8::1'", events.Options{}, connecting("/bin/nc", "2001:0db8:0::1", 1), "yes"},
	{connections, "DestinationIp|cidr: 10.0.0.0/8", events.Options{}, connecting("/bin/nc", "::ffff:10.2.3.4", 1), "yes"},
	{connections, "DestinationPort: 443", events.Options{}, connecting("/bin/nc", "10.0.0.1", 443), "yes"},
	{connections, "DestinationPort|gte: 1024", events.Options{}, connecting("/bin/nc", "10.0.0.1", 443), "no"},
	{connections, "Initiated: true", events.Options{}, connecting("/bin/nc", "10.0.0.1", 443), "yes"},
	{connections, "Initiated: 'true'", events.Options{}, connecting("/bin/nc", "10.0.0.1", 443), "yes"},
	{connections, "Initiated: 'false'", events.Options{}, accepting("/bin/nc", "10.0.0.1", 40000), "yes"},
	{connections, "DestinationPort: 8080", events.Options{}, accepting("/bin/nc", "10.0.0.1", 40000), "yes"},
	{connections, "SourceIp: 10.0.0.1", events.Options{}, accepting("/bin/nc", "10.0.0.1", 40000), "yes"},
	{connections, "SourcePort: 40000", events.Options{}, connecting("/bin/nc", "10.0.0.1", 443), "yes"},
	{connections, "Protocol: tcp", events.Options{}, connecting("/bin/nc", "10.0.0.1", 443), "yes"},
	{connections, "DestinationHostname: pool.example", events.Options{HostName: named("pool.example")}, connecting("/bin/nc", "10.0.0.1", 443), "yes"},
	{connections, "DestinationHostname: pool.example", events.Options{HostName: named("")}, connecting("/bin/nc", "10.0.0.1", 443), "no"},
	{connections, "DestinationHostname: pool.example", events.Options{}, connecting("/bin/nc", "10.0.0.1", 443), "no"},
	{connections, "DestinationPort: 53", events.Options{}, connectingUDP("10.0.0.53", 53), "yes"},
	{connections, "Protocol: udp", events.Options{}, connectingUDP("10.0.0.53", 53), "yes"},
	{connections, "Initiated: true", events.Options{}, connecting("/bin/nc", "not an address", 1), "no"},

	// audit records
	{audit, "type: execve, a0: ls, a1: -l, argc: 2", events.Options{}, exec("/bin/ls", "-l"), "yes"},
	{audit, "a2|exists: false, type: EXECVE", events.Options{}, exec("/bin/ls", "-l"), "yes"},
	{audit, "a2: x", events.Options{}, flagged("truncArgs", exec("/bin/ls", "-l")), "undecided"},
	{audit, "a1: -l", events.Options{}, flagged("truncArgs", exec("/bin/ls", "-l")), "truncated"},
	{audit, "type: SYSCALL, SYSCALL: execve, comm: a-long-program-, exe: /opt/real, success: 'yes', exit: 0, auid: 4294967295, uid: 1000, euid: 1000", events.Options{}, loading("/opt/real", exec("/bin/a-long-program-name", "")), "yes"},
	{audit, "type: SYSCALL, key: x", events.Options{}, exec("/bin/ls", ""), "no"},
	{audit, "type: PATH, name: /bin/ls, nametype: NORMAL", events.Options{}, exec("/bin/ls", ""), "yes"},
	{audit, "type: PATH, name: /x, nametype: CREATE", events.Options{}, creating("/bin/vi", "/x"), "yes"},
	{audit, "type: PATH, name: /x, nametype: DELETE", events.Options{}, calling(program("/bin/rm", ""), "security_path_unlink", pathArg("/"), pathArg("/x")), "yes"},
	{audit, "type: PATH, name: /etc, nametype: PARENT", events.Options{}, calling(program("/bin/rm", ""), "security_path_unlink", pathArg("/etc"), pathArg("/etc/x")), "yes"},
	{audit, "type: PATH, name: /d, nametype: CREATE", events.Options{}, calling(program("/bin/mkdir", ""), "security_path_mkdir", pathArg("/"), pathArg("/d")), "yes"},
	{audit, "type: SYSCALL, SYSCALL: finit_module, success: 'no', exit: -1, a0: 3", events.Options{}, returning(-1, calling(program("/bin/kmod", ""), "__arm64_sys_finit_module", event.Argument{IntArg: new(int32(3))})), "yes"},
	{audit, "type: SYSCALL, SYSCALL: ptrace, a3: 8, a4|exists: false", events.Options{}, tracepoint("sys_enter_ptrace", uintArg(5), uintArg(6), uintArg(7), uintArg(8), uintArg(9)), "yes"},
	{audit, "type: SYSCALL, SYSCALL: ptrace, a0: ffffffff", events.Options{}, tracepoint("sys_enter_ptrace", event.Argument{IntArg: new(int32(-1))}), "yes"},
}

func vector(complete bool, words ...string) func(*event.Process) ([]string, bool) {
	return func(*event.Process) ([]string, bool) { return words, complete }
}

func named(name string) func(*event.Event, netip.Addr) string {
	return func(*event.Event, netip.Addr) string { return name }
}

func unresolved(e *event.Event) *event.Event {
	e.ProcessKprobe.Args[0].FileArg.Flags = event.PathUnresolved
	return e
}

func asking(path string, e *event.Event) *event.Event {
	e.ProcessKprobe.Args = append(e.ProcessKprobe.Args, labelled("asked", event.Argument{StringArg: &path}))
	return e
}

func mknod(path string, mode uint32) *event.Event {
	return calling(program("/bin/mknod", ""), "security_path_mknod", pathArg("/"), pathArg(path), uintArg(mode))
}

func lsm(function string, args ...event.Argument) *event.Event {
	return &event.Event{ProcessLsm: &event.ProcessLsm{Process: program("/bin/x", ""), FunctionName: function, Hooked: event.Hooked{Args: args}}}
}

func returning(result int32, e *event.Event) *event.Event {
	e.ProcessKprobe.Return = &event.Argument{IntArg: &result}
	return e
}

func tracepoint(name string, args ...event.Argument) *event.Event {
	return &event.Event{ProcessTracepoint: &event.ProcessTracepoint{Process: program("/bin/x", ""), Subsys: "syscalls", Event: name, Hooked: event.Hooked{Args: args}}}
}

func connectingUDP(address string, port uint32) *event.Event {
	return calling(program("/bin/dig", ""), "security_socket_connect", event.Argument{SockArg: &event.SockArg{Protocol: "IPPROTO_UDP", Saddr: "0.0.0.0"}},
		event.Argument{SockaddrArg: &event.SockaddrArg{Family: "AF_INET", Addr: address, Port: port}})
}

func TestFields(t *testing.T) {
	for i, tt := range fieldTests {
		if got := outcome(t, tt.source, tt.item, tt.options, tt.event); got != tt.want {
			t.Errorf("%d: %s: %s, want %s", i, tt.item, got, tt.want)
		}
	}
}

// A negated item needs that none of the names of a program matches.
func TestNegatedImages(t *testing.T) {
	rule := ruleOf(t, processes, "{Image|endswith: /busybox}", "not s")
	detector := events.NewPlan([]*sigma.Rule{rule}, events.Options{}).Detector()
	if n := len(detector.Detect(loading("/bin/busybox", exec("/bin/wget", "")))); n != 0 {
		t.Errorf("a busybox: %d", n)
	}
	if n := len(detector.Detect(exec("/bin/wget", ""))); n != 1 {
		t.Errorf("no busybox: %d", n)
	}
}

// A connection is told once, whichever hooks there are.
func TestConnectionsAreToldOnce(t *testing.T) {
	e := connectingUDP("10.0.0.1", 443)
	e.ProcessKprobe.Args[0].SockArg.Protocol = "IPPROTO_TCP"
	if got := outcome(t, connections, "DestinationPort: 443", events.Options{}, e); got != "no" {
		t.Errorf("security_socket_connect of TCP, which tcp_connect tells of: %s", got)
	}
}

// Keywords are searched in the record as it is written, and in the arguments as they were typed.
func TestAuditText(t *testing.T) {
	for text, want := range map[string]string{
		`type=EXECVE argc=3 a0="dd" a1="if=/dev/zero" a2="of=/x"`: "yes",
		"IF=/DEV/ZERO of=/x":                          "yes",
		"type=PATH name=\"/bin/dd\" nametype=NORMAL":  "yes",
		"success=yes exit=0 auid=4294967295 uid=1000": "yes",
		"comm=\"dd\" exe=\"/bin/dd\"":                 "yes",
		"type=PATH nametype":                          "no",
		"bs=":                                         "no",
	} {
		rule := ruleOf(t, audit, "['"+text+"']", "s")
		detector := events.NewPlan([]*sigma.Rule{rule}, events.Options{}).Detector()
		got := "no"
		if len(detector.Detect(exec("/bin/dd", "if=/dev/zero of=/x"))) == 1 {
			got = "yes"
		}
		if got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// Every field of the tables has a test, so that a new row gets one.
func TestEveryFieldIsTried(t *testing.T) {
	var tried strings.Builder
	for _, tt := range fieldTests {
		fmt.Fprintf(&tried, "{%s, ", strings.ReplaceAll(tt.item, "|", ":"))
	}
	for _, field := range events.AuditFields() {
		if !strings.Contains(tried.String(), " "+field.Name+":") && !strings.Contains(tried.String(), "{"+field.Name+":") && field.Name != "unit" {
			t.Errorf("no test asks for %s of audit records", field.Name)
		}
	}
	for _, field := range (events.Options{}).Fields() {
		if !strings.Contains(tried.String(), "{"+field.Name+":") {
			t.Errorf("no test asks for %s", field.Name)
		}
		if field.Unavailable && field.Note == "" || len(field.Categories) == 0 {
			t.Errorf("%+v", field)
		}
	}
}
