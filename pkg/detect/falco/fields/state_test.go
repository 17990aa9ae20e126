// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/internal/sharedrules"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/rulefile"
)

func shared(t testing.TB, options falco.Options) *falco.Engine {
	t.Helper()
	e := falco.Load(rulefile.Read(sharedrules.Paths(t)...), options)
	for _, p := range e.Problems.Errors() {
		t.Error(p)
	}
	return e
}

// The states that were found by hand for the rules of both files, with the events of today. All others are degraded.
var states = map[State][]string{
	Armed: {
		"Create Symlink Over Sensitive Files", "Linux Kernel Module Injection Detected", "Change namespace privileges via unshare",
		"Launch Privileged Container", "Launch Excessively Capable Container",
		"Network Connection outside Local Subnet", "Redirect STDOUT/STDIN to Network Connection in Container", // of connect: accept and listen have no addresses
	},
	ArmedNoisy: {
		"Packet socket created in container", "PTRACE attached to process", "PTRACE anti-debug attempt", "Fileless execution via memfd_create",
		"Change thread namespace", "Non sudo setuid", "Set Setuid or Setgid bit", "BPF Program Not Profiled",
	},
	Unsupported: {
		"Drop and execute new binary in container", "Program run with disallowed http proxy env",
		"Potential Local Privilege Escalation via Environment Variables Misuse",
	},
}

func TestStates(t *testing.T) {
	e := shared(t, falco.Options{})
	got := map[State][]string{}
	for _, rule := range e.Rules {
		report := StateOf(e, rule)
		got[report.State] = append(got[report.State], rule.Name)
		if len(report.Reasons()) == 0 && report.State >= Approximate {
			t.Errorf("%s is %s without a reason", rule.Name, report.State)
		}
	}
	for state, want := range states {
		slices.Sort(want)
		slices.Sort(got[state])
		if !slices.Equal(got[state], want) {
			t.Errorf("state %d: %q, want %q", state, got[state], want)
		}
	}
	if n := len(got[Approximate]); n != 38 {
		t.Errorf("%d rules are degraded", n)
	}
}

func TestHostOnly(t *testing.T) {
	e := shared(t, falco.Options{Container: logic.InContainer})
	var got []string
	for _, rule := range e.Rules {
		if StateOf(e, rule).State == HostOnly {
			got = append(got, rule.Name)
		}
	}
	if want := []string{"User mgmt binaries", "Launch Suspicious Network Tool on Host"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Each row names fields and event types that there are.
func TestRows(t *testing.T) {
	names := catalog.FieldNames()
	for _, parameter := range catalog.Parameters() {
		names = append(names, "evt.arg."+parameter)
	}
	for _, row := range rows {
		for name := range strings.FieldsSeq(row.fields) {
			prefix, all := strings.CutSuffix(name, "*")
			if !slices.ContainsFunc(names, func(n string) bool { return n == name || all && strings.HasPrefix(n, prefix) }) {
				t.Errorf("no field is called %s", name)
			}
		}
		for name := range strings.FieldsSeq(row.events) {
			if _, ok := catalog.EventTypeOf(name); !ok {
				t.Errorf("no event type is called %s", name)
			}
		}
		if (row.status == Exact) != (row.reason == "") {
			t.Errorf("%s: %s, because %q", row.fields, row.status, row.reason)
		}
	}
}
