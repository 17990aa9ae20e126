// SPDX-License-Identifier: Apache-2.0

package events_test

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma/events"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

func TestStates(t *testing.T) {
	for _, tt := range []struct {
		source, selection, condition string
		options                      events.Options
		state                        events.State
		reasons                      []string
	}{
		{processes, "{Image: x}", "s", events.Options{}, events.Armed, nil},
		{processes, "{Hashes: x}", "s", events.Options{}, events.Unsupported, []string{"Hashes: events of process_creation do not have it"}},
		{processes, "{Hashes: x}", "not s", events.Options{}, events.Degraded, []string{"Hashes: events of process_creation do not have it"}},
		{processes, "[{Hashes: x}, {Image: y}]", "s", events.Options{}, events.Degraded, []string{"Hashes: events of process_creation do not have it"}},
		{processes, "{Hashes: null, Image: x}", "s", events.Options{}, events.Degraded, []string{"Hashes: events of process_creation do not have it"}},
		{processes, "{TargetFilename: x}", "s", events.Options{}, events.Unsupported, []string{"TargetFilename: events of process_creation do not have it"}},
		{processes, "[word]", "s", events.Options{}, events.Unsupported, []string{"keywords: events have no text of a log"}},
		{processes, "{Image|fieldref: Hashes}", "s", events.Options{}, events.Unsupported, []string{"Hashes: events of process_creation do not have it"}},
		{connections, "{DestinationHostname: x}", "s", events.Options{}, events.Unsupported, []string{"DestinationHostname: needs DNS answers"}},
		{connections, "{DestinationHostname: x}", "s", events.Options{HostName: named("x")}, events.Armed, nil},
		{files, "{TargetFilename: x}", "s", events.Options{}, events.Armed, nil},
		{files, "{TargetFilename: x}", "s", events.Options{Opens: events.OpensByFlags}, events.Degraded, []string{"TargetFilename: an open with O_CREAT counts though the file may have been there before"}},
		{files, "{TargetFilename: x}", "s", events.Options{Opens: events.OpensUntold}, events.Degraded, []string{"TargetFilename: files that are emptied by opening them are not told"}},
		{processes, "{Image: x}", "s", events.Options{Opens: events.OpensUntold}, events.Armed, nil},

		{audit, "{type: EXECVE, a0: x}", "s", events.Options{}, events.Armed, nil},
		{audit, "{type: ADD_USER}", "s", events.Options{}, events.Unsupported, []string{"type: records of type ADD_USER are not made of events"}},
		{audit, "{type: SYSCALL, key: x}", "s", events.Options{}, events.Unsupported, []string{"key: only an administrator's audit rules set it"}},
		{audit, "{type: SERVICE_STOP, unit: auditd}", "s", events.Options{}, events.Unsupported, []string{"unit: only systemd's own records have it", "type: records of type SERVICE_STOP are not made of events"}},
		{audit, "{type: EXECVE, name: x}", "s", events.Options{}, events.Unsupported, []string{"no record that is made of events has all that the rule asks for"}},
		{audit, "{type: PATH, name|contains: x}", "s", events.Options{}, events.Degraded, []string{"name: tried on the paths of programs alone, because any opened file could match"}},
		{audit, "{type: SYSCALL, uid: 0}", "s", events.Options{}, events.Degraded, []string{"SYSCALL: the rule names no system call, and is tried on the exec of programs alone"}},
		{audit, "{type: SYSCALL, proctitle: x}", "s", events.Options{}, events.Unsupported, []string{"proctitle: records that are made of events do not have it"}},
	} {
		plan := events.NewPlan([]*sigma.Rule{ruleOf(t, tt.source, tt.selection, tt.condition)}, tt.options)
		rule := plan.Rules[0]
		if rule.State != tt.state || !slices.Equal(rule.Reasons, tt.reasons) {
			t.Errorf("%s %s: %s %q, want %s %q", tt.selection, tt.condition, rule.State, rule.Reasons, tt.state, tt.reasons)
		}
	}
}

