// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"strings"
	"testing"
)

// TestWhatHasNoMeaning: on a cluster that hosts are selected, on a machine that pods are.
func TestWhatHasNoMeaning(t *testing.T) {
	const hooks = "  kprobes: [{call: fd_install, syscall: false, selectors: [{matchWorkloads: [ENTRIES]}]}]"
	for name, test := range map[string]struct {
		spec               string
		onCluster, locally string
	}{
		"nothing is selected": {"  loader: true", "", ""},
		"pods":                {"  loader: true\n  podSelector: {matchLabels: {app: web}}", "", "policy p is about pods app=web: --local knows no pods"},
		"the host":            {"  loader: true\n  hostSelector: {}", "policy p has a hostSelector", ""},
		"an entry with pods":  {strings.Replace(hooks, "ENTRIES", "{podSelector: {matchLabels: {app: web}}}", 1), "", "policy p has selectors for pods app=web: --local knows no pods"},
		"an entry with both": {strings.Replace(hooks, "ENTRIES", "{podSelector: {matchLabels: {app: web}}, hostSelector: {}}", 1),
			"policy p has a hostSelector", "policy p has selectors for pods app=web, the host: --local knows no pods"},
	} {
		t.Run(name, func(t *testing.T) {
			set := policySet{policies: parsed(t, strings.Replace(policyHead, "NAME", "p", 1)+test.spec, "p")}
			for _, check := range []struct {
				warnings []string
				want     string
			}{{set.notOnCluster(), test.onCluster}, {set.notLocal(), test.locally}} {
				if got := strings.Join(check.warnings, "\n"); (got == "") != (check.want == "") || !strings.HasPrefix(got, check.want) {
					t.Errorf("%q, want %q", got, check.want)
				}
			}
		})
	}
}
