// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

// served plays a tracer: the first hook is served by its second way, the second by none, the others by their only one.
func served(policies []*policy.Policy) (all []Served) {
	for i, p := range policies {
		for j := range p.Hooks {
			name := p.Hooks[j].Name()
			s := Served{Policy: i, Hook: j, Ways: []event.Hook{
				{Policy: p.Name, Name: name, Backend: "tp_btf", Tier: "tracepoint", Programs: 1},
			}}
			switch j {
			case 0:
				s.Ways = []event.Hook{
					{Policy: p.Name, Name: name, Backend: "fentry", Refused: "not permitted\x1b[2J"},
					{Policy: p.Name, Name: name, Backend: "kprobe", Tier: "kprobe", Programs: 1, Prevents: true},
					{Policy: p.Name, Name: name, Backend: "sys_enter", Tier: "tracepoint", Via: "tracepoint sys_enter", Notes: []string{"less"}, Programs: 4},
				}
			case 1:
				s.Ways = []event.Hook{{Policy: p.Name, Name: name, Backend: "function", Refused: "no such function"}}
			case 2:
				s.Ways[0].Notes = []string{"granted capabilities are not seen"}
			}
			all = append(all, s)
		}
		all = append(all, Served{Policy: i, Hook: -1, Ways: []event.Hook{{Policy: p.Name, Name: "enforcer " + p.Enforcers[0].String(), Backend: "fmod_ret", Tier: "trampoline", Prevents: true}}})
	}
	return all
}

func load(t *testing.T) []*policy.Policy {
	t.Helper()
	file, err := policy.Load([]string{filepath.Join("testdata", "policies.yaml")}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file.Policies
}

func TestText(t *testing.T) {
	policies := load(t)
	for name, armed := range map[string]bool{"observing": false, "armed": true} {
		var out bytes.Buffer
		if err := Text(&out, Policies(policies, served(policies), armed)); err != nil {
			t.Fatal(err)
		}
		golden.Check(t, filepath.Join("testdata", name+".txt"), out.Bytes())
	}
}

func TestDocument(t *testing.T) {
	policies := load(t)
	document, err := json.MarshalIndent(Policies(policies, served(policies), false), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/document.json", append(document, '\n'))
}

// Every way to compare has words, so that none is shown by its operator where the type is known.
func TestVerbs(t *testing.T) {
	for m := policy.MatchLater + 1; m <= policy.MatchFileType; m++ {
		words, ok := verbs[m]
		if want := m != policy.MatchExpression; ok != want || ok && (words[0] == "" || words[0] == words[1]) {
			t.Errorf("match %d: %q", m, words)
		}
	}
}

func TestLongListsAreCut(t *testing.T) {
	all := strings.Split(strings.Repeat("x", 20), "")
	if got := alternatives(all); !strings.HasSuffix(got, "x or 12 more") {
		t.Error(got)
	}
	if got := alternatives(all[:9]); strings.Contains(got, "more") {
		t.Error(got)
	}
}

func TestSpan(t *testing.T) {
	signed, unsigned := &policy.ArgumentType{Class: policy.ClassNumber, Bits: 32, Signed: true}, &policy.ArgumentType{Class: policy.ClassNumber, Bits: 8}
	const minusOne = ^uint64(0)
	for _, test := range []struct {
		r    policy.Range
		t    *policy.ArgumentType
		want string
	}{
		{policy.Range{Min: minusOne, Max: minusOne}, signed, "-1"},
		{policy.Range{Min: minusOne, Max: 5}, signed, "-1 to 5"},
		{policy.Range{Min: 6, Max: 1<<31 - 1}, signed, "at least 6"},
		{policy.Range{Min: ^uint64(1<<31 - 1), Max: minusOne}, signed, "at most -1"},
		{policy.Range{Min: 0, Max: 7}, unsigned, "at most 7"},
		{policy.Range{Min: 7, Max: 255}, unsigned, "at least 7"},
		{policy.Range{Min: 7, Max: 254}, unsigned, "7 to 254"},
		{policy.Range{Min: 0, Max: 1023}, &policy.ArgumentType{Class: policy.ClassSocket}, "0 to 1023"},
	} {
		if got := span(test.r, test.t); got != test.want {
			t.Errorf("%+v: %s, want %s", test.r, got, test.want)
		}
	}
}

// TestEffect: what comes of enforcing actions where calls can be made to fail, and where not.
func TestEffect(t *testing.T) {
	kill, silent := policy.Action{Kind: policy.Sigkill}, policy.Action{Kind: policy.NoPost}
	override, signal := policy.Action{Kind: policy.Override, Error: -1}, policy.Action{Kind: policy.Signal, Signal: 10}
	notify, notifyAndKill := policy.Action{Kind: policy.NotifyEnforcer, Error: -1}, policy.Action{Kind: policy.NotifyEnforcer, Error: -1, Signal: 9}
	const futile = "CANNOT BE ENFORCED: %s can neither deny nor kill here, so enforce refuses to arm it"
	for _, test := range []struct {
		actions             []policy.Action
		prevents, enforcers bool
		want                string
	}{
		{[]policy.Action{kill, silent}, true, false, "prevents"},
		{[]policy.Action{kill, silent}, false, false, "kills but does not prevent"},
		{[]policy.Action{override}, true, false, "prevents"},
		{[]policy.Action{override}, false, true, fmt.Sprintf(futile, "Override")},
		{[]policy.Action{override, signal}, false, false, fmt.Sprintf(futile, "Override")},
		{[]policy.Action{override, kill}, false, false, "kills but does not prevent"},
		{[]policy.Action{signal}, true, false, "acts but does not prevent"},
		{[]policy.Action{notify}, true, false, fmt.Sprintf(futile, "NotifyEnforcer")},
		{[]policy.Action{notify}, false, true, "prevents"},
		{[]policy.Action{notifyAndKill}, false, false, "kills but does not prevent"},
	} {
		h := &policy.Hook{Selectors: []policy.Selector{{Actions: test.actions}}}
		if got := effect(h, test.prevents, test.enforcers); got != test.want {
			t.Errorf("%+v: %s, want %s", test, got, test.want)
		}
	}
}