func TestApproximateFields(t *testing.T) {
	rule := ruleOf(t, processes, "{CommandLine: x, User: y, LogonId: 1}", "s")
	names := func(o events.Options) (all []string) {
		for _, field := range events.NewPlan([]*sigma.Rule{rule}, o).Rules[0].Approximate {
			if field.Note == "" {
				t.Errorf("%s has no note", field.Name)
			}
			all = append(all, field.Name)
		}
		return all
	}
	if got := names(events.Options{}); !slices.Equal(got, []string{"CommandLine", "User"}) {
		t.Errorf("approximate: %q", got)
	}
	byName := ruleOf(t, connections, "{DestinationHostname: x}", "s")
	for exact, want := range map[bool]int{true: 0, false: 1} {
		planned := events.NewPlan([]*sigma.Rule{byName}, events.Options{HostName: named("x"), HostNamesExact: exact}).Rules[0]
		if planned.State != events.Armed || len(planned.Approximate) != want {
			t.Errorf("names exact %v: %s, approximate %v", exact, planned.State, planned.Approximate)
		}
	}
	exact := events.Options{Argv: vector(true), UserName: func(*event.Process, uint32) string { return "" }}
	if got := names(exact); len(got) != 0 {
		t.Errorf("approximate: %q", got)
	}
}

func TestNeeds(t *testing.T) {
	creations := []events.Operation{events.OpOpen, events.OpCreate, events.OpRename, events.OpLink, events.OpSymlink}
	both := []events.Operation{events.OpConnect, events.OpAccept}
	prefix := netip.MustParsePrefix
	for _, tt := range []struct {
		source, selection, condition string
		want                         events.Needs
	}{
		{processes, "{Image: x}", "s", events.Needs{Exec: true}},
		{files, "{TargetFilename|startswith: /etc/}", "s", events.Needs{Files: []events.FileNeeds{{creations, 0x240, []sigma.Comparison{{Operator: sigma.StartsWith, Text: "/etc/"}}}}}},
		{files, "{TargetFilename|contains: x}", "s", events.Needs{Files: []events.FileNeeds{{creations, 0x240, nil}}}},
		{files, "{Image: x}", "s", events.Needs{Files: []events.FileNeeds{{creations, 0x240, nil}}}},
		{connections, "{DestinationPort: [443, 8443], Initiated: 'true'}", "s", events.Needs{Network: []events.NetworkNeeds{{Operations: both[:1], Ports: []uint16{443, 8443}}}}},
		{connections, "{Initiated: 'false'}", "s", events.Needs{Network: []events.NetworkNeeds{{Operations: both[1:]}}}},
		{connections, "{DestinationPort|gt: 5}", "s", events.Needs{Network: []events.NetworkNeeds{{Operations: both}}}},
		{connections, "{DestinationPort: '4*'}", "s", events.Needs{Network: []events.NetworkNeeds{{Operations: both}}}},
		{connections, "{DestinationIp: ['127.0.0.1', '::1']}", "not s", events.Needs{Network: []events.NetworkNeeds{{Operations: both, NotAddresses: []netip.Prefix{prefix("127.0.0.1/32"), prefix("::1/128")}}}}},
		{connections, "{DestinationIp|cidr: [10.0.0.0/8]}", "s", events.Needs{Network: []events.NetworkNeeds{{Operations: both, Addresses: []netip.Prefix{prefix("10.0.0.0/8")}}}}},
		{connections, "{DestinationIp|startswith: '10.'}", "not s", events.Needs{Network: []events.NetworkNeeds{{Operations: both}}}},
		{connections, "{DestinationHostname: x}", "s", events.Needs{}},

		{audit, "{type: EXECVE, a0: x}", "s", events.Needs{Exec: true}},
		{audit, "{type: SYSCALL, SYSCALL: [init_module, finit_module, execve]}", "s", events.Needs{Exec: true, Syscalls: []string{"init_module", "finit_module"}}},
		{audit, "{type: PATH, name: /etc/x, nametype: NORMAL}", "s", events.Needs{Exec: true, Files: []events.FileNeeds{
			{[]events.Operation{events.OpOpen, events.OpTruncate}, 0, []sigma.Comparison{{Operator: sigma.Equals, Text: "/etc/x"}}},
		}}},
		{audit, "{type: PATH, name|contains: x, nametype: DELETE}", "s", events.Needs{Files: []events.FileNeeds{
			{[]events.Operation{events.OpUnlink, events.OpRmdir, events.OpRename}, 0, nil},
		}}},
	} {
		plan := events.NewPlan([]*sigma.Rule{ruleOf(t, tt.source, tt.selection, tt.condition)}, events.Options{})
		if got := plan.Rules[0].Needs; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s %s needs %+v\nwant %+v", tt.selection, tt.condition, got, tt.want)
		}
	}
}

