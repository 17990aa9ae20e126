// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

// What rules need is written as policies that are sound and enforce nothing.
func TestFalcoPolicies(t *testing.T) {
	r, err := Load(t.Context(), Options{Files: []string{filepath.Join("testdata", "calls.yaml")}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := compose.YAML(r.Policies()...)
	if err != nil {
		t.Fatal(err)
	}
	file, err := policy.Parse("composed", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	hooks := 0
	for _, p := range file.Policies {
		if p.Acts() {
			t.Errorf("policy %s acts", p.Name)
		}
		hooks += len(p.Hooks)
	}
	if len(file.Policies) != 3 || hooks != 7 {
		t.Errorf("%d policies with %d hooks", len(file.Policies), hooks)
	}
	golden.Check(t, filepath.Join("testdata", "calls-policies.yaml"), text)
}

// A rule that needs no event but programs that run needs no policy.
func TestNoPolicies(t *testing.T) {
	r, err := Load(t.Context(), Options{Sigma: []string{"testdata/sigma"}})
	if err != nil || len(r.Policies()) != 0 {
		t.Errorf("%v, %v", r.Policies(), err)
	}
}

// What only rules need that are not evaluated is not hooked.
func TestPoliciesOfChosenRules(t *testing.T) {
	r, err := Load(t.Context(), Options{Files: []string{filepath.Join("testdata", "calls.yaml")}, Only: []string{"Copied", "Traced"}})
	if err != nil {
		t.Fatal(err)
	}
	var called []string
	for _, p := range r.Policies() {
		for i := range p.Kprobes {
			called = append(called, p.Kprobes[i].Call)
		}
	}
	if want := []string{"sys_dup2", "sys_ptrace"}; !slices.Equal(called, want) {
		t.Errorf("%q, want %q", called, want)
	}
}
