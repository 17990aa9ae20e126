// SPDX-License-Identifier: Apache-2.0

package falco

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
)

func names(matches []Match) (names []string) {
	for _, m := range matches {
		names = append(names, m.Rule.Name)
	}
	return names
}

func TestMatching(t *testing.T) {
	rules := ruleText("a", "evt.type=open and proc.name=x") + ruleText("b", "evt.type=open and proc.pname=y") + ruleText("off", "evt.type=open", "  enabled: false") +
		ruleText("c", "evt.type=open")
	event := fake{"proc.name": text("x"), "proc.pname": text("y")}
	lost := fake{"proc.name": {State: compare.NotDelivered}, "proc.pname": text("y")}
	for _, test := range []struct {
		matching Matching
		event    fake
		want     []string
	}{
		{First, event, []string{"a"}}, {All, event, []string{"a", "b", "c"}}, {First, fake{}, []string{"c"}},
		{First, lost, []string{"a", "b"}}, // what is not certain does not end the search
	} {
		e := loadTexts(Options{Matching: test.matching}, rules)
		if got := names(e.NewEvaluator().Evaluate(eventType(t, "open"), test.event, nil)); !slices.Equal(got, test.want) {
			t.Errorf("matching %d: %v, want %v", test.matching, got, test.want)
		}
		if got := e.NewEvaluator().Evaluate(eventType(t, "creat"), test.event, nil); len(got) != 0 {
			t.Errorf("creat: %v", got)
		}
	}
}

func TestViews(t *testing.T) {
	const rule = "evt.type=open and fd.name startswith /etc and not fd.name=/etc/ok"
	for _, test := range []struct {
		lexical, resolved string
		exact             bool
		want              string
	}{
		{"/etc/x", "/etc/x", false, "lexical"}, {"/tmp/link", "/etc/x", false, "resolved"}, {"/etc/x", "/tmp/x", false, "lexical"},
		{"/tmp/link", "/etc/x", true, ""}, {"/tmp/a", "/tmp/b", false, ""}, {"/etc/ok", "/etc/ok", false, ""},
		// The two views are not mixed: in neither of them both terms hold.
		{"/tmp/x", "/etc/ok", false, ""},
	} {
		e := loadTexts(Options{Exact: test.exact}, ruleText("r", rule))
		event := fake{"fd.name": text(test.lexical), "resolved fd.name": text(test.resolved)}
		got := ""
		for _, m := range e.NewEvaluator().Evaluate(eventType(t, "open"), event, nil) {
			got += m.View.String()
		}
		if got != test.want {
			t.Errorf("%s → %s, exact %t: %q, want %q", test.lexical, test.resolved, test.exact, got, test.want)
		}
	}
	e := loadTexts(Options{}, ruleText("r", rule))
	event := fake{"fd.name": text("/tmp/link"), "resolved fd.name": text("/etc/x")}
	match := e.NewEvaluator().Evaluate(eventType(t, "open"), event, nil)[0]
	if alert := match.Alert(time.Time{}, "", event, nil); alert.Fields[ViewField] != "resolved" {
		t.Errorf("fields: %v", alert.Fields)
	}
}

// A value that was not delivered is true for what has to hold, and false for an exception.
func TestNotDelivered(t *testing.T) {
	lost := compare.Value{State: compare.NotDelivered}
	for _, test := range []struct {
		condition string
		event     fake
		want      string
	}{
		{"proc.name=x", fake{"proc.name": lost}, "proc.name was not delivered"},
		{"not proc.name=x", fake{"proc.name": lost}, "proc.name was not delivered"},
		{"proc.name=x and proc.pname=y", fake{"proc.name": lost, "proc.pname": text("z")}, "none"},
		{"proc.name=x or proc.pname=y", fake{"proc.name": lost, "proc.pname": text("y")}, ""},
		{"proc.name exists", fake{"proc.name": lost}, "proc.name was not delivered"},
		{"proc.aname=x", fake{"proc.aname": {State: compare.Present, Cut: true, Texts: []string{"y"}}}, "proc.aname is cut"},
		{"proc.aname=y", fake{"proc.aname": {State: compare.Present, Cut: true, Texts: []string{"y"}}}, ""},
		{"proc.args contains x", fake{"proc.args": {State: compare.Present, Cut: true, Text: "ax"}}, "proc.args is cut"},
		{"proc.args contains x", fake{"proc.args": {State: compare.Present, Cut: true, Text: "a"}}, "none"},
		{"tolower(proc.name)=x", fake{"proc.name": lost}, "proc.name was not delivered"},
		{"proc.name=val(proc.pname)", fake{"proc.name": text("a"), "proc.pname": lost}, "proc.pname was not delivered"},
		{"proc.name=val(proc.pname)", fake{"proc.pname": lost}, "none"},
		{"not proc.name in (<NA>)", fake{}, "none"},
		{"proc.name != x", fake{}, "none"},
		{"not proc.name = x", fake{}, ""},
	} {
		e := loadTexts(Options{}, ruleText("r", "evt.type=open and "+test.condition))
		got := "none"
		for _, m := range e.NewEvaluator().Evaluate(eventType(t, "open"), test.event, nil) {
			got = strings.Join(m.Degraded, "; ")
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.condition, got, test.want)
		}
	}
}

