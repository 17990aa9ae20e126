// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

func TestParseNamespaces(t *testing.T) {
	for text, want := range map[string][]string{"*": nil, "shop": {"shop"}, "shop,db-1": {"shop", "db-1"}} {
		if got, err := ParseNamespaces(text); err != nil || !slices.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "shop,", "*,shop", "shop,*", "Shop", "a_b", "a b", "../x", strings.Repeat("a,", maxNamespaces) + "a"} {
		if got, err := ParseNamespaces(text); err == nil {
			t.Errorf("%q is read as %q", text, got)
		}
	}
}

// logsOf is a kubelet's directory of logs with these entries.
func logsOf(t *testing.T, entries ...string) string {
	t.Helper()
	directory := t.TempDir()
	for _, name := range entries {
		if err := os.Mkdir(filepath.Join(directory, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

// What a configuration may ask for is what the arguments allow.
func TestPermitOfConfigurations(t *testing.T) {
	logs := logsOf(t)
	pods := wire.Targets{Pods: []wire.Pod{{UID: "u1"}}}
	for name, test := range map[string]struct {
		permit *Permit
		config wire.TracerConfig
		refuse string
	}{
		"no permit is asked for":        {nil, wire.TracerConfig{Enforce: true, Targets: wire.Targets{All: true}}, ""},
		"enforce, allowed":              {&Permit{Enforce: true}, wire.TracerConfig{Enforce: true}, ""},
		"enforce, not allowed":          {&Permit{}, wire.TracerConfig{Enforce: true}, "lack --enforce"},
		"the node, allowed":             {&Permit{}, wire.TracerConfig{Targets: wire.Targets{All: true}}, ""},
		"the node, not allowed":         {&Permit{Namespaces: []string{"shop"}, PodLogs: logs}, wire.TracerConfig{Targets: wire.Targets{All: true}}, "pods of namespace shop only"},
		"cgroups, not allowed":          {&Permit{Namespaces: []string{"shop"}, PodLogs: logs}, wire.TracerConfig{Targets: wire.Targets{Cgroups: []string{"/"}}}, "--namespaces=*"},
		"processes, not allowed":        {&Permit{Namespaces: []string{"a", "b"}, PodLogs: logs}, wire.TracerConfig{Targets: wire.Targets{Pids: []uint32{1}}}, "pods of namespaces a, b only"},
		"pods":                          {&Permit{Namespaces: []string{"shop"}, PodLogs: logs}, wire.TracerConfig{Targets: pods}, ""},
		"pods, and nothing tells whose": {&Permit{Namespaces: []string{"shop"}, PodLogs: logs + "/no"}, wire.TracerConfig{Targets: pods}, "cannot see which pods these are"},
	} {
		err := test.permit.checkConfig(test.config)
		if (test.refuse == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), test.refuse) {
			t.Errorf("%s: %v, want %q", name, err, test.refuse)
		}
	}
}

// Only pods of permitted namespaces pass, by the UID as a whole; of others it is said once, and those that the node does not know wait.
func TestGate(t *testing.T) {
	const one, other, late = "11111111-0000-0000-0000-000000000000", "22222222-0000-0000-0000-000000000000", "33333333-0000-0000-0000-000000000000"
	logs := logsOf(t, "shop_web_"+one, "kube-system_dns_"+other, "shop_a_b_"+late, "shop_web")
	if err := os.WriteFile(filepath.Join(logs, "shop_file_"+late), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var said []string
	g := newPodGate(&Permit{Namespaces: []string{"shop"}, PodLogs: logs}, func(n event.Notice) { said = append(said, n.Subject+" "+n.Text) })
	asked := []wire.Pod{{UID: one, Selections: 5}, {UID: other}, {UID: late}, {UID: one[:8]}, {UID: ""}}
	for range 2 {
		if got := g.pass(asked); len(got) != 1 || got[0].UID != one || got[0].Selections != 5 {
			t.Fatalf("%+v pass", got)
		}
	}
	if len(said) != 1 || !strings.HasPrefix(said[0], other) || !strings.Contains(said[0], "it is of namespace kube-system") {
		t.Errorf("it says %q", said)
	}
	if got := g.again(); len(got) != 0 {
		t.Errorf("%+v pass, and nothing has changed", got)
	}
	if err := os.Mkdir(filepath.Join(logs, "shop_late_"+late), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := g.again(); len(got) != 1 || got[0].UID != late || g.waiting[late] != nil {
		t.Errorf("%+v pass when the kubelet knows the pod, %v waits", got, g.waiting)
	}
	g.keep(map[string]bool{"": true})
	if len(g.waiting) != 1 {
		t.Errorf("%v wait", g.waiting)
	}
	g.forget([]string{""})
	if len(g.waiting) != 0 {
		t.Errorf("%v wait", g.waiting)
	}
}

// A pod that was looked at passes when its logs are gone: it is being deleted.
func TestGateKnowsWhomItLetPass(t *testing.T) {
	logs := logsOf(t, "shop_web_u1")
	g := newPodGate(&Permit{Namespaces: []string{"shop"}, PodLogs: logs}, func(n event.Notice) { t.Errorf("it says %q", n.Text) })
	pods := []wire.Pod{{UID: "u1"}}
	if got := g.pass(pods); len(got) != 1 {
		t.Fatalf("%+v pass", got)
	}
	if err := os.Remove(filepath.Join(logs, "shop_web_u1")); err != nil {
		t.Fatal(err)
	}
	if got := g.pass(pods); len(got) != 1 || len(g.waiting) > 0 {
		t.Errorf("%+v pass, %v wait", got, g.waiting)
	}
}

func TestGateIsOpen(t *testing.T) {
	for _, p := range []*Permit{nil, {}} {
		if got := newPodGate(p, nil).pass([]wire.Pod{{UID: "u1"}}); len(got) != 1 {
			t.Errorf("%+v: %d pass", p, len(got))
		}
	}
}
