// SPDX-License-Identifier: Apache-2.0

package target

import (
	"os"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

// The cluster role grants what targets can need, and nothing else.
func TestTargetReaderManifest(t *testing.T) {
	text, err := os.ReadFile("../../../manifests/rbac.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var role rbacv1.ClusterRole
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		if strings.Contains(document, "\n  name: trace-sec-target-reader\n") {
			if err := yaml.UnmarshalStrict([]byte(document), &role); err != nil {
				t.Fatal(err)
			}
		}
	}
	var got, want []string
	for _, rule := range role.Rules {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				got = append(got, verb+" "+rule.APIGroups[0]+"/"+resource)
			}
		}
	}
	for _, n := range Needs("") {
		want = append(want, n.Verb+" "+n.Group+"/"+n.Resources())
	}
	want = append(want, "list /services", "watch /services") // package address follows them
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the role grants\n%q, want\n%q", got, want)
	}
}
