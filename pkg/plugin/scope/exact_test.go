// SPDX-License-Identifier: Apache-2.0

package scope

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// killing is a policy that enforces.
func killing(name, scope string) string {
	return strings.Replace(document(policy.TracingPolicy, name, "", scope), "syscall: false", "syscall: false, selectors: [{matchActions: [{action: Sigkill}]}]", 1)
}

func TestExactly(t *testing.T) {
	observing := document(policy.TracingPolicy, "observing", "", ", podSelector: {matchLabels: {app: web}}")
	const web, db, fast = ", podSelector: {matchLabels: {app: web}}", ", podSelector: {matchLabels: {app: db}}", ", nodeSelector: {matchLabels: {disk: ssd}}"
	container := func(values string) string {
		return ", containerSelector: {matchExpressions: [{key: name, operator: In, values: [" + values + "]}]}"
	}
	for name, test := range map[string]struct {
		policies []string
		node     string
		want     bool
		wrong    string
	}{
		"no selector":                          {[]string{killing("p", "")}, "slow", true, ""},
		"selected":                             {[]string{killing("p", web)}, "slow", true, ""},
		"not selected":                         {[]string{killing("p", db)}, "slow", false, ""},
		"by both":                              {[]string{killing("p", web), killing("q", "")}, "slow", true, ""},
		"by neither":                           {[]string{killing("p", db), killing("q", db)}, "slow", false, ""},
		"by one of two":                        {[]string{killing("p", web), killing("q", db)}, "slow", false, "policy p is about it and policy q is not"},
		"the other only observes":              {[]string{killing("p", db), observing}, "slow", false, ""},
		"the other is not on this node":        {[]string{killing("p", web), killing("q", db+fast)}, "slow", true, ""},
		"the other is on this node":            {[]string{killing("p", web), killing("q", db+fast)}, "fast", false, "run a session for each"},
		"both are in one file, which is there": {[]string{killing("p", web) + "---\n" + killing("q", fast)}, "slow", false, "policy p is about it and policy q is not"},
		"the node can't be read":               {[]string{killing("p", fast)}, "unknown", false, "forbidden"},
		"all containers":                       {[]string{killing("p", container("main, sidecar, setup, debug"))}, "slow", true, ""},
		"no container":                         {[]string{killing("p", container("other"))}, "slow", false, ""},
		"some containers":                      {[]string{killing("p", container("main, setup"))}, "slow", false, "container setup, main and not about sidecar, debug"},
		"all but the debugging one":            {[]string{killing("p", container("main, sidecar, setup"))}, "slow", false, "not about debug"},
		"by image":                             {[]string{killing("p", ", containerSelector: {matchLabels: {repo: nginx}}")}, "slow", false, "by their images"},
	} {
		t.Run(name, func(t *testing.T) {
			p := pod("shop", "a", test.node, "web")
			p.Spec.InitContainers = []corev1.Container{{Name: "setup"}}
			p.Spec.Containers = []corev1.Container{{Name: "main"}, {Name: "sidecar"}}
			p.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug"}}}
			got, err := read(t, test.policies...).Exactly(t.Context(), p)
			if got != test.want || (err == nil) != (test.wrong == "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("%t, %v", got, err)
			}
		})
	}
}
