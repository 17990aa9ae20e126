// SPDX-License-Identifier: Apache-2.0

package policyset

import (
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// TestWhatHasNoMeaning: on a cluster that hosts are selected, on a machine that pods are.
func TestWhatHasNoMeaning(t *testing.T) {
	const hooks = "  kprobes: [{call: fd_install, syscall: false, selectors: [{matchWorkloads: WORKLOADS}]}]"
	for name, test := range map[string]struct {
		spec               string
		onCluster, locally string
	}{
		"nothing is selected": {"  loader: true", "", ""},
		"pods":                {"  loader: true\n  podSelector: {matchLabels: {app: web}}", "", "policy p is about pods app=web: --local knows no pods"},
		"the host":            {"  loader: true\n  hostSelector: {}", "policy p has a hostSelector", ""},
		"workloads of pods":   {strings.Replace(hooks, "WORKLOADS", "{podSelector: {matchLabels: {app: web}}}", 1), "", "policy p has selectors for pods app=web: --local knows no pods"},
		"workloads of both": {strings.Replace(hooks, "WORKLOADS", "{podSelector: {matchLabels: {app: web}}, hostSelector: {}}", 1),
			"policy p has a hostSelector", "policy p has selectors for pods app=web, the host: --local knows no pods"},
	} {
		t.Run(name, func(t *testing.T) {
			set := Set{Policies: parsed(t, head+test.spec)}
			for _, check := range []struct {
				warnings []string
				want     string
			}{{set.NotOnCluster(), test.onCluster}, {set.NotLocal(), test.locally}} {
				if got := strings.Join(check.warnings, "\n"); (got == "") != (check.want == "") || !strings.HasPrefix(got, check.want) {
					t.Errorf("%q, want %q", got, check.want)
				}
			}
		})
	}
}

// head begins a policy.
const head = "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: p}\nspec:\n"

func parsed(t *testing.T, text string) []*policy.Policy {
	t.Helper()
	file, err := policy.Parse("test.yaml", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return file.Policies
}
