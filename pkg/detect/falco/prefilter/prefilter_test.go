// SPDX-License-Identifier: Apache-2.0

package prefilter

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/internal/sharedrules"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/rulefile"
)

func shared(t *testing.T) *falco.Engine {
	t.Helper()
	e := falco.Load(rulefile.Read(sharedrules.Paths(t)...), falco.Options{Matching: falco.All, Container: logic.InContainer})
	for _, p := range e.Problems.Errors() {
		t.Error(p)
	}
	return e
}

func custom(t *testing.T, conditions ...string) *falco.Engine {
	t.Helper()
	var text strings.Builder
	for i, c := range conditions {
		fmt.Fprintf(&text, "- rule: r%d\n  desc: d\n  condition: %q\n  output: o\n  priority: INFO\n", i, c)
	}
	e := falco.Load([]rulefile.File{{Name: "f", Content: []byte(text.String())}}, falco.Options{Matching: falco.All})
	for _, p := range e.Problems.Errors() {
		t.Error(p)
	}
	return e
}

// sound makes random calls around a rule's condition and looks whether each for which a rule holds is let pass. It returns how often
// the rule held.
func sound(t *testing.T, e *falco.Engine, rule *falco.Rule, event *catalog.EventType, programs []Program, calls int) (held, passed int) {
	t.Helper()
	own := Rule(e, rule, event, amd64)
	g := newGenerator(uint64(rule.Number), event, e.Specialise(rule, event))
	evaluator := e.NewEvaluator()
	for range calls {
		c := g.call()
		if own.Admits(&c.facts) {
			passed++
		}
		for _, m := range evaluator.Evaluate(event, c, nil) {
			if !programs[event.Number].Admits(&c.facts) {
				t.Fatalf("%s holds for %s, and the filter does not let it pass:\n%+v\n%v\n%v", m.Rule.Name, event.Name, c.facts, c.lexical, programs[event.Number].Conjuncts)
			}
			if m.Rule != rule {
				continue
			}
			held++
			if !own.Admits(&c.facts) {
				t.Fatalf("%s holds for %s, and its own filter does not let it pass:\n%+v\n%v\n%v", rule.Name, event.Name, c.facts, c.lexical, own.Conjuncts)
			}
		}
	}
	return held, passed
}

// calls of each rule and event type.
const calls = 500

var amd64 = Options{Arch: "amd64"}

func TestSharedRulesAreSound(t *testing.T) {
	e := shared(t)
	programs := Derive(e, amd64)
	for _, rule := range e.Rules {
		all := 0
		for _, event := range rule.Events {
			if strings.HasPrefix(event.Name, "execve") {
				all++
				continue
			}
			held, passed := sound(t, e, rule, event, programs, calls)
			all += held
			if p := Rule(e, rule, event, amd64); passed == calls && !p.All {
				t.Errorf("%s lets every call of %s pass, though it filters", rule.Name, event.Name)
			}
		}
		if all == 0 && len(rule.Events) > 0 && rule.Name != "Network Connection outside Local Subnet" { // whose list of namespaces is empty
			t.Errorf("%s: held for none of the calls, which proves nothing (%d types)", rule.Name, len(rule.Events))
		}
	}
}

// Conditions that the rules do not have, each for the types that it can hold for.
func TestOtherConditionsAreSound(t *testing.T) {
	conditions := []string{
		"evt.type in (open, openat, creat) and fd.name pmatch (/usr, /etc/*/x)", "evt.type=open and fd.name = /etc/shadow and evt.res = SUCCESS",
		"evt.type in (open, openat2) and fd.directory startswith /et and not fd.filename in (a, b)", "evt.type=open and fd.directory = /",
		"evt.type=open and fd.directory endswith /log and fd.num > 2", "evt.type=openat and fd.filename startswith sha and evt.is_open_read=true",
		"evt.type=openat and fd.name glob /*/x?z and evt.is_open_write=true", "evt.type=open and fd.name glob *cron*",
		"evt.type=open and fd.name startswith anyof (/a, /b) and evt.arg.flags contains O_", "evt.type=open and fd.name contains allof (a, b)",
		"evt.type=open and evt.arg.flags contains O_RDWR", "evt.type=open and evt.arg.flags contains WR", "evt.type=open and evt.arg.mode contains S_IX",
		"evt.type=unlinkat and evt.arg.name endswith history and evt.rawres != 0", "evt.type=rename and evt.arg.newpath pmatch (/etc) and evt.res != SUCCESS",
		"evt.type=ptrace and evt.arg.request in (PTRACE_ATTACH, PTRACE_SEIZE)", "evt.type=bpf and evt.arg.cmd startswith BPF_PROG", "evt.type=bpf and evt.arg.cmd contains 1",
		"evt.type=socket and evt.arg.domain = AF_PACKET", "evt.type=connect and fd.sip != 8.8.8.8", "evt.type=connect and not fd.sip != 8.8.8.8",
		"evt.type=connect and not fd.snet in (10.0.0.0/8, ::/0)", "evt.type=connect and fd.ip = 8.8.8.8", "evt.type=sendto and fd.sport in (80, 443) and fd.typechar = 4",
		"evt.type=connect and fd.type in (ipv6)", "evt.type=connect and not fd.net = 127.0.0.0/8 and evt.rawres < 0", "evt.type=connect and evt.res in (EINPROGRESS, EACCES)",
		"evt.type=unshare and not thread.cap_effective icontains sys_", "evt.type=unshare and thread.cap_permitted contains CAP_SYS",
		"evt.type=symlink and evt.arg.target startswith /", "evt.type=open and fd.nameraw contains ../", "evt.type=open and fd.nameraw startswith /x and fd.num=-1",
		"evt.type=open and (fd.name startswith /a or fd.name endswith /b or evt.is_open_write=true) and not (fd.name = /a/b)",
		"evt.type=chmod and evt.arg.mode contains S_ISUID and not evt.arg.filename startswith /tmp", "evt.type=open and fd.filename in (<NA>, shadow)",
		"evt.type=creat and fd.name startswith /dev and fd.num >= 0", "evt.type=fchmod and fd.directory in (/bin, /usr/bin)",
	}
	e := custom(t, conditions...)
	programs := Derive(e, amd64)
	for i, rule := range e.Rules {
		all := 0
		for _, event := range rule.Events {
			held, _ := sound(t, e, rule, event, programs, calls)
			all += held
		}
		if all == 0 {
			t.Errorf("%s: held for none of the calls", conditions[i])
		}
	}
}

