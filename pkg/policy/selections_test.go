// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// selecting is a policy with what stands below spec, and selectors with these matchWorkloads.
func selecting(kind Kind, name, scope string, entries ...string) string {
	var selectors []string
	for _, e := range entries {
		selectors = append(selectors, "{matchWorkloads: "+e+"}")
	}
	return fmt.Sprintf("apiVersion: cilium.io/v1alpha1\nkind: %s\nmetadata: {name: %s}\nspec: {%skprobes: [{call: fd_install, syscall: false, selectors: [%s]}]}\n",
		kind, name, scope, strings.Join(selectors, ", "))
}

func TestNumbersOfSelections(t *testing.T) {
	const web, db = "podSelector: {matchLabels: {app: web}}", "podSelector: {matchLabels: {app: db}}"
	text := strings.Join([]string{
		selecting(TracingPolicy, "everything", ""),
		selecting(TracingPolicy, "every-pod", "podSelector: {}, hostSelector: {}, "),
		selecting(TracingPolicy, "web", web+", "),
		selecting(TracingPolicy, "entries", "", "{"+db+"}", "{"+web+"}", "{"+db+", hostSelector: {}}", "{hostSelector: {}}"),
		selecting(TracingPolicyNamespaced, "namespaced", web+", "),
		selecting(TracingPolicy, "web-again", web+", hostSelector: {}, "),
		// texts that look alike are different selectors
		selecting(TracingPolicy, "one-image", "containerSelector: {matchExpressions: [{key: repo, operator: In, values: ['a,b']}]}, "),
		selecting(TracingPolicy, "two-images", "containerSelector: {matchExpressions: [{key: repo, operator: In, values: [a, b]}]}, "),
		selecting(TracingPolicy, "nodes", "nodeSelector: {matchLabels: {disk: ssd}}, "),
	}, "---\n")
	file, err := Parse("test.yaml", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	s, err := NumberSelections(file.Policies)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint64{0, 0, 1 << 0, 0, 1 << 4, 1 << 0, 1 << 5, 1 << 6, 1 << 7} {
		if got := s.OfPolicy(file.Policies[i]); got != want {
			t.Errorf("policy %s: %b, want %b", file.Policies[i].Name, got, want)
		}
	}
	var entries []uint64
	for _, selector := range file.Policies[3].Hooks[0].Selectors {
		for _, w := range selector.Workloads {
			entries = append(entries, s.OfWorkload(w))
		}
	}
	if got, want := fmt.Sprint(entries), fmt.Sprint([]uint64{1 << 1, 1 << 0, 1 << 2, 1 << 3}); got != want {
		t.Errorf("entries %s, want %s", got, want)
	}
	if len(s.All()) != 8 || !s.All()[3].HostOnly() || s.All()[2].HostOnly() {
		t.Errorf("selections %+v", s.All())
	}
}

func TestMoreSelectionsThanBits(t *testing.T) {
	var texts []string
	for i := range MaxSelections + 1 {
		texts = append(texts, selecting(TracingPolicy, fmt.Sprintf("p%d", i), fmt.Sprintf("podSelector: {matchLabels: {app: web-%d}}, ", i)))
	}
	file, err := Parse("test.yaml", strings.NewReader(strings.Join(texts, "---\n")))
	if err != nil {
		t.Fatal(err)
	}
	s, err := NumberSelections(file.Policies[:MaxSelections])
	if err != nil {
		t.Fatal(err)
	}
	if last := s.OfPolicy(file.Policies[MaxSelections-1]); last != 1<<(MaxSelections-1) || last == SessionSelection {
		t.Errorf("the last bit is %b", last)
	}
	var problem Problem
	if _, err := NumberSelections(file.Policies); !errors.As(err, &problem) || problem.Position != file.Policies[MaxSelections].Position {
		t.Errorf("%v, want it to name the last policy", err)
	}
}
