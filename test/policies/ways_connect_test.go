// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"slices"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// waysToConnect are those to reach the address that is denied: what prepares it, and the one command of provoke that does it. The last
// ones reach another, and nothing may hinder them.
var waysToConnect = []struct{ name, before, do string }{
	{"tcp", "listen 127.0.0.1 5001", "connect 127.0.0.1 5001"},
	{"tcp-mapped", "listen 127.0.0.1 5001", "connect ::ffff:127.0.0.1 5001"},
	{"fast-open", "listen 127.0.0.1 5001", "fast-open 127.0.0.1 5001 hello"},
	{"udp", "receive 127.0.0.1 5000", "connect-udp 127.0.0.1 5000"},
	{"udp-unconnected", "receive 127.0.0.1 5000", "send-to 127.0.0.1 5000 hello"},
	{"udp-unconnected-mapped", "receive 127.0.0.1 5000", "send-to ::ffff:127.0.0.1 5000 hello"},
	{"raw", "nothing", "ping 127.0.0.1"},
	{elsewhere, "receive 127.0.0.2 5000", "send-to 127.0.0.2 5000 hello"},
	{elsewhere + "-tcp", "listen 127.0.0.2 5001", "connect 127.0.0.2 5001"},
}

const elsewhere = "elsewhere"

// TestWaysToConnect: no way to an address that --deny-connect denies is left, by whatever protocol. That each is one is seen in a run
// that denies nothing.
func TestWaysToConnect(t *testing.T) {
	full := harness.FullTier(t)
	text, err := compose.YAML(compose.DenyConnect([]string{"127.0.0.1/32"}, compose.Denial{Kill: !full}))
	if err != nil {
		t.Fatal(err)
	}
	for _, armed := range []bool{false, true} {
		o := harness.Options{Enforce: armed, Allowed: map[string][]int{}}
		var steps []harness.Step
		for _, w := range waysToConnect {
			do := "network then " + w.before + " then "
			if denied := armed && w.name != elsewhere && w.name != elsewhere+"-tcp"; denied && full {
				do += "expect EPERM "
			} else if denied {
				o.Allowed[w.name] = []int{killed}
			}
			steps = append(steps, harness.Step{Label: w.name, Do: do + w.do})
		}
		result := harness.Run(t, string(text), o, steps...)
		for name := range o.Allowed {
			if !slices.Equal(result.Status[name], []int{killed}) {
				t.Errorf("%s: ended with %v, want it killed", name, result.Status[name])
			}
		}
	}
}