// conjuncts are a program's, sorted.
func conjuncts(p *Program) string {
	if p.All {
		return "everything"
	}
	texts := make([]string, len(p.Conjuncts))
	for i, c := range p.Conjuncts {
		texts[i] = c.String()
	}
	slices.Sort(texts)
	return strings.Join(texts, "\n")
}

// The examples of the specification.
func TestDerived(t *testing.T) {
	e := shared(t)
	const positive = "Return 0..9223372036854775807"
	for _, test := range []struct{ rule, event, want string }{
		{"Clear Log Activities", "open", `Mask flags 3 and Mask flags 512 and Postfix fd.name "/access_log"|"/auth.log"|"/cron"|"/dpkg.log"|"/kern.log"|"/last.log"|"/mysql.log"|"/mysqld.log"|"/secure"|"/syslog"|"/user.log"|"/yum.log" and ` + positive + "\n" +
			`Mask flags 3 and Mask flags 512 and Prefix fd.name "/dev/log/"|"/var/log/" and ` + positive},
		{"Clear Log Activities", "creat", ""},
		{"Detect release_agent File Container Escapes", "openat", `Capability cap_effective 21 and Mask flags 3 and Postfix fd.name "release_agent" and ` + positive},
		{"Read sensitive file untrusted", "open", `Equal fd.name "/etc/pam.conf"|"/etc/security/pwquality.conf"|"/etc/shadow"|"/etc/sudoers" and ` + positive + "\n" +
			`Prefix fd.name "/etc/pam.d/"|"/etc/sudoers.d/" and ` + positive},
		{"Change namespace privileges via unshare", "unshare", "not Capability cap_permitted 21"},
		{"Delete or rename shell history", "rename", `Postfix oldpath "ash_history"|"fish_history"|"zsh_history"` + "\n" + `SubString oldpath "fish_read_history"`},
		{"Delete or rename shell history", "unlinkat", `Postfix name "ash_history"|"fish_history"|"zsh_history"` + "\n" + `SubString name "fish_read_history"`},
		{"BPF Program Not Profiled", "bpf", "Integer cmd 5"},
		{"Packet socket created in container", "socket", "Integer domain 17"},
		{"PTRACE anti-debug attempt", "ptrace", "Integer request 0"},
		{"Change thread namespace", "setns", "everything"},
		{"Redirect STDOUT/STDIN to Network Connection in Container", "dup2", "Return 0..0|1..1|2..2"},
		{"Create Symlink Over Sensitive Files", "symlink", `Equal target "/"|"/etc"|"/etc/"|"/etc/pam.conf"|"/etc/security/pwquality.conf"|"/etc/shadow"|"/etc/sudoers"|"/root"|"/root/"`},
	} {
		for _, r := range e.Rules {
			if r.Name != test.rule {
				continue
			}
			event, _ := catalog.EventTypeOf(test.event)
			p := Rule(e, r, event, amd64)
			if got := conjuncts(&p); got != test.want {
				t.Errorf("%s for %s:\n%s\nwant\n%s", test.rule, test.event, got, test.want)
			}
		}
	}
}

// What stays unfiltered has a reason, and it is not more than is known.
func TestUnfiltered(t *testing.T) {
	e := shared(t)
	var all []string
	for _, p := range Derive(e, amd64) {
		switch {
		case p.All:
			all = append(all, p.Event.Name)
			for _, r := range p.Reasons {
				if r.Atom == "" {
					t.Errorf("%s is not filtered because of %s, and nothing says why", p.Event.Name, r.Rule.Name)
				}
			}
			if len(p.Reasons) == 0 {
				t.Errorf("%s is not filtered without a reason", p.Event.Name)
			}
		case len(p.Conjuncts) > mostConjuncts || normal(p.Conjuncts).filters() > mostFilters:
			t.Errorf("%s: %d conjuncts", p.Event.Name, len(p.Conjuncts))
		}
	}
	if want := []string{"execve", "execveat", "setns", "setuid"}; !slices.Equal(all, want) {
		t.Errorf("not filtered: %v, want %v", all, want)
	}
}