func TestLoopbackOverIPv6(t *testing.T) {
	e := shared(t, Options{Matching: All})
	address := func(a string) (v compare.Value) {
		v.SetAddress(netip.MustParseAddr(a))
		return v
	}
	event := fake{
		"fd.typechar": text("6"), "fd.ip": address("::1"), "fd.net": address("::1"), "fd.snet": address("::1"), "evt.rawres": number(0),
		"proc.exe": text("/usr/bin/ssh"), "fd.l4proto": text("tcp"), "fd.sport": {State: compare.Present, Ends: 1, Ports: [2]uint16{443}},
	}
	const want = "Disallowed SSH Connection Non Standard Port"
	if got := names(e.NewEvaluator().Evaluate(eventType(t, "connect"), event, nil)); !slices.Contains(got, want) {
		t.Errorf("%v, want %s", got, want)
	}
	event["fd.net"] = address("127.0.0.1")
	if got := names(e.NewEvaluator().Evaluate(eventType(t, "connect"), event, nil)); slices.Contains(got, want) {
		t.Errorf("%v: loopback counts as outbound", got)
	}
}

// What is known of containers decides container.id != host.
func TestContainer(t *testing.T) {
	rules := ruleText("in", "evt.type=open and container.id != host") + ruleText("out", "evt.type=open and not container.id != host")
	for _, test := range []struct {
		container logic.Container
		want      []string
	}{{logic.AnyContainer, []string{"out"}}, {logic.InContainer, []string{"in"}}, {logic.OnHost, []string{"out"}}} {
		e := loadTexts(Options{Matching: All, Container: test.container}, rules)
		if got := names(e.NewEvaluator().Evaluate(eventType(t, "open"), fake{}, nil)); !slices.Equal(got, test.want) {
			t.Errorf("%d: %v, want %v", test.container, got, test.want)
		}
	}
}

func TestSpecialise(t *testing.T) {
	e := shared(t, Options{Container: logic.InContainer})
	for _, test := range []struct{ rule, event, want string }{
		{"Change namespace privileges via unshare", "unshare", "not thread.cap_permitted contains CAP_SYS_ADMIN"},
		{"Change namespace privileges via unshare", "open", "false"},
		{"Delete or rename shell history", "creat", "false"},
		{"User mgmt binaries", "execve", "false"}, // waits for the host
		{"BPF Program Not Profiled", "bpf", "(evt.arg.cmd = 5 or evt.arg.cmd = BPF_PROG_LOAD) and not proc.name in (bpftool, falco, systemd)"},
	} {
		for _, r := range e.Rules {
			if r.Name != test.rule {
				continue
			}
			if got := e.Specialise(r, eventType(t, test.event)).String(); sortedTerms(got) != sortedTerms(test.want) {
				t.Errorf("%s for %s: %s, want %s", test.rule, test.event, got, test.want)
			}
		}
	}
}

func TestHostNames(t *testing.T) {
	e := shared(t, Options{})
	if got := e.HostNames(); !slices.Equal(got, []string{"kubernetes.default.svc.cluster.local"}) {
		t.Errorf("%v", got)
	}
}

// traffic is what a node does all day, none of which is worth an alert.
func traffic(t testing.TB) []struct {
	kind   string
	values fake
} {
	t.Helper()
	open := readShadow()
	open["fd.name"], open["fd.directory"], open["fd.filename"] = text("/usr/lib/x86_64-linux-gnu/libc.so.6"), text("/usr/lib/x86_64-linux-gnu"), text("libc.so.6")
	open["fd.nameraw"] = open["fd.name"]
	write := fake{}
	maps.Copy(write, open)
	write["evt.is_open_write"], write["evt.is_open_read"] = boolean(true), boolean(false)
	write["fd.name"], write["fd.directory"], write["fd.filename"] = text("/var/lib/app/data.db"), text("/var/lib/app"), text("data.db")
	run := readShadow()
	run["proc.name"], run["proc.exe"], run["proc.cmdline"], run["proc.args"] = text("sleep"), text("sleep"), text("sleep 60"), text("60")
	run["proc.cwd"], run["proc.vpid"] = text("/"), number(17)
	dial := readShadow()
	var peer compare.Value
	peer.SetAddress(netip.MustParseAddr("10.1.2.3"))
	for _, name := range []string{"fd.ip", "fd.net", "fd.snet", "fd.sip", "fd.rnet"} {
		dial[name] = peer
	}
	dial["fd.typechar"], dial["fd.l4proto"], dial["evt.rawres"], dial["fd.sockfamily"] = text("4"), text("tcp"), number(0), text("ip")
	dial["fd.sport"] = compare.Value{State: compare.Present, Ends: 1, Ports: [2]uint16{5432}}
	return []struct {
		kind   string
		values fake
	}{{"openat", open}, {"openat", write}, {"execve", run}, {"connect", dial}, {"unlink", fake{"evt.arg.path": text("/tmp/x"), "proc.name": text("app")}}}
}

func BenchmarkEvaluate(b *testing.B) {
	e := shared(b, Options{})
	evaluator := e.NewEvaluator()
	for _, one := range traffic(b) {
		kind := eventType(b, one.kind)
		name := one.kind
		if one.values["evt.is_open_write"].Number == 1 {
			name += " for writing"
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var matches []Match
			for b.Loop() {
				matches = evaluator.Evaluate(kind, one.values, matches[:0])
			}
			if len(matches) > 0 {
				b.Fatalf("%s: %v", one.kind, names(matches))
			}
		})
	}
}

// Nothing is allocated for events that no rule holds for.
func TestNoAllocations(t *testing.T) {
	evaluator := shared(t, Options{}).NewEvaluator()
	for _, one := range traffic(t) {
		kind := eventType(t, one.kind)
		var matches []Match
		if n := testing.AllocsPerRun(20, func() { matches = evaluator.Evaluate(kind, one.values, matches[:0]) }); n != 0 {
			t.Errorf("%s: %v allocations", one.kind, n)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		shared(b, Options{})
	}
}