func TestNeedsTogether(t *testing.T) {
	rules := []*sigma.Rule{
		ruleOf(t, files, "{TargetFilename: /1}", "s"), ruleOf(t, files, "{TargetFilename: /1}", "s"), ruleOf(t, files, "{TargetFilename: /2}", "s"),
		ruleOf(t, audit, "{SYSCALL: ptrace, type: SYSCALL}", "s"), ruleOf(t, audit, "{SYSCALL: ptrace, type: SYSCALL, a0: 1}", "s"),
		ruleOf(t, connections, "{DestinationPort: 1}", "s"),
	}
	all := events.NewPlan(rules, events.Options{}).Needs()
	if all.Exec || len(all.Files) != 2 || len(all.Network) != 1 || !slices.Equal(all.Syscalls, []string{"ptrace"}) {
		t.Errorf("%+v", all)
	}
	for _, need := range all.Files {
		for _, operation := range need.Operations {
			if len(events.Hooks(operation)) == 0 {
				t.Errorf("no hook tells of %s", operation)
			}
		}
	}
}

func TestExistingProcesses(t *testing.T) {
	rules := []*sigma.Rule{ruleOf(t, processes, "{Image: /bin/x}", "s"), ruleOf(t, audit, "{type: EXECVE, a0: x}", "s")}
	e := flagged("procFS", exec("/bin/x", ""))
	if n := len(events.NewPlan(rules, events.Options{}).Detector().Detect(e)); n != 0 {
		t.Errorf("%d matches of a process that was there", n)
	}
	matches := events.NewPlan(rules, events.Options{Existing: true}).Detector().Detect(e)
	if len(matches) != 2 || !matches[0].AlreadyRunning || !matches[1].AlreadyRunning || matches[0].Record != "" || matches[1].Record != "EXECVE" || matches[0].Operation != events.OpExec {
		t.Errorf("%+v", matches)
	}
}

// A rule of auditd is told once for an event, though several of its records match.
func TestAuditMatchesOnce(t *testing.T) {
	detector := events.NewPlan([]*sigma.Rule{ruleOf(t, audit, "[ls]", "s")}, events.Options{}).Detector()
	if matches := detector.Detect(exec("/bin/ls", "")); len(matches) != 1 {
		t.Errorf("%d matches", len(matches))
	}
	for _, e := range []*event.Event{{}, {Loss: &event.Loss{}}, {ProcessExec: &event.ProcessExec{}}, {ProcessKprobe: &event.ProcessKprobe{FunctionName: "security_path_mknod"}}} {
		if matches := detector.Detect(e); len(matches) != 0 {
			t.Errorf("%+v: %d matches", e, len(matches))
		}
	}
}

func BenchmarkDetect(b *testing.B) {
	detector := events.NewPlan(sharedRules(b), events.Options{}).Detector()
	list := []*event.Event{
		exec("/usr/bin/sed", "-e s/a/b/ /srv/app/config/application.properties"), exec("/usr/bin/git", "--no-pager log --format=%H -n 1 -- pkg/server/handler.go"),
		exec("/bin/bash", `-c "for i in 1 2 3; do sleep 1; done"`), exec("/usr/bin/date", "+%s"), creating("/usr/bin/gcc", "/tmp/ccXYZ.o"), connecting("/usr/bin/curl", "10.0.0.1", 443),
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		detector.Detect(list[i%len(list)])
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
